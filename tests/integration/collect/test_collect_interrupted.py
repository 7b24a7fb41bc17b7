"""What befalls a destination while it is read: tables go, rights go, the connection breaks off, nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import duckdb
import pytest
from tenacity import wait_none

from meta_pipeline.collect.duckdb import CATALOGUE, DuckDbConnection
from meta_pipeline.collect.opening import _connect
from meta_pipeline.collect.sql import SqlWarehouse, _begun
from tests.fixtures.collected import Site
from tests.fixtures.command import run, write_configuration
from tests.fixtures.observed import ObservedDuckDb, ObservedPostgres
from tests.fixtures.tcp_proxy import TcpProxy, running_tcp_proxy
from tests.integration.collect.conftest import AfterListing, Fill


@pytest.fixture
def proxy(postgres: ObservedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[TcpProxy]:
    """A proxy before PostgreSQL; nobody waits before trying again."""
    for retried in (_begun, _connect):
        monkeypatch.setattr(retried.retry, "wait", wait_none())  # type: ignore[attr-defined]
    server = urlsplit(postgres.url)
    with running_tcp_proxy(str(server.hostname), int(server.port or 0)) as running:
        yield running


def through(proxy: TcpProxy, postgres: ObservedPostgres) -> dict[str, str]:
    """Returns the environment in which PostgreSQL is reached through the proxy."""
    url = urlsplit(postgres.url)
    address = f"{url.username}:{url.password}@127.0.0.1:{proxy.port}"
    credentials = urlunsplit(url._replace(netloc=address))
    return {**postgres.environment(), "DESTINATION__SRC__CREDENTIALS": credentials}


def outcomes(site: Site) -> dict[str | None, str]:
    return {name: outcome for (_, name), (outcome, _) in site.coverage().items()}


def test_a_dataset_that_goes_after_it_was_listed_spoils_nothing_else(
    site: Site, postgres: ObservedPostgres, after_listing: AfterListing
) -> None:
    after_listing(lambda: postgres.drop_dataset("ledger"))

    (failure,) = site.configure(postgres.environment(), row_counts="scan").collect().failures

    assert outcomes(site) == {"crm": "complete", "ledger": "missing", "shared": "complete"}
    assert "dataset ledger of src was here before" in failure
    assert site.rows("select dataset_name, count(*) from loads group by all order by all") == [
        ("crm", 2),
        ("shared", 2),
    ]
    assert site.rows("select count(*) from counted_loads") == [(4,)]


@pytest.mark.parametrize(
    ("table", "words"), [("_dlt_version", "its schemas are not known"), ("_dlt_pipeline_state", "cannot be attributed")]
)
def test_a_system_table_that_goes_after_it_was_listed_is_missed_in_its_dataset_only(
    site: Site, postgres: ObservedPostgres, after_listing: AfterListing, table: str, words: str
) -> None:
    after_listing(lambda: postgres.drop("ledger", table))

    (failure,) = site.configure(postgres.environment()).collect().failures

    assert outcomes(site) == {"crm": "complete", "ledger": "partial", "shared": "complete"}
    assert f"has no table {table}" in failure
    assert words in failure
    assert site.rows("select count(*) from loads") == [(5,)]


def test_a_right_that_goes_after_it_was_listed_is_forbidden_and_read_once_it_is_back(
    site: Site, postgres: ObservedPostgres, monkeypatch: pytest.MonkeyPatch, after_listing: AfterListing
) -> None:
    role = f"watcher_of_{postgres.database}"
    postgres.execute(
        f"create role {role} login password 'watcher'",
        *(f"grant usage on schema {name} to {role}" for name in ("crm", "ledger", "shared")),
        *(f"grant select on all tables in schema {name} to {role}" for name in ("crm", "ledger", "shared")),
    )
    url = postgres.url.replace(f"postgres:{postgres.password}", f"{role}:watcher")
    site.configure({**postgres.environment(), "DESTINATION__SRC__CREDENTIALS": url})
    after_listing(lambda: postgres.execute(f"revoke select on ledger._dlt_loads from {role}"))

    (failure,) = site.collect().failures

    assert outcomes(site) == {"crm": "complete", "ledger": "forbidden", "shared": "complete"}
    assert "no right to read _dlt_loads in dataset ledger of src" in failure
    monkeypatch.undo()
    monkeypatch.chdir(site.folder)
    site.configure({**postgres.environment(), "DESTINATION__SRC__CREDENTIALS": postgres.url}).collect()
    assert outcomes(site)["ledger"] == "complete"
    assert site.rows("select count(*) from loads") == [(5,)]


def test_a_user_table_that_goes_before_it_is_counted_is_told_and_its_loads_are_counted_next_time(
    site: Site, postgres: ObservedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = SqlWarehouse._count

    def dropping(warehouse: SqlWarehouse, dataset: Any, path: Any, *rest: Any) -> str:
        if path.table == "accounts__entries":
            postgres.execute("drop table if exists ledger.accounts__entries")
        return count(warehouse, dataset, path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(SqlWarehouse, "_count", dropping)
        (failure,) = site.configure(postgres.environment(), row_counts="scan").collect().failures

    assert outcomes(site) == {"crm": "complete", "ledger": "partial", "shared": "complete"}
    assert "table accounts__entries could not be read" in failure
    counted = "select dataset_name, count(*) from counted_loads group by all order by all"
    assert site.rows(counted) == [("crm", 2), ("shared", 2)]
    assert site.collect().failures == []
    assert site.rows(counted) == [("crm", 2), ("ledger", 1), ("shared", 2)]


def test_a_table_of_duckdb_that_goes_after_it_was_listed_spoils_nothing_else(filled: Fill, tmp_path: Path) -> None:
    observed = filled("duckdb").copy(tmp_path / "observed")
    assert isinstance(observed, ObservedDuckDb)
    with closing(duckdb.connect(str(observed.file))) as connection:
        warehouse = SqlWarehouse(DuckDbConnection(connection), CATALOGUE)
        datasets = warehouse.discover()
        connection.execute("drop schema ledger cascade")

        summaries = warehouse.summarize("loads", datasets, {}, {})

    assert sorted(summaries) == ["crm", "shared"]
    assert [(problem.dataset_name, problem.kind, problem.cause) for problem in warehouse.problems] == [
        ("ledger", "loads", "gone")
    ]


def test_a_connection_that_is_cut_before_the_first_row_is_made_anew(
    site: Site, postgres: ObservedPostgres, proxy: TcpProxy, after_listing: AfterListing
) -> None:
    def cut() -> None:
        postgres.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )

    after_listing(cut)

    assert site.configure(through(proxy, postgres)).collect().failures == []

    assert set(outcomes(site).values()) == {"complete"}
    assert proxy.connections > 1


def test_a_connection_that_is_cut_every_time_is_unreachable_after_a_few(
    site: Site, postgres: ObservedPostgres, proxy: TcpProxy, filled: Fill, tmp_path: Path
) -> None:
    other = filled("duckdb").copy(tmp_path / "other")
    environment = {**through(proxy, postgres), **other.environment("other")}
    postgres.execute("create table crm.wide as select repeat('x', 100000) as x")
    proxy.cut_after(*[2_000] * 20)

    (failure,) = site.configure(environment).collect().failures

    assert failure.startswith("src: the connection broke off")
    assert failure.endswith("Run again")
    assert site.coverage()["src", None][0] == "unreachable"
    assert {site.coverage()["other", name][0] for name in ("crm", "ledger", "shared")} == {"complete"}
    proxy.cut_after()
    assert site.collect().failures == []
    assert site.rows("select count(*) from loads where destination_name = 'src'") == [(5,)]


def test_a_destination_that_does_not_answer_is_given_up_and_the_others_complete(
    postgres: ObservedPostgres, proxy: TcpProxy, filled: Fill, tmp_path: Path
) -> None:
    other = filled("duckdb").copy(tmp_path / "other")
    folder = tmp_path / "command"
    folder.mkdir()
    proxy.is_flowing.clear()
    credentials = through(proxy, postgres)["DESTINATION__SRC__CREDENTIALS"] + "?connect_timeout=600"
    write_configuration(
        folder,
        {
            "sources": {"dlt_metadata": {"destinations": [{"name": "src", "timeout_seconds": 2}, "other"]}},
            "destination": {"src": {"destination_type": "postgres"}, "other": {"destination_type": "duckdb"}},
        },
        {"destination": {"src": {"credentials": credentials}, "other": other.settings()}},
    )

    done = run(folder, "collect", "--json")

    rows = {(row["destination_name"], row["dataset_name"]): row for row in done.json["coverage"]}
    assert done.code == 2
    assert rows["src", None]["outcome"] == "unreachable"
    assert "could not be read within 2 s and was given up" in rows["src", None]["error"]
    assert {row["outcome"] for (name, _), row in rows.items() if name == "other"} == {"complete"}
