"""What happens when the settings change between two collections, or ask for more than the rights allow."""

from __future__ import annotations

from meta_pipeline.collect.check import check_destinations
from meta_pipeline.config import parse_settings
from tests.fixtures.collected import Site
from tests.fixtures.observed import Observed, ObservedPostgres

COUNTED = "select dataset_name, table_name, sum(row_count) from row_counts where table_name = 'orders' group by all"
COVERAGE = "select dataset_name, outcome from coverage where collected_at = (select max(collected_at) from coverage)"


def test_loads_are_counted_once_counting_is_asked_for(site: Site, observed: Observed) -> None:
    site.configure(observed.environment()).collect()
    assert site.rows(COUNTED) == []

    site.configure(observed.environment(), row_counts="scan").collect()
    assert site.rows(COUNTED) == [("crm", "orders", 3)]
    assert site.collect().rows_read == 0


def test_a_destination_that_is_not_named_any_more_is_told_once_and_let_go(site: Site, observed: Observed) -> None:
    environment = observed.environment()
    misspelt = site.configure(environment, destinations='["scr"]').collect()
    assert misspelt.failures

    assert site.configure(environment, destinations='["src"]').collect().failures == []
    rows = site.rows("select outcome from coverage where destination_name = 'scr' order by since")
    assert rows == [("misconfigured",), ("excluded",)]
    assert site.collect().failures == []
    assert len(site.rows("select 1 from coverage where destination_name = 'scr'")) == 2


def test_tables_that_may_not_be_counted_are_told_until_they_may(site: Site, postgres: Observed) -> None:
    assert isinstance(postgres, ObservedPostgres)
    role = f"counter_of_{postgres.database}"
    postgres.execute(
        f"create role {role} login password 'c'",
        f"grant usage on schema crm to {role}",
        f"grant select on crm._dlt_loads, crm._dlt_version, crm._dlt_pipeline_state to {role}",
        "select 1",
    )
    url = postgres.url.replace(f"postgres:{postgres.password}", f"{role}:c")
    guest = {"DESTINATION__SRC__DESTINATION_TYPE": "postgres", "DESTINATION__SRC__CREDENTIALS": url}
    site.configure(guest, row_counts="scan", datasets='["crm"]')
    (failure,) = site.collect().failures
    assert "no right to read orders" in failure
    assert 'set row_counts to "metadata"' in failure
    assert site.collect().failures == [failure]
    assert site.rows(COUNTED) == []
    assert site.rows("select count(*) from loads where dataset_name = 'crm'") == [(2,)]

    settings = parse_settings({"destinations": [{"name": "src", "datasets": ["crm"]}], "row_counts": "scan"})
    (finding,) = (item for item in check_destinations(settings) if item.is_fault)
    assert "grant select" in finding.note

    postgres.execute(f"grant select on all tables in schema crm to {role}", "select 1")
    assert site.collect().failures == []
    assert site.rows(COUNTED) == [("crm", "orders", 3)]
