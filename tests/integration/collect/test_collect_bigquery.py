"""BigQuery as an observed destination, on a server that stands for it, and what Google's API answers in trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from google.cloud import bigquery
from tenacity import wait_none

from meta_pipeline.collect import bigquery as bigquery_module
from meta_pipeline.collect.check import check_destinations
from meta_pipeline.collect.opening import _connect
from meta_pipeline.collect.sql import _begun
from meta_pipeline.config import DestinationSettings, Settings
from tests.fixtures.collected import Site
from tests.fixtures.http_proxy import Answer, HttpProxy, Request, bigquery_error, running_proxy
from tests.fixtures.kept_trace import assert_kept_trace_is_collected, keep_trace
from tests.fixtures.observed import LATER_ORDERS, ORDERS, shop
from tests.fixtures.observed_cloud import ObservedBigQuery, assert_fleet_is_collected
from tests.fixtures.stand_in_servers import BigQueryServer
from tests.integration.collect.conftest import AfterListing

pytestmark = [
    pytest.mark.xdist_group("bigquery"),
    pytest.mark.filterwarnings("ignore:Cannot create BigQuery Storage client"),
]

Rule = Callable[[Request], Answer | None]


@pytest.fixture(scope="module")
def proxied(bigquery_server: BigQueryServer) -> Iterator[HttpProxy]:
    """A proxy before the server, which Google's library finds in the place of the real one."""
    with running_proxy(bigquery_server.address) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", proxy.address)
        yield proxy


@pytest.fixture(scope="module")
def fleet(bigquery_server: BigQueryServer, tmp_path_factory: pytest.TempPathFactory) -> ObservedBigQuery:
    """One fleet for the tests that only look at it."""
    fleet = ObservedBigQuery(tmp_path_factory.mktemp("bigquery_fleet"), bigquery_server, "fleet").fill()
    assert isinstance(fleet, ObservedBigQuery)
    return fleet


@pytest.fixture
def proxy(proxied: HttpProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpProxy]:
    """The proxy without what another test asked, and nobody waits before trying again."""
    proxied.requests.clear()
    for retried in (_begun, _connect):
        monkeypatch.setattr(retried.retry, "wait", wait_none())  # type: ignore[attr-defined]
    yield proxied
    proxied.answer = lambda _: None


@pytest.fixture
def own(bigquery_server: BigQueryServer, tmp_path: Path) -> ObservedBigQuery:
    """A project of the test's own with one dataset."""
    observed = ObservedBigQuery(tmp_path / "observed", bigquery_server, f"own{abs(hash(tmp_path)) % 10**9}")
    observed.run("crm", "crm", shop(ORDERS))
    return observed


def everything_settles_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery_module, "SETTLED_SECONDS", -60)


def queries_on_tables(proxy: HttpProxy) -> list[str]:
    return [sql for sql in proxy.queries if "`_dlt_" in sql]


def asks(words: str) -> Callable[[Request], bool]:
    return lambda request: request.method == "POST" and words in str(request.body)


def answering(matches: Callable[[Request], bool], answer: Answer, times: int = 1_000) -> Rule:
    """Answers the first requests that match in the server's place."""
    left = [answer] * times
    return lambda request: left.pop() if matches(request) and left else None


def test_a_fleet_is_collected(site: Site, fleet: ObservedBigQuery, proxy: HttpProxy) -> None:
    result = site.configure(fleet.environment(), row_counts="scan").collect()

    assert result.failures == []
    assert_fleet_is_collected(site)
    assert site.rows("select bytes_billed is not null from collections") == [(True,)]
    jobs = [item.body["configuration"] for item in proxy.requests if "configuration" in (item.body or {})]
    assert {job["labels"]["application"] for job in jobs} == {"meta-pipeline"}


