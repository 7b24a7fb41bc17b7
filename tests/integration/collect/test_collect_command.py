"""The real command, run as a process, where it cannot do what it should."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.fixtures.command import hide_package, run, write_configuration, writing_to
from tests.fixtures.observed import Observed, ObservedDuckDb
from tests.integration.collect.conftest import Fill


@pytest.fixture
def observed(filled: Fill, tmp_path: Path) -> Observed:
    return filled("duckdb").copy(tmp_path / "observed")


@pytest.fixture
def folder(observed: Observed, tmp_path: Path) -> Path:
    """A folder that is configured to observe one DuckDB file."""
    made = tmp_path / "site"
    write_configuration(
        made,
        {
            "sources": {"dlt_metadata": {"destinations": ["src"]}},
            "destination": {"src": {"destination_type": "duckdb"}},
        },
        {"destination": {"src": observed.settings()}},
    )
    return made


def test_a_home_that_is_in_use_is_told_and_check_works_all_the_same(folder: Path) -> None:
    with writing_to(folder / "meta_pipeline.duckdb"):
        collect, check, status = run(folder, "collect"), run(folder, "check"), run(folder, "status")

    assert collect.code == 2
    assert "meta_pipeline.duckdb is in use by another process" in collect.err
    assert "run again" in collect.err
    assert "Traceback" not in collect.err
    assert check.code == 0, check.err
    assert "3 datasets will be read" in check.err
    assert status.code == 2
    assert "is in use by another process" in status.err
    assert run(folder, "collect").code == 0, "nothing was left that stands in the way"


def test_a_home_that_is_no_database_is_told(folder: Path) -> None:
    (folder / "meta_pipeline.duckdb").write_text("This is no database. " * 1_000, encoding="utf-8")

    done = run(folder, "collect")

    assert done.code == 2
    assert "meta_pipeline.duckdb could not be opened" in done.err
    assert "Traceback" not in done.err


def test_settings_that_are_meant_for_ones_own_pipelines_change_nothing(folder: Path) -> None:
    config = folder / ".dlt" / "config.toml"
    own = """
        restore_from_destination = false
        dev_mode = true
        dataset_name = "elsewhere"
        schema.naming = "sql_cs_v1"
        normalize.loader_file_format = "insert_values"
        normalize.parquet_normalizer.add_dlt_load_id = true
        load.workers = 1
        load.delete_completed_jobs = true
        data_writer.file_max_items = 2
        extract.next_item_mode = "fifo"
        runtime.log_level = "DEBUG"
    """
    config.write_text(own + config.read_text(encoding="utf-8"), encoding="utf-8")

    first, second = run(folder, "collect"), run(folder, "collect", "--json")

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert first.err.splitlines()[0] == "Collecting ..."
    assert len(first.err.splitlines()) == 3, first.err
    assert second.json["rows_read"] == 0
    with duckdb.connect(str(folder / "meta_pipeline.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from observability.loads").fetchone() == (5,)


def test_the_environment_may_be_all_the_configuration_there_is(observed: Observed, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    variables = {"SOURCES__DLT_METADATA__DESTINATIONS": '["src"]', **observed.environment()}

    for command in ("check", "collect"):
        done = run(tmp_path / "bare", command, **variables)
        assert done.code == 0, done.err

    misspelt = run(tmp_path / "bare", "check", **variables, SOURCES__DLT_METADATA__ROW_COUNT="scan")
    assert misspelt.code == 2
    assert "Did you mean 'row_counts'?" in misspelt.err


@pytest.mark.parametrize(
    ("blocked", "kind", "settings", "extra"),
    [
        ("psycopg2", "postgres", {"credentials": "postgresql://u:hunter2@127.0.0.1:1/d"}, "postgres"),
        ("s3fs", "filesystem", {"bucket_url": "s3://bucket"}, "s3"),
        ("gcsfs", "filesystem", {"bucket_url": "gs://bucket"}, "gs"),
        ("adlfs", "filesystem", {"bucket_url": "az://bucket"}, "az"),
    ],
)
def test_a_missing_extra_is_told_and_the_rest_is_read(
    folder: Path, tmp_path: Path, blocked: str, kind: str, settings: dict[str, str], extra: str
) -> None:
    destination = {f"DESTINATION__OTHER__{key}".upper(): value for key, value in settings.items()}
    secrets = {
        "s3": {"AWS_ACCESS_KEY_ID": "hunter2", "AWS_SECRET_ACCESS_KEY": "hunter2"},
        "gs": {"PROJECT_ID": "p", "PRIVATE_KEY": "hunter2", "CLIENT_EMAIL": "hunter2@example.com"},
        "az": {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": "hunter2"},
    }
    variables = {
        "PYTHONPATH": hide_package(tmp_path / "without", blocked),
        "SOURCES__DLT_METADATA__DESTINATIONS": '["src", "other"]',
        "DESTINATION__OTHER__DESTINATION_TYPE": kind,
        **destination,
        **{f"DESTINATION__OTHER__CREDENTIALS__{key}": value for key, value in secrets.get(extra, {}).items()},
    }

    done = run(folder, "collect", **variables)

    assert done.code == 2
    assert f"pip install 'meta-pipeline[{extra}]'" in done.err
    assert "src: 3 datasets" in done.err
    assert "hunter2" not in done.err


def test_a_file_that_may_not_be_read_is_told(folder: Path, observed: Observed) -> None:
    import os

    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    assert isinstance(observed, ObservedDuckDb)
    for path in (observed.file, observed.folder):
        mode = path.stat().st_mode
        path.chmod(0)
        try:
            done = run(folder, "collect")
        finally:
            path.chmod(mode)
        assert done.code == 2
        assert "ermission denied" in done.err or "no right to open" in done.err
