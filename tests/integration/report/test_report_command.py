"""The command that people run, in a folder like theirs."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.fixtures.command import Done, hide_package, run, write_configuration
from tests.integration.report.conftest import Site

pytestmark = pytest.mark.xdist_group("page")


@pytest.fixture(scope="session")
def folder(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    write_configuration(
        folder,
        {"report": {"out": "pages"}, "destination": {"observability": {"destination_type": "duckdb"}}},
        {"destination": {"observability": {"credentials": "home.duckdb"}}},
    )
    shutil.copy(site.public.parent / "home.duckdb", folder)
    return folder


@pytest.fixture(scope="session")
def reported(folder: Path) -> Done:
    return run(folder, "report", "--json")


def test_the_page_stands_where_the_configuration_says_with_files_and_documentation(
    reported: Done, folder: Path
) -> None:
    assert reported.code == 0, reported.err
    assert reported.json["page"] == "pages/index.html"
    assert reported.json["bytes"] == (folder / "pages" / "index.html").stat().st_size
    assert reported.json["row_counts"].keys() == {file.stem for file in (folder / "pages" / "data").iterdir()}
    assert 'href="dbt.html"' in (folder / "pages" / "index.html").read_text(encoding="utf-8")


def test_the_documentation_of_the_marts_says_nothing_of_this_machine(reported: Done, folder: Path) -> None:
    text = (folder / "pages" / "dbt.html").read_text(encoding="utf-8")

    assert "One row per pipeline" in text
    assert str(folder) not in text
    assert not re.search(r'"owner": "', text)


def test_the_documentation_is_made_anew_only_for_another_version(reported: Done, folder: Path) -> None:
    kept = folder / ".meta_pipeline" / "dbt" / "docs"
    (made,) = kept.iterdir()
    made.write_text("as it was", encoding="utf-8")

    assert run(folder, "report", "--out", "again").code == 0
    assert (folder / "again" / "dbt.html").read_text(encoding="utf-8") == "as it was"


def test_a_run_writes_the_page_where_the_configuration_names_a_folder(empty: tuple[Done, Path]) -> None:
    done, folder = empty

    assert done.code == 0, done.err
    assert "Wrote site/index.html" in done.err
    assert {file.name for file in (folder / "site").iterdir()} == {"index.html", "dbt.html", "data"}


def test_a_folder_that_cannot_be_written_is_told(reported: Done, folder: Path) -> None:
    (folder / "a_file").touch()
    done = run(folder, "report", "--out", "a_file/site")

    assert done.code == 2
    assert "a_file/site" in done.err
    assert "--out" in done.err


def test_a_missing_package_is_told(reported: Done, folder: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([hide_package(tmp_path, "vl_convert"), os.environ.get("PYTHONPATH", "")])
    done = run(folder, "report", PYTHONPATH=path)

    assert done.code == 2
    assert "pip install 'meta-pipeline[report]'" in done.err


def test_marts_that_are_not_there_yet_are_told(tmp_path: Path) -> None:
    write_configuration(tmp_path, {}, {})
    done = run(tmp_path, "report")

    assert done.code == 2
    assert "meta-pipeline run" in done.err
    assert not (tmp_path / "site").exists()
