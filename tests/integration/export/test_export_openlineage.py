"""`meta-pipeline export openlineage` over the marts of a small fleet and of a real dbt project."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from meta_pipeline.exceptions import HomeError
from meta_pipeline.export import marts
from meta_pipeline.export.openlineage import ExportResult, export_openlineage
from meta_pipeline.export.settings import ExportSettings
from meta_pipeline.home import Home
from meta_pipeline.transform import transform
from tests.fixtures.collected import clear_environment
from tests.fixtures.command import Done, hide_package, run
from tests.fixtures.dbt_shop import Built
from tests.fixtures.lineage_server import LineageServer, running_lineage_server
from tests.fixtures.openlineage_schemas import facets_of, faults
from tests.fixtures.raw_dataset import let_marts_show
from tests.integration.export.conftest import FIRST, SECOND

pytestmark = pytest.mark.xdist_group("dbt_lineage")

Event = Mapping[str, Any]

SECRET = "hunter2hunter2"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


@pytest.fixture
def server() -> Iterator[LineageServer]:
    with running_lineage_server() as running:
        yield running


def home_at(fleet_folder: Path, moment: str, folder: Path) -> Home:
    """Copies the home as it was after a collection; its views know it by this name."""
    file = shutil.copy(fleet_folder / f"{moment}.saved", folder / "home.duckdb")
    return Home("duckdb", str(file), folder / "work")


@pytest.fixture
def home(fleet_folder: Path, tmp_path: Path) -> Home:
    return home_at(fleet_folder, SECOND, tmp_path)


def exported(
    home: Home, since: datetime | None = None, settings: ExportSettings | None = None
) -> tuple[ExportResult, list[Event]]:
    out = home.work_folder.with_name("events.ndjson")
    result = export_openlineage(home, settings or ExportSettings(), out=str(out), url=None, since=since)
    return result, [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def command(home: Home, *options: str, **more: str) -> Done:
    folder = Path(home.database).parent
    return run(folder, "export", "openlineage", *options, DESTINATION__OBSERVABILITY__CREDENTIALS=home.database, **more)


def runs(events: Sequence[Event], job: str) -> list[Event]:
    return [event for event in events if "run" in event and event["job"]["name"] == job]


def names(datasets: Sequence[Event]) -> list[str]:
    return [f"{item['namespace']} {item['name']}" for item in datasets]


def columns(dataset: Event) -> dict[str, Any]:
    found: dict[str, Any] = dataset["facets"]["columnLineage"]["fields"]
    return found


def test_every_event_is_valid_by_the_published_schemas(home: Home, built: Built) -> None:
    events = [*exported(home)[1], *exported(built.site.home)[1]]

    assert [(event, found) for event in events if (found := faults(event))] == []
    told = {name for event in events for name, _ in facets_of(event)}
    assert told == {
        "columnLineage",
        "documentation",
        "errorMessage",
        "jobType",
        "outputStatistics",
        "parent",
        "processing_engine",
        "schema",
        "tags",
    }


@pytest.mark.parametrize(
    "broken",
    [
        {"run": {"runId": "no uuid"}},
        {"run": {}},
        {"eventType": "ENDED"},
        {"job": {"name": "x"}},
        {"producer": 5},
    ],
)
def test_the_schemas_find_what_is_wrong(home: Home, broken: dict[str, Any]) -> None:
    event = exported(home)[1][0]

    assert faults(event) == []
    assert faults({**event, **broken}) != []


def test_how_runs_and_loads_ended_is_told_by_job(home: Home) -> None:
    _, events = exported(home)

    assert Counter((event["job"]["name"], event["eventType"]) for event in events if "run" in event) == {
        ("dlt.postgres.engine.engine", "START"): 1,
        ("dlt.postgres.engine.engine", "COMPLETE"): 1,
        ("dlt.postgres.copy.copier", "START"): 2,
        ("dlt.postgres.copy.copier", "COMPLETE"): 2,
        ("dlt.warehouse.crm.crm_daily", "START"): 22,
        ("dlt.warehouse.crm.crm_daily", "COMPLETE"): 22,
        ("dlt.warehouse.shared.clicks", "START"): 1,
        ("dlt.warehouse.shared.clicks", "COMPLETE"): 1,
        ("dlt.warehouse.shared.visits", "START"): 1,
        ("dlt.warehouse.shared.visits", "COMPLETE"): 1,
        ("dlt.warehouse.shared.unattributed.web", "START"): 33,
        ("dlt.warehouse.shared.unattributed.web", "COMPLETE"): 33,
        # A failed run, one with failed jobs, one that never ended.
        ("dlt.warehouse.shop.shop", "START"): 22,
        ("dlt.warehouse.shop.shop", "COMPLETE"): 19,
        ("dlt.warehouse.shop.shop", "FAIL"): 2,
        ("dlt.warehouse.shop.shop", "ABORT"): 1,
        ("dlt.warehouse.unclaimed.late_comer", "START"): 11,
        ("dlt.warehouse.unclaimed.late_comer", "COMPLETE"): 11,
    }


def test_each_run_starts_and_ends_once(home: Home) -> None:
    _, events = exported(home)
    states: dict[str, list[str]] = {}
    for event in (event for event in events if "run" in event):
        states.setdefault(event["run"]["runId"], []).append(event["eventType"])

    assert {tuple(found) for found in states.values()} == {("START", "COMPLETE"), ("START", "FAIL"), ("START", "ABORT")}


def test_a_captured_run_tells_what_it_read_and_wrote(home: Home) -> None:
    (end,) = [
        event
        for event in runs(exported(home)[1], "dlt.warehouse.shop.shop")
        if event["eventTime"] == "2026-01-12T05:00:06.000000Z"
    ]

    assert names(end["inputs"]) == ["https://shop.example orders"]
    assert [(item["name"], item["outputFacets"]["outputStatistics"]["rowCount"]) for item in end["outputs"]] == [
        ("shop.orders", 10),
        ("shop.orders__items", 20),
    ]
    tags = {tag["key"]: tag["value"] for tag in end["run"]["facets"]["tags"]["tags"]}
    assert (tags["orchestrator"], tags["run_url"]) == ("airflow", "https://airflow.example/2026-01-12")


def test_what_went_wrong_is_told_with_the_run(home: Home) -> None:
    ends = [event for event in exported(home)[1] if event.get("eventType") in ("FAIL", "ABORT")]

    assert sorted(event["run"]["facets"]["errorMessage"]["message"] for event in ends) == [
        "It never ended.",
        "Load jobs failed: 1, the first of table orders",
        "builtins.ValueError: no space\nleft",
    ]


def test_columns_and_tags_are_told_by_the_last_load_and_by_the_dataset(home: Home) -> None:
    _, events = exported(home)
    ends = [event for event in runs(events, "dlt.warehouse.crm.crm_daily") if event["eventType"] == "COMPLETE"]
    told = [[item["name"] for item in event["outputs"] if "facets" in item] for event in ends]
    (dataset,) = [event["dataset"] for event in events if event.get("dataset", {}).get("name") == "crm.customers"]

    assert told[-1] == ["crm.customers", "crm.orders"]
    assert not any(told[:-1]), "nobody knows that it was so before"
    assert ends[-1]["outputs"][0]["facets"] == dataset["facets"]
    assert [item["name"] for item in dataset["facets"]["schema"]["fields"]] == ["id", "email"]
    assert dataset["facets"]["tags"]["tags"] == [
        {"field": "email", "key": "pii", "source": "DLT", "value": "true"},
        {"field": "email", "key": "pii_status", "source": "DLT", "value": "declared"},
    ]


def test_exporting_twice_gives_the_same_to_the_byte(home: Home) -> None:
    first, second = command(home), command(home)

    assert (first.code, second.code) == (0, 0)
    assert first.out == second.out
    assert f"Exported {len(first.out.splitlines())} events" in first.err


def test_a_transform_without_anything_new_changes_nothing(home: Home) -> None:
    before = exported(home)
    transform(home)
    after = exported(home)

    assert after[1] == before[1]
    assert before[0].up_to
    assert after[0].up_to
    assert after[0].up_to > before[0].up_to


def test_what_is_new_is_exported_alone(fleet_folder: Path, tmp_path: Path) -> None:
    before, known = exported(home_at(fleet_folder, FIRST, tmp_path))
    later = home_at(fleet_folder, SECOND, tmp_path)
    _, whole = exported(later)
    after, new = exported(later, before.up_to)

    def ids(events: Sequence[Event]) -> set[tuple[str, str]]:
        return {(event["run"]["runId"], event["eventType"]) for event in events if "run" in event}

    assert ids(known) | ids(new) >= ids(whole), "nothing is missed"
    assert after.made["runs"] < len(ids(whole))
    assert exported(later, after.up_to)[1] == []


@pytest.mark.parametrize(("since", "models"), [("2026-01-20", ["dbt.shop.model.shop.sales"]), ("2026-02-02", [])])
def test_of_dbt_that_is_exported_which_was_collected_since(home: Home, since: str, models: list[str]) -> None:
    _, events = exported(home, datetime.fromisoformat(f"{since}T00:00:00+00:00"))

    assert [
        event["job"]["name"] for event in events if event.get("job", {}).get("name", "").startswith("dbt")
    ] == models


@pytest.mark.parametrize("rows", [1, 7])
def test_pages_miss_nothing_and_tell_nothing_twice(home: Home, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    whole = exported(home)[1]
    monkeypatch.setattr(marts, "ROWS_A_PAGE", rows)
    monkeypatch.setattr(marts, "KEYS_A_STATEMENT", rows)

    assert exported(home)[1] == whole


def test_columns_of_a_dbt_project_are_told_with_what_becomes_of_values(built: Built) -> None:
    _, events = exported(built.site.home)
    jobs = {event["job"]["name"]: event for event in events if "job" in event}
    customers = jobs["dbt.shop.model.shop.stg_customers"]
    revenue = jobs["dbt.shop.model.shop.revenue"]

    assert names(customers["inputs"]) == ["duckdb://shop crm.customers"]
    assert names(customers["outputs"]) == ["duckdb://shop main.stg_customers"]
    (hashed,) = columns(customers["outputs"][0])["email_hash"]["inputFields"]
    assert (hashed["name"], hashed["field"]) == ("crm.customers", "email")
    assert [(item["subtype"], item["masking"]) for item in hashed["transformations"]] == [("TRANSFORMATION", True)]
    (amount,) = columns(revenue["outputs"][0])["revenue"]["inputFields"]
    assert [item["subtype"] for item in amount["transformations"]] == ["AGGREGATION"]
    assert revenue["outputs"][0]["facets"]["columnLineage"]["dataset"][0]["transformations"][0]["type"] == "INDIRECT"
    assert {
        (tag["field"], tag["key"]) for tag in customers["outputs"][0]["facets"]["tags"]["tags"] if "field" in tag
    } >= {("email", "contact"), ("email", "contains_pii")}
    assert names(jobs["dbt.shop.exposure.shop.revenue_page"]["inputs"]) == ["duckdb://shop main.revenue"]


def test_what_stands_for_no_table_is_passed_through(built: Built) -> None:
    events = {event["job"]["name"]: event for event in exported(built.site.home)[1] if "job" in event}

    assert events["dbt.shop.model.shop.int_items"]["outputs"] == [], "it is ephemeral"
    assert "duckdb://shop crm.orders__items" in names(events["dbt.shop.model.shop.customer_orders"]["inputs"])


def test_namespaces_are_as_they_are_configured(built: Built) -> None:
    settings = ExportSettings(namespace="fleet", namespaces={"shop": "duckdb://warehouse"})
    _, events = exported(built.site.home, settings=settings)

    assert {event["job"]["namespace"] for event in events if "job" in event} == {"fleet"}
    assert {event["dataset"]["namespace"] for event in events if "dataset" in event} == {"duckdb://warehouse"}


def test_personal_data_is_told_where_the_marts_know_of_it(home: Home) -> None:
    with duckdb.connect(home.database) as connection:
        connection.execute("set schema = 'observability_marts'")
        connection.execute(
            "create or replace table pii_columns as select relation_id, column_name, "
            "unnest(['suggested', 'inherited']) as status from observed_columns where column_name = 'coupon'"
        )

    (dataset,) = [
        event["dataset"] for event in exported(home)[1] if event.get("dataset", {}).get("name") == "crm.orders"
    ]

    told = {(tag["field"], tag["key"], tag["value"]) for tag in dataset["facets"]["tags"]["tags"]}
    assert {tag for tag in told if tag[0] == "coupon"} == {
        ("coupon", "pii", "true"),
        ("coupon", "pii_status", "inherited"),
    }


def test_a_place_of_unknown_address_is_told_with_what_to_write(home: Home) -> None:
    with duckdb.connect(home.database) as connection:
        connection.execute("update observability_marts.pipelines set destination_type = 'postgres'")
        connection.execute("update observability_marts.destination_coverage set destination_type = 'postgres'")

    done = command(home, "--out", "events.ndjson")

    assert done.code == 0
    assert "No address is known of warehouse" in done.err
    assert "namespaces" in done.err
    assert "postgres://warehouse" in (Path(home.database).parent / "events.ndjson").read_text(encoding="utf-8")


def test_no_secret_gets_out(home: Home, server: LineageServer) -> None:
    secrets = {
        "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "postgres",
        "DESTINATION__WAREHOUSE__CREDENTIALS": f"postgresql://{SECRET}:{SECRET}@db.example/shop?sslpassword={SECRET}",
        "EXPORT__OPENLINEAGE__TOKEN": SECRET,
    }
    with duckdb.connect(home.database) as connection:
        connection.execute("update observability_marts.destination_coverage set destination_type = 'postgres'")

    sent = command(home, "--url", server.url, "--json", **secrets)
    server.statuses = [401]
    refused = command(home, "--url", server.url, **secrets)

    assert (sent.code, refused.code) == (0, 2)
    text = json.dumps(server.taken)
    assert "postgres://db.example:5432" in text
    assert "shop.crm.orders" in text
    for told in (text, sent.out, sent.err, refused.out, refused.err):
        assert SECRET not in told
    assert {authorization for _, authorization in server.calls} == {f"Bearer {SECRET}"}


def test_a_server_gets_what_a_file_would_and_all_that_was_not_taken_the_next_time(
    home: Home, server: LineageServer
) -> None:
    written = command(home, "--out", "events.ndjson", "--json").json
    server.refused_kind = "dataset"
    refused = command(home, "--json", EXPORT__OPENLINEAGE__URL=server.url)
    server.refused_kind, server.taken = None, []
    again = command(home, EXPORT__OPENLINEAGE__URL=server.url)

    assert (refused.code, again.code) == (2, 0)
    assert refused.json["events"] == written["events"] - 3
    assert (refused.json["up_to"], written["up_to"] is None) == (None, False)
    assert "refused 3 events with HTTP status 422: dataset duckdb://warehouse crm." in refused.json["problems"][0]
    lines = (Path(home.database).parent / "events.ndjson").read_text(encoding="utf-8").splitlines()
    assert server.taken == [json.loads(line) for line in lines]


def test_the_summary_is_json(home: Home) -> None:
    found = command(home, "--out", "events.ndjson", "--json").json

    assert set(found) == {"events", "made", "up_to", "unknown_places", "problems"}
    lines = (Path(home.database).parent / "events.ndjson").read_text(encoding="utf-8").splitlines()
    assert found["events"] == sum(found["made"].values()) == len(lines) > 0
    assert command(home, "--since", found["up_to"]).out == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--json"], "Add --out FILE"),
        (["--out", "x", "--url", "https://lineage.example"], "one of both"),
        (["--url", "lineage.example"], "--url must begin with https://"),
        (["--since", "yesterday"], "--since 'yesterday' is not a time"),
        (["--out", "no/such/folder"], "could not be written: No such file or directory"),
    ],
)
def test_what_cannot_be_done_says_so(home: Home, options: list[str], words: str) -> None:
    done = command(home, *options)

    assert done.code == 2
    assert words in done.err
    assert done.out == ""


def test_a_misspelt_setting_is_told(home: Home) -> None:
    done = command(home, EXPORT__OPENLINEAGE__URLL="https://lineage.example")

    assert done.code == 2
    assert "Unknown key 'urll' in [export.openlineage]" in done.err


def test_without_the_package_it_says_what_to_install(home: Home, tmp_path: Path) -> None:
    hidden = hide_package(tmp_path / "hidden", "openlineage")
    done = command(home, PYTHONPATH=os.pathsep.join([hidden, os.environ.get("PYTHONPATH", "")]))

    assert done.code == 2
    assert "pip install 'meta-pipeline[export]'" in done.err


def test_without_marts_it_says_what_to_run(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "home.duckdb")):
        pass

    with pytest.raises(HomeError, match="Run: meta-pipeline run"):
        exported(Home("duckdb", str(tmp_path / "home.duckdb"), tmp_path / "work"))


def test_the_past_is_not_exported(home: Home) -> None:
    let_marts_show(home.database, datetime(2026, 1, 16, tzinfo=timezone.utc))

    with pytest.raises(HomeError, match="show the past, 2026-01-16 00:00 UTC"):
        exported(home)
