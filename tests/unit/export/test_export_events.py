"""Events by the official client's classes, and their text to the letter."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import pytest
from openlineage.client.serde import Serde

from meta_pipeline.export.events import (
    PRODUCER,
    as_line,
    dataset_facets,
    event_of_pipeline,
    events_of_load,
    events_of_run,
    job_name,
    run_uuid,
    subject_of,
    tags_of,
)
from meta_pipeline.export.marts import Column, ColumnEdge, Load, Pipeline, Run
from meta_pipeline.export.naming import Dataset

ORDERS, CUSTOMERS = Dataset("duckdb://w", "crm.orders"), Dataset("duckdb://w", "crm.customers")


def at(hour: int) -> datetime:
    return datetime(2026, 1, 5, hour, tzinfo=timezone.utc)


RUN = Run(
    run_id="abc",
    pipeline_id="p",
    pipeline_name="crm_daily",
    destination_name="warehouse",
    dataset_name="crm",
    orchestrator="airflow",
    job="crm.load",
    orchestrator_run_id="scheduled_1",
    run_url="https://airflow.example/1",
    attempt=2,
    started_at=at(6),
    finished_at=at(7),
    outcome="succeeded",
    exception_type=None,
    message=None,
    failed_job_count=0,
    failed_table=None,
    dlt_version="1.31.0",
)
LOAD = Load("warehouse", "crm", "1767592800.5", "crm", "p", "crm_daily", "state", at(6), at(7), True)


def told(event: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Serde.to_json(event))
    return found


def end_of(run: Run) -> dict[str, Any]:
    return told(events_of_run(run, "fleet", [], [])[-1])


def test_a_run_has_a_start_and_an_end_of_one_id_and_job() -> None:
    start, end = map(told, events_of_run(RUN, "fleet", [CUSTOMERS], [(ORDERS, 3, {})]))

    assert (start["eventType"], start["eventTime"]) == ("START", "2026-01-05T06:00:00.000000Z")
    assert (end["eventType"], end["eventTime"]) == ("COMPLETE", "2026-01-05T07:00:00.000000Z")
    assert start["run"]["runId"] == end["run"]["runId"] == run_uuid("run", "abc")
    assert (end["job"]["namespace"], end["job"]["name"]) == ("fleet", "dlt.warehouse.crm.crm_daily")
    assert start["inputs"] == start["outputs"] == []
    assert end["inputs"] == [{"namespace": "duckdb://w", "name": "crm.customers"}]
    assert end["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3


def test_a_run_tells_engine_parent_and_tags() -> None:
    facets = end_of(RUN)["run"]["facets"]

    assert facets["processing_engine"]["name"] == "dlt"
    assert facets["processing_engine"]["version"] == "1.31.0"
    assert facets["parent"]["job"] == {"namespace": "airflow", "name": "crm.load", "facets": {}}
    assert facets["parent"]["run"]["runId"] == run_uuid("orchestrator", "airflow", "crm.load", "scheduled_1")
    assert {tag["key"]: tag["value"] for tag in facets["tags"]["tags"]} == {
        "dlt_run_id": "abc",
        "outcome": "succeeded",
        "orchestrator": "airflow",
        "run_url": "https://airflow.example/1",
        "attempt": "2",
    }
    assert facets["tags"]["_producer"] == PRODUCER


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("succeeded", "COMPLETE"),
        ("empty", "COMPLETE"),
        ("with_failed_jobs", "FAIL"),
        ("failed", "FAIL"),
        ("interrupted", "ABORT"),
        ("unfinished", "ABORT"),
    ],
)
def test_how_a_run_ended_is_told(outcome: str, state: str) -> None:
    assert end_of(replace(RUN, outcome=outcome))["eventType"] == state


def test_of_a_run_that_may_still_be_running_only_the_start_is_told() -> None:
    assert [event.eventType.value for event in events_of_run(replace(RUN, outcome=None), "f", [], [])] == ["START"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"outcome": "failed", "exception_type": "ValueError", "message": "no *** left"}, "ValueError: no *** left"),
        ({"outcome": "failed", "exception_type": "ValueError"}, "ValueError"),
        (
            {"outcome": "with_failed_jobs", "failed_job_count": 2, "failed_table": "orders"},
            "Load jobs failed: 2, the first of table orders",
        ),
        ({"outcome": "unfinished", "finished_at": None}, "It never ended."),
    ],
)
def test_what_went_wrong_is_told(columns: dict[str, Any], message: str) -> None:
    assert end_of(replace(RUN, **columns))["run"]["facets"]["errorMessage"]["message"] == message


def test_a_run_that_ended_well_has_no_error() -> None:
    assert "errorMessage" not in end_of(replace(RUN, message="a warning"))["run"]["facets"]


def test_a_run_that_never_ended_is_given_up_when_it_began() -> None:
    assert end_of(replace(RUN, outcome="unfinished", finished_at=None))["eventTime"] == "2026-01-05T06:00:00.000000Z"


def test_a_load_is_a_run() -> None:
    start, end = map(told, events_of_load(LOAD, "fleet", [], [(ORDERS, 3, {})]))

    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert end["run"]["runId"] == run_uuid("load", "warehouse", "crm", "1767592800.5")
    assert [tag["value"] for tag in end["run"]["facets"]["tags"]["tags"]] == ["1767592800.5", "state"]


def test_a_load_that_is_not_complete_failed_and_a_clock_that_went_back_does_no_harm() -> None:
    start, end = map(told, events_of_load(replace(LOAD, is_complete=False, started_at=at(9)), "fleet", [], []))

    assert end["eventType"] == "FAIL"
    assert start["eventTime"] == end["eventTime"] == "2026-01-05T07:00:00.000000Z"


def test_loads_that_no_pipeline_accounts_for_are_no_pipeline_of_the_same_name() -> None:
    unknown = told(events_of_load(replace(LOAD, pipeline_name=None), "fleet", [], [])[0])

    assert unknown["job"]["name"] == "dlt.warehouse.crm.unattributed.crm"
    assert job_name("warehouse", "crm", "crm") == "dlt.warehouse.crm.crm"
    assert job_name(None, "crm", "crm") == "dlt.crm.crm"


def test_a_pipeline_that_never_loaded_is_no_job() -> None:
    pipeline = Pipeline("p", "warehouse", "duckdb", "crm", "crm_daily", "crm", at(7))

    assert told(event_of_pipeline(pipeline, "fleet", [], [ORDERS]))["outputs"] == [
        {"namespace": "duckdb://w", "name": "crm.orders"}
    ]
    assert event_of_pipeline(replace(pipeline, last_possible_load_at=None), "fleet", [], [ORDERS]) is None


def test_ids_are_those_that_they_always_were() -> None:
    # Another id would make every run that was ever exported a second one.
    assert run_uuid("load", "warehouse", "crm", "1.0") == "daab7129-62e6-59a0-93c1-a3a1575d5853"
    assert run_uuid("a", "bc") != run_uuid("ab", "c")
    assert UUID(run_uuid("run", "\N{SNOWMAN}")).version == 5


@pytest.mark.parametrize(
    ("column", "tags"),
    [
        (Column("a"), []),
        (Column("a", hints='{"x-annotation-pii": true, "unique": true}'), [("pii", "true")]),
        (Column("a", hints='{"x-annotation-pii": false, "x-annotation-owner": null}'), []),
        (
            Column("a", hints='{"x-annotation-owner": "crm", "x-annotation-x": {"b": 1}}'),
            [("owner", "crm"), ("x", '{"b": 1}')],
        ),
        (Column("a", tags='["gold"]', meta='{"contains_pii": "yes"}'), [("contains_pii", "yes"), ("gold", "true")]),
        (Column("a", pii_status="inherited"), [("pii", "true"), ("pii_status", "inherited")]),
        (Column("a", pii_status="suggested"), [("pii_status", "suggested")]),
        (
            Column("a", hints='{"x-annotation-pii": "email"}', pii_status="declared"),
            [("pii", "email"), ("pii_status", "declared")],
        ),
    ],
)
def test_hints_tags_and_meta_become_tags(column: Column, tags: list[tuple[str, str]]) -> None:
    assert tags_of(column) == tags


def _edge(source: str, column: str, transformation: str, is_masked: bool = False, functions: str | None = None) -> Any:
    return ColumnEdge("n", source, "m", column, transformation, is_masked, functions), ORDERS


def test_column_lineage_says_what_becomes_of_values() -> None:
    lineage = [
        _edge("status", "*", "filter"),
        _edge("amount", "total", "aggregated", functions="sum"),
        _edge("email", "email_hash", "derived", is_masked=True, functions="lower,sha256"),
        _edge("id", "id", "identity"),
        _edge("id", "id", "derived"),
    ]

    facets = dataset_facets([Column("id", "bigint")], lineage, "what it is", ["gold"], "DBT")
    found = {name: json.loads(Serde.to_json(facet)) for name, facet in facets.items()}

    fields = found["columnLineage"]["fields"]
    assert {
        name: [kind(item) for item in field["inputFields"][0]["transformations"]] for name, field in fields.items()
    } == {
        "email_hash": [("DIRECT", "TRANSFORMATION", True, "lower,sha256")],
        "id": [("DIRECT", "IDENTITY", False, None), ("DIRECT", "TRANSFORMATION", False, None)],
        "total": [("DIRECT", "AGGREGATION", False, "sum")],
    }
    (whole,) = found["columnLineage"]["dataset"]
    assert (whole["field"], kind(whole["transformations"][0])) == ("status", ("INDIRECT", "FILTER", False, None))
    assert found["schema"]["fields"] == [{"name": "id", "type": "bigint", "ordinal_position": 1}]
    assert found["tags"]["tags"] == [{"key": "gold", "value": "true", "source": "DBT"}]
    assert found["documentation"]["description"] == "what it is"


def kind(transformation: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(transformation.get(key) for key in ("type", "subtype", "masking", "description"))


def test_of_what_nothing_is_known_nothing_is_told() -> None:
    assert dataset_facets([], [], None, [], "DLT") == {}


def test_an_event_is_written_as_the_official_client_writes_it() -> None:
    facets = dataset_facets([Column("id", "bigint")], [_edge("id", "id", "identity")], None, ["gold"], "DBT")
    start, end = events_of_run(replace(RUN, outcome="failed"), "fleet", [CUSTOMERS], [(ORDERS, 3, facets)])

    for event in (start, end):
        text = as_line(event).decode()
        assert json.loads(text) == told(event)
        assert text == json.dumps(told(event), sort_keys=True, separators=(",", ":")) + "\n"


def test_an_event_is_named_by_what_it_is_about() -> None:
    assert subject_of(end_of(RUN)) == "COMPLETE of job dlt.warehouse.crm.crm_daily at 2026-01-05T07:00:00.000000Z"
    assert subject_of({"job": {"name": "dbt.shop.model.shop.x"}}) == "job dbt.shop.model.shop.x"
    assert subject_of({"dataset": {"namespace": "bigquery", "name": "p.d.t"}}) == "dataset bigquery p.d.t"