def test_a_collection_with_nothing_new_reads_no_table(
    site: Site, own: ObservedBigQuery, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_settles_at_once(monkeypatch)
    site.configure(own.environment()).collect()
    assert queries_on_tables(proxy)
    proxy.requests.clear()

    assert site.collect().rows_read == 0

    assert queries_on_tables(proxy) == []
    assert len(proxy.queries) == 1, "the one on __TABLES__, which is free"
    assert not [item for item in proxy.requests if "/tables/" in item.path], "no table was asked for its columns"


def test_only_what_changed_is_read(
    site: Site, own: ObservedBigQuery, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_settles_at_once(monkeypatch)
    own.run("erp", "erp", shop(ORDERS))
    site.configure(own.environment()).collect()
    (load_id,) = site.column("select load_id from loads where dataset_name = 'crm'")
    own.set_status("crm", load_id, 2)
    proxy.requests.clear()

    site.collect()

    assert site.column("select status from loads where dataset_name = 'crm'") == [2]
    assert queries_on_tables(proxy)
    assert not [sql for sql in queries_on_tables(proxy) if "`erp`" in sql or "`_dlt_version`" in sql]


@pytest.mark.long
def test_a_change_too_fresh_to_be_told_from_the_next_is_looked_at_again(
    site: Site, own: ObservedBigQuery, proxy: HttpProxy
) -> None:
    site.configure(own.environment()).collect()
    proxy.requests.clear()

    site.collect()

    assert len(queries_on_tables(proxy)) == 3, "one look at each kind of system table"


@pytest.mark.long
@pytest.mark.account
def test_new_loads_are_read(site: Site, own: ObservedBigQuery, monkeypatch: pytest.MonkeyPatch) -> None:
    everything_settles_at_once(monkeypatch)
    site.configure(own.environment()).collect()
    load_id = own.run("crm", "crm", shop(LATER_ORDERS))

    assert site.collect().failures == []

    assert load_id in site.column("select load_id from loads")
    assert site.rows("select count(*) from schema_versions") == [(2,)]


@pytest.mark.long
def test_datasets_of_two_locations_are_not_read_by_one_query(
    site: Site, own: ObservedBigQuery, proxy: HttpProxy
) -> None:
    with closing(own.client()) as client:
        dataset = bigquery.Dataset(f"{client.project}.eu")
        dataset.location = "EU"
        client.create_dataset(dataset)
    for table in ("_dlt_loads", "_dlt_version", "_dlt_pipeline_state"):
        own.execute(f"create table eu.{table} as select * from crm.{table}")
    proxy.requests.clear()

    assert site.configure(own.environment()).collect().failures == []

    assert site.rows("select dataset_name, count(*) from loads group by all order by all") == [("crm", 1), ("eu", 1)]
    assert not [sql for sql in proxy.queries if "`eu`" in sql and "`crm`" in sql]


@pytest.mark.long
def test_a_dataset_that_goes_after_it_was_listed_spoils_nothing_else(
    site: Site, own: ObservedBigQuery, after_listing: AfterListing
) -> None:
    own.run("erp", "erp", shop(ORDERS))
    after_listing(lambda: own.drop_dataset("erp"))

    result = site.configure(own.environment()).collect()

    assert site.coverage()["src", "crm"] == ("complete", None)
    assert site.coverage()["src", "erp"][0] == "missing"
    assert len(result.failures) == 1
    assert site.rows("select dataset_name, count(*) from loads group by all") == [("crm", 1)]


def test_a_dataset_that_may_be_listed_but_not_read_is_forbidden(
    site: Site, fleet: ObservedBigQuery, proxy: HttpProxy
) -> None:
    denied = bigquery_error(403, "accessDenied", "Access Denied: Table fleet:ledger.__TABLES__: no permission")
    proxy.answer = answering(asks("`ledger`"), denied)

    result = site.configure(fleet.environment()).collect()

    outcomes = {name: outcome for (_, name), (outcome, _) in site.coverage().items()}
    assert outcomes == {"crm": "complete", "ledger": "forbidden", "shared": "complete"}
    assert len(result.failures) == 1
    assert "no right to read _dlt_loads in dataset ledger of src" in result.failures[0]
    findings = check_destinations(Settings((DestinationSettings("src"),)))
    assert [item.dataset_name for item in findings if item.is_fault] == ["ledger"]


@pytest.mark.parametrize(
    ("status", "reason", "message", "outcome", "words"),
    [
        (
            403,
            "quotaExceeded",
            "Quota exceeded: exceeded quota for bytes scanned",
            "over_budget",
            "Raise the project's",
        ),
        (400, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 9", "over_budget", "Raise maximum_b"),
        (400, "invalidQuery", "Something else", "unreachable", "Something else"),
    ],
)
def test_what_google_refuses_becomes_an_outcome(
    site: Site,
    fleet: ObservedBigQuery,
    proxy: HttpProxy,
    status: int,
    reason: str,
    message: str,
    outcome: str,
    words: str,
) -> None:
    proxy.answer = answering(asks("`_dlt_loads`"), bigquery_error(status, reason, message))

    result = site.configure(fleet.environment()).collect()

    assert {found for found, _ in site.coverage().values()} == {outcome}
    assert message in result.failures[0]
    assert words in result.failures[0]


@pytest.mark.long
def test_what_fails_in_passing_is_tried_again(site: Site, fleet: ObservedBigQuery, proxy: HttpProxy) -> None:
    busy = bigquery_error(503, "backendError", "Visibility check was unavailable")
    proxy.answer = answering(asks("`_dlt_loads`"), busy, times=1)

    assert site.configure(fleet.environment()).collect().failures == []

    assert site.rows("select count(*) from loads") == [(5,)]


def test_an_expired_key_is_told(site: Site, fleet: ObservedBigQuery, proxy: HttpProxy) -> None:
    credentials = fleet.settings()["credentials"].replace(fleet._server.address, proxy.address)
    refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    proxy.answer = answering(lambda request: request.path == "/token", Answer(400, refusal))
    site.configure({**fleet.environment(), "DESTINATION__SRC__CREDENTIALS": credentials})

    (failure,) = site.collect().failures

    assert site.coverage()["src", None][0] == "unreachable"
    assert "Google refused the credentials" in failure
    assert "expired" in failure
    assert "PRIVATE KEY" not in failure


def test_a_budget_stops_a_destination_before_it_is_spent(site: Site, fleet: ObservedBigQuery, proxy: HttpProxy) -> None:
    """A dry run says what a query would read; the stand-in bills nothing, so its answer is given in its place."""

    def estimate(request: Request) -> Answer | None:
        if not (request.method == "POST" and (request.body or {}).get("configuration", {}).get("dryRun")):
            return None
        statistics = {"totalBytesProcessed": "5000", "query": {"totalBytesProcessed": "5000"}}
        tables = [{"projectId": "fleet", "datasetId": name, "tableId": "_dlt_loads"} for name in ("crm", "ledger")]
        if "`_dlt_loads`" in request.body["configuration"]["query"]["query"]:
            statistics = {**statistics, "query": {**statistics["query"], "referencedTables": tables}}  # type: ignore[dict-item]
        body = {**request.body, "status": {"state": "DONE"}, "statistics": statistics}
        return Answer(200, {**body, "jobReference": {"projectId": "fleet", "jobId": "dry", "location": "US"}})

    proxy.answer = estimate
    entry = '[{"name": "src", "maximum_bytes_billed": 20000000}]'

    (failure,) = site.configure(fleet.environment(), destinations=entry).collect().failures

    assert {outcome for outcome, _ in site.coverage().values()} == {"over_budget"}
    assert "stopped before spending more than maximum_bytes_billed = 20,000,000" in failure
    assert f"the next query needs {2 * 10 * 1024 * 1024:,}" in failure
    run = [sql for sql in queries_on_tables(proxy) if sql not in _dry(proxy)]
    assert run == []


def _dry(proxy: HttpProxy) -> list[str]:
    configurations = [item.body["configuration"] for item in proxy.requests if "configuration" in (item.body or {})]
    return [item["query"]["query"] for item in configurations if item.get("dryRun")]


def test_the_server_is_told_of_the_budget_too(site: Site, fleet: ObservedBigQuery, proxy: HttpProxy) -> None:
    entry = '[{"name": "src", "maximum_bytes_billed": 20000000}]'

    assert site.configure(fleet.environment(), destinations=entry).collect().failures == []

    configurations = [item.body["configuration"] for item in proxy.requests if "configuration" in (item.body or {})]
    run = [item["query"] for item in configurations if not item.get("dryRun")]
    assert run
    assert {item["maximumBytesBilled"] for item in run} == {"20000000"}


@pytest.mark.long
def test_kept_traces_are_found_whatever_their_table_is_called(
    site: Site, own: ObservedBigQuery, proxy: HttpProxy
) -> None:
    load_id = keep_trace(own.pipeline("keeper", "kept"))

    assert site.configure(own.environment()).collect().failures == []

    assert_kept_trace_is_collected(site, load_id)
