"""Destinations that are read in no way of their own: SQLite for real, Redshift's client on a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest

from tests.fixtures.collected import Site
from tests.fixtures.kept_trace import assert_kept_trace_is_collected, keep_trace
from tests.fixtures.mariadb_server import missing_parts, running_mariadb
from tests.fixtures.observed import ORDERS, Observed, ObservedPostgres, shop
from tests.fixtures.two_loads import check_two_loads


class ObservedSqlAlchemy:
    """A destination behind SQLAlchemy.

    Args:
        folder: A folder for dlt's working folders.
        url: Its URL; by default of a SQLite destination in the folder, which is a file per dataset.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder / 'warehouse.db'}"
        folder.mkdir()

    def environment(self) -> dict[str, str]:
        return {"DESTINATION__SRC__DESTINATION_TYPE": "sqlalchemy", "DESTINATION__SRC__CREDENTIALS": self.url}

    def pipeline(self, name: str, dataset: str) -> dlt.Pipeline:
        return dlt.pipeline(
            name,
            destination=dlt.destinations.sqlalchemy(self.url, destination_name="warehouse"),
            dataset_name=dataset,
            pipelines_dir=str(self.folder / "pipelines"),
        )

    def run(self, name: str, dataset: str, data: Any) -> str:
        return str(self.pipeline(name, dataset).run(data).loads_ids[-1])


@pytest.fixture
def sqlite(tmp_path: Path) -> ObservedSqlAlchemy:
    return ObservedSqlAlchemy(tmp_path / "sqlite")


def test_sqlite_is_read_and_then_what_is_new_in_it(site: Site, sqlite: ObservedSqlAlchemy) -> None:
    check_two_loads(site.configure(sqlite.environment(), row_counts="scan"), sqlite.run)


@pytest.mark.skipif(bool(missing_parts()), reason=f"no MariaDB here: install {' and '.join(missing_parts())}")
def test_mariadb_is_read_and_then_what_is_new_in_it(site: Site, tmp_path: Path) -> None:
    with running_mariadb(tmp_path) as url:
        mariadb = ObservedSqlAlchemy(tmp_path / "mariadb", url)
        check_two_loads(site.configure(mariadb.environment(), row_counts="scan"), mariadb.run)


def test_more_datasets_than_sqlite_opens_at_once_are_read(site: Site, sqlite: ObservedSqlAlchemy) -> None:
    sqlite.run("crm", "crm", shop(ORDERS))
    template = (sqlite.folder / "warehouse__crm.db").read_bytes()
    for number in range(12):
        (sqlite.folder / f"warehouse__crm_{number}.db").write_bytes(template)

    assert site.configure(sqlite.environment()).collect().failures == []

    assert site.rows("select count(*), count(distinct dataset_name) from loads") == [(13, 13)]


def test_kept_traces_in_sqlite_are_runs(site: Site, sqlite: ObservedSqlAlchemy) -> None:
    load_id = keep_trace(sqlite.pipeline("keeper", "kept"))

    assert site.configure(sqlite.environment()).collect().failures == []

    assert_kept_trace_is_collected(site, load_id)


def test_a_sqlite_file_that_is_none_is_told(site: Site, sqlite: ObservedSqlAlchemy) -> None:
    (sqlite.folder / "warehouse__crm.db").write_text("This is no database. " * 1_000, encoding="utf-8")

    result = site.configure(sqlite.environment()).collect()

    assert "file is not a database" in result.failures[0]


def test_a_sqlite_folder_that_is_not_there_is_told(site: Site) -> None:
    environment = {
        "DESTINATION__SRC__DESTINATION_TYPE": "sqlalchemy",
        "DESTINATION__SRC__CREDENTIALS": "sqlite:///x/y.db",
    }

    result = site.configure(environment).collect()

    assert site.coverage()["src", None][0] == "unreachable"
    assert "there is no folder" in result.failures[0]


def _redshift(url: str) -> dict[str, str]:
    return {"DESTINATION__SRC__DESTINATION_TYPE": "redshift", "DESTINATION__SRC__CREDENTIALS": url}


def test_redshifts_client_reads_what_the_family_of_its_own_reads(
    site: Site, postgres: Observed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(postgres, ObservedPostgres)
    tables = ("loads", "pipeline_states", "pipeline_cursors", "schema_versions", "schema_changes", "row_counts")
    own = Site(tmp_path / "own", monkeypatch)
    own.folder.mkdir()
    assert own.configure(postgres.environment(), row_counts="scan").collect().failures == []

    assert site.configure(_redshift(postgres.url), row_counts="scan").collect().failures == []
    assert site.collect().failures == []

    assert site.column("select row_count from collections order by collected_at")[1] == 0
    assert site.contents(tables) == own.contents(tables)
    assert site.rows("select distinct destination_type, outcome from coverage") == [("redshift", "complete")]


def test_a_table_without_rights_is_told_and_the_rest_is_read(site: Site, postgres: Observed) -> None:
    assert isinstance(postgres, ObservedPostgres)
    role = f"reader_of_{postgres.database}"
    postgres.execute(
        f"create role {role} login password 'hunter2'",
        f"grant usage on schema crm, ledger to {role}",
        f"grant select on all tables in schema crm to {role}",
        # What may be seen in the catalogue, but not read.
        f"grant insert on all tables in schema ledger to {role}",
    )

    result = site.configure(
        _redshift(postgres.url.replace(f"postgres:{postgres.password}", f"{role}:hunter2"))
    ).collect()

    outcomes = {name: outcome for (_, name), (outcome, _) in site.coverage().items()}
    assert outcomes == {"crm": "complete", "ledger": "forbidden"}
    assert "no right to read _dlt_loads, _dlt_pipeline_state, _dlt_version in dataset ledger" in result.failures[0]


def test_a_server_that_is_off_is_told_without_its_password(site: Site) -> None:
    result = site.configure(_redshift("redshift://u:hunter2@127.0.0.1:1/d")).collect()

    assert site.coverage()["src", None][0] == "unreachable"
    assert "could not connect to redshift" in result.failures[0]
    assert "hunter2" not in str(result)
