"""Snowflake as an observed destination, on a server that stands for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.cursor import SnowflakeCursor

from meta_pipeline.collect import snowflake as snowflake_module
from meta_pipeline.collect.check import check_destinations
from meta_pipeline.config import DestinationSettings, Settings
from tests.fixtures.collected import Site
from tests.fixtures.kept_trace import assert_kept_trace_is_collected, keep_trace
from tests.fixtures.observed import LATER_ORDERS, ORDERS, shop
from tests.fixtures.observed_cloud import ObservedSnowflake, assert_fleet_is_collected
from tests.fixtures.stand_in_servers import SnowflakeServer
from tests.integration.collect.conftest import AfterListing

pytestmark = pytest.mark.xdist_group("snowflake")


@pytest.fixture
def observed(snowflake_server: SnowflakeServer, tmp_path: Path) -> ObservedSnowflake:
    """A database of the test's own."""
    return ObservedSnowflake(tmp_path / "observed", snowflake_server, f"own{abs(hash(tmp_path)) % 10**9}")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that Snowflake's driver sends."""
    sent: list[str] = []
    execute = SnowflakeCursor.execute

    def recording(cursor: Any, command: str, *args: Any, **kwargs: Any) -> Any:
        sent.append(command)
        return execute(cursor, command, *args, **kwargs)

    monkeypatch.setattr(SnowflakeCursor, "execute", recording)
    return sent


def everything_settles_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snowflake_module, "SETTLED_SECONDS", -60)


def queries_on_tables(asked: list[str]) -> list[str]:
    return [sql for sql in asked if '."_DLT_' in sql]


@pytest.mark.account
def test_a_fleet_is_collected_by_the_names_that_dlt_gave(site: Site, observed: ObservedSnowflake) -> None:
    observed.fill()

    result = site.configure(observed.environment(), row_counts="scan").collect()

    assert result.failures == []
    assert_fleet_is_collected(site)
    findings = check_destinations(Settings((DestinationSettings("src"),)))
    assert [(item.dataset_name, item.is_read, item.is_fault) for item in findings] == [
        ("crm", True, False),
        ("ledger", True, False),
        ("shared", True, False),
    ]


@pytest.mark.account
def test_a_collection_with_nothing_new_reads_no_table(
    site: Site, observed: ObservedSnowflake, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_settles_at_once(monkeypatch)
    observed.run("crm", "crm", shop(ORDERS))
    asked.clear()
    site.configure(observed.environment()).collect()
    assert queries_on_tables(asked)
    asked.clear()

    assert site.collect().rows_read == 0

    assert queries_on_tables(asked) == []
    assert len([sql for sql in asked if "last_altered" in sql]) == 1


@pytest.mark.account
def test_only_what_changed_is_read(
    site: Site, observed: ObservedSnowflake, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_settles_at_once(monkeypatch)
    for name in ("crm", "erp"):
        observed.run(name, name, shop(ORDERS))
    site.configure(observed.environment()).collect()
    (load_id,) = site.column("select load_id from loads where dataset_name = 'crm'")
    observed.set_status("crm", load_id, 2)
    asked.clear()

    site.collect()

    assert site.column("select status from loads where dataset_name = 'crm'") == [2]
    assert queries_on_tables(asked)
    assert not [sql for sql in queries_on_tables(asked) if '"ERP"' in sql or "_DLT_VERSION" in sql]


@pytest.mark.account
def test_new_loads_are_read(site: Site, observed: ObservedSnowflake) -> None:
    observed.run("crm", "crm", shop(ORDERS))
    site.configure(observed.environment()).collect()
    load_id = observed.run("crm", "crm", shop(LATER_ORDERS))

    assert site.collect().failures == []

    assert load_id in site.column("select load_id from loads")
    assert site.rows("select count(*) from schema_versions") == [(2,)]


def test_the_session_says_who_asks_and_for_how_long_at_most(
    site: Site, observed: ObservedSnowflake, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed.run("crm", "crm", shop(ORDERS))
    opened: list[dict[str, Any]] = []
    connect = snowflake.connector.connect

    def recording(**parameters: Any) -> Any:
        opened.append({**parameters, "session_parameters": dict(parameters["session_parameters"])})
        return connect(**parameters)

    monkeypatch.setattr(snowflake_module.snowflake, "connect", recording)
    site.configure(observed.environment(), destinations='[{"name": "src", "timeout_seconds": 77}]').collect()

    assert [item["session_parameters"] for item in opened] == [
        {
            "QUERY_TAG": "meta-pipeline",
            "STATEMENT_TIMEOUT_IN_SECONDS": 77,
            "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": 77,
        }
    ]


@pytest.mark.account
def test_a_dataset_that_goes_after_it_was_listed_spoils_nothing_else(
    site: Site, observed: ObservedSnowflake, after_listing: AfterListing
) -> None:
    for name in ("crm", "erp"):
        observed.run(name, name, shop(ORDERS))
    after_listing(lambda: observed.drop_dataset("erp"))

    result = site.configure(observed.environment()).collect()

    assert site.coverage()["src", "crm"] == ("complete", None)
    assert site.coverage()["src", "erp"][0] == "missing"
    assert len(result.failures) == 1


def test_a_server_that_is_off_is_told_without_the_password(site: Site) -> None:
    url = "snowflake://u:hunter2@nobody/d?warehouse=w&role=r&host=127.0.0.1&port=1&protocol=http"
    environment = {"DESTINATION__SRC__DESTINATION_TYPE": "snowflake", "DESTINATION__SRC__CREDENTIALS": url}

    (failure,) = site.configure(environment, destinations='[{"name": "src", "timeout_seconds": 3}]').collect().failures

    assert site.coverage()["src", None][0] == "unreachable"
    assert failure.startswith("src: ")
    assert "hunter2" not in failure


def test_kept_traces_are_found_whatever_their_table_is_called(site: Site, observed: ObservedSnowflake) -> None:
    load_id = keep_trace(observed.pipeline("keeper", "kept"))

    assert site.configure(observed.environment()).collect().failures == []

    assert_kept_trace_is_collected(site, load_id)
