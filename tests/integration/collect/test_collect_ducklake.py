"""DuckLakes with each kind of catalogue that dlt offers and that runs here."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.fixtures.collected import Site
from tests.fixtures.observed import ORDERS, ObservedPostgres, shop
from tests.fixtures.observed_ducklake import DuckLake
from tests.fixtures.two_loads import check_two_loads


@pytest.fixture
def lake(tmp_path: Path) -> DuckLake:
    folder = tmp_path / "observed"
    folder.mkdir()
    return DuckLake(folder, f"sqlite:///{folder / 'catalogue.sqlite'}")


@pytest.mark.parametrize(
    "catalog", ["sqlite", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("duckdb", "postgres"))]
)
def test_a_ducklake_is_read_and_then_what_is_new_in_it(
    site: Site, tmp_path: Path, catalog: str, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "observed"
    folder.mkdir()
    url = f"{catalog}:///{folder / 'catalogue.db'}"
    if catalog == "postgres":
        url = ObservedPostgres(folder, request.getfixturevalue("postgres_url"), "ducklake").create().url
    lake = DuckLake(folder, url)

    check_two_loads(site.configure(lake.environment(), row_counts="scan"), lake.run)

    assert site.column("select distinct destination_type from coverage") == ["ducklake"]


def test_a_catalogue_that_is_not_there_is_told_and_not_made(site: Site, lake: DuckLake) -> None:
    result = site.configure(lake.environment()).collect()

    assert site.coverage()["src", None][0] == "unreachable"
    assert "there is no catalogue" in result.failures[0]
    assert list(lake.folder.iterdir()) == []


def test_a_catalogue_that_is_written_to_is_locked(site: Site, tmp_path: Path) -> None:
    from tests.fixtures.command import writing_to

    file = tmp_path / "catalogue.duckdb"
    duckdb.connect(str(file)).close()
    lake = DuckLake(tmp_path, f"duckdb:///{file}")

    with writing_to(file):
        result = site.configure(lake.environment()).collect()

    assert site.coverage()["src", None][0] == "locked"
    assert "run again" in result.failures[0]


def test_a_server_that_is_off_is_told_without_its_password(site: Site, tmp_path: Path) -> None:
    lake = DuckLake(tmp_path, "postgres://u:hunter2@127.0.0.1:1/d")

    result = site.configure(lake.environment()).collect()

    assert site.coverage()["src", None][0] == "unreachable"
    assert "the catalogue at 127.0.0.1:1/d could not be attached as u" in result.failures[0]
    assert "hunter2" not in str(result)


def test_an_extension_that_is_missing_is_named_and_not_downloaded(
    site: Site, lake: DuckLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.run("crm", "crm", shop(ORDERS))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("meta_pipeline.collect.ducklake.find_spec", lambda _: None)

    result = site.configure(lake.environment()).collect()

    assert site.coverage()["src", None][0] == "misconfigured"
    assert "pip install 'meta-pipeline[ducklake]'" in result.failures[0]
    assert not (tmp_path / ".duckdb").exists()


def test_motherduck_without_network_is_told_without_its_token(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    # Where there is a network, this address keeps DuckDB from it.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    environment = {
        "DESTINATION__SRC__DESTINATION_TYPE": "motherduck",
        "DESTINATION__SRC__CREDENTIALS": "md:warehouse?motherduck_token=hunter2",
    }

    result = site.configure(environment).collect()

    assert site.coverage()["src", None][0] == "unreachable"
    assert "database warehouse of MotherDuck could not be opened" in result.failures[0]
    assert "hunter2" not in str(result)
