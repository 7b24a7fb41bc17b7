from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.collect.batches import batch_of_rows
from meta_pipeline.collect.runs import (
    BROKEN,
    NOT_A_TRACE,
    RUN_TABLES,
    UNKNOWN_VERSION,
    Capture,
    event_of,
    parse_event,
    rows_of,
    separate_calls,
    trace_of_load,
)
from tests.unit.collect.test_exports import MONDAY

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "captured"
TRACE = {"transaction_id": "t", "pipeline_name": "p", "started_at": "2026-01-05T00:00:00Z", "steps": []}
START = {"format": "meta-pipeline/trace", "format_version": 1, "event": "start", "trace": TRACE}


def rows(event: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = rows_of(Capture("c", "plugin", event))
    for table, made in found.items():
        batch_of_rows(table, made, MONDAY)
        keys = [tuple(row[name] for name in table.key) for row in made]
        assert len(set(keys)) == len(keys), table.name
    return {table.name: made for table, made in found.items()}


def example(name: str) -> dict[str, list[dict[str, Any]]]:
    event = parse_event((EXAMPLES / f"{name}.json").read_bytes())
    assert isinstance(event, dict)
    return rows(event)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_every_example_has_rows(file: Path) -> None:
    (run,) = example(file.stem)["captured_runs"]

    assert run["outcome"] == json.loads(file.read_bytes())["outcome"]
    assert run["transaction_id"]
    assert run["orchestrator"] == "github_actions"
    assert run["attempt"] == 1


def test_a_start_has_no_steps() -> None:
    found = example("started")

    assert found.pop("captured_runs")[0]["event"] == "start"
    assert not any(found.values())


def test_a_failed_run_tells_its_exceptions_down_to_the_cause() -> None:
    found = example("failed")
    extract = [row for row in found["run_exceptions"] if row["step_number"] == 1]

    assert [row["step_name"] for row in found["run_steps"]] == ["extract", "run"]
    assert [row["exception_type"].rpartition(".")[2] for row in extract] == [
        "PipelineStepFailed",
        "ResourceExtractionError",
        "ConnectionError",
    ]
    assert [row["ordinal_position"] for row in extract] == [1, 2, 3]
    assert extract[2]["message"] == "cannot connect to postgresql://***@db.example.com/crm"
    assert json.loads(extract[2]["frames"])[-1] == "orders:failing:38"


def test_the_metrics_of_a_table_tell_its_rows_by_load() -> None:
    normalized = [row for row in example("with_failed_jobs")["run_table_metrics"] if row["step_number"] == 2]

    assert {(row["load_id"], row["table_name"], row["row_count"]) for row in normalized} == {
        ("1795401682.4787443", "orders", 2),
        ("1795401682.4787443", "_dlt_pipeline_state", 1),
    }


def test_the_metrics_of_several_sources_in_one_package_are_summed() -> None:
    metrics = {"load_id": "1", "table_name": "orders", "items_count": 2, "file_size": 10}
    step = {"step": "extract", "table_metrics": [metrics, {**metrics, "items_count": 3}]}

    (row,) = rows({**START, "trace": {**TRACE, "steps": [step]}})["run_table_metrics"]

    assert (row["row_count"], row["byte_count"]) == (5, 20)


def test_a_job_is_one_row_though_packages_and_metrics_tell_of_it() -> None:
    jobs = [row for row in example("with_failed_jobs")["run_jobs"] if row["step_number"] == 3]
    (orders,) = [row for row in jobs if row["table_name"] == "orders"]

    assert len(jobs) == 2
    assert orders["job_state"] == "failed_jobs"
    assert orders["byte_count"] == 173
    assert orders["failed_message"].endswith("the CRM refuses api_key=***")
    assert orders["started_at"] == datetime(2026, 11, 23, 2, 41, 22, 535602, timezone.utc)


def test_calls_made_step_by_step_have_the_load_id_in_common() -> None:
    calls = [example(f"separate_{step}") for step in ("extract", "normalize", "load")]

    assert [call["captured_runs"][0]["called_step"] for call in calls] == ["extract", "normalize", "load"]
    assert len({call["captured_runs"][0]["transaction_id"] for call in calls}) == 3
    assert len({row["load_id"] for call in calls for row in call["run_packages"]}) == 1


def test_places_have_a_row_per_table_or_endpoint() -> None:
    place = {"resource_name": "r", "kind": "dataset", "location": "postgresql://u:hunter2@db/x?sslmode=on"}
    inputs = [{**place, "tables": ["a", "b"]}, {**place, "endpoints": ["https://api/x?key=1"]}, place]

    found = rows({**START, "trace": {**TRACE, "steps": [{"step": "extract", "inputs": inputs}]}})["run_inputs"]

    assert [row.get("table_name") for row in found] == ["a", "b", None, None]
    assert [row["ordinal_position"] for row in found] == [1, 2, 3, 4]
    assert found[2]["endpoint"] == "https://api/x"
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", BROKEN),
        (b'{"format": "meta-pipel', BROKEN),
        (b"\xff\xfe", BROKEN),
        (b"[" * 100_000, BROKEN),
        (b"[]", NOT_A_TRACE),
        (b"{}", NOT_A_TRACE),
        (json.dumps({**START, "format_version": 2}).encode(), UNKNOWN_VERSION),
        (json.dumps({**START, "event": "middle"}).encode(), NOT_A_TRACE),
        (json.dumps({**START, "trace": None}).encode(), NOT_A_TRACE),
        (json.dumps({**START, "trace": {"steps": []}}).encode(), NOT_A_TRACE),
    ],
)
def test_what_is_no_event_is_refused(content: bytes, refusal: object) -> None:
    assert parse_event(content) is refusal


@pytest.mark.parametrize("odd", [None, 5, "text", [], [None, 5, "text"], {}, True, 1e400, 2**70, "9999-99-99"])
def test_values_of_another_kind_become_null(odd: Any) -> None:
    step = dict.fromkeys(
        ("step", "started_at", "load_ids", "load_packages", "job_metrics", "inputs", "exceptions"), odd
    )
    package = {"load_id": "1", "jobs": [{"job_id": "j", "file_size": odd, "elapsed": odd, "created_at": odd}]}
    event = {
        **START,
        "environment": {"attempt": odd, "orchestrator": odd, "exec_info": odd},
        "destination": odd,
        "captured_at": odd,
        "trace": {**TRACE, "finished_at": odd, "steps": [step, {"step": "load", "load_packages": [package]}]},
    }

    assert rows(event)["captured_runs"][0]["finished_at"] is None


def test_steps_of_another_kind_are_left_out() -> None:
    assert rows({**START, "trace": {**TRACE, "steps": "text"}})["run_steps"] == []


def test_a_null_character_is_taken_out() -> None:
    assert rows({**START, "trace": {**TRACE, "pipeline_name": "a\0b"}})["captured_runs"][0]["pipeline_name"] == "ab"


def test_messages_are_redacted_whoever_wrote_them() -> None:
    step = {
        "step": "load",
        "load_packages": [{"load_id": "1", "jobs": [{"job_id": "j", "failed_message": "password=hunter2-of-job"}]}],
        "exceptions": [{"type": "E", "message": "cannot reach postgresql://u:hunter2-of-db@db/x"}],
    }

    assert "hunter2" not in str(rows({**START, "trace": {**TRACE, "steps": [step]}}))


def test_a_kept_trace_tells_what_a_captured_one_does() -> None:
    trace = {
        **TRACE,
        "finished_at": "2026-01-05T00:01:00Z",
        "execution_context": {"exec_info": ["airflow"], "library": {"name": "dlt", "version": "1.31.0"}},
        "steps": [
            {
                "step": "load",
                "step_info": {"loads_ids": ["1"], "load_packages": [{"load_id": "1", "jobs": []}]},
                "load_info": {"destination_name": "pg", "destination_type": "dlt.destinations.postgres"},
            }
        ],
    }

    (run,) = rows(event_of(trace))["captured_runs"]

    assert (run["called_step"], run["outcome"], run["orchestrator"]) == ("load", "empty", "airflow")
    assert (run["destination_name"], run["destination_type"]) == ("pg", "postgres")
    assert run["captured_at"] == run["finished_at"]


def test_a_kept_load_info_is_a_load_without_a_transaction() -> None:
    info = {
        "pipeline": {"pipeline_name": "crm"},
        "loads_ids": ["1"],
        "load_packages": [{"load_id": "1", "jobs": [{"job_id": "j", "table_name": "orders", "state": "failed_jobs"}]}],
        "destination_name": "pg",
    }

    found = rows(event_of(trace_of_load(info, "id")))

    (run,) = found["captured_runs"]
    assert (run["pipeline_name"], run["called_step"], run["outcome"]) == ("crm", "load", "with_failed_jobs")
    assert run["destination_name"] == "pg"
    assert [row["load_id"] for row in found["run_packages"]] == ["1"]


def step(name: str, load_id: str, minute: int) -> dict[str, Any]:
    moment = f"2026-01-05T00:{minute:02}:00Z"
    return {"step": name, "started_at": moment, "finished_at": moment, "step_info": {"loads_ids": [load_id]}}


def test_calls_that_dlt_appended_to_a_trace_are_taken_apart() -> None:
    names = ("extract", "normalize", "load")
    steps = [step(name, load_id, 1) for load_id in ("1", "2") for name in names]

    first, second = separate_calls({**TRACE, "steps": steps})

    assert [first["transaction_id"], second["transaction_id"]] == ["t", "t-2"]
    assert [[item["step"] for item in call["steps"]] for call in (first, second)] == [list(names)] * 2


@pytest.mark.parametrize("names", [("extract", "normalize", "load"), ("extract", "run"), ("load", "extract", "load")])
def test_a_trace_of_one_call_stays_as_it_is(names: tuple[str, ...]) -> None:
    trace = {**TRACE, "steps": [step(name, "1", 1) for name in names]}

    assert list(separate_calls(trace)) == [trace]


def test_where_dlt_cut_off_the_beginning_no_call_has_its_id() -> None:
    steps = [step("extract", str(number), number % 60) for number in range(100)]

    assert [call["transaction_id"] for call in separate_calls({**TRACE, "steps": steps})][:2] == ["t-0", "t-1"]


def test_every_table_of_captures_gets_rows_from_the_examples() -> None:
    filled = {name for file in EXAMPLES.glob("*.json") for name, made in example(file.stem).items() if made}

    # Those pipelines read from Python, which dlt does not tell as an input.
    assert {table.name for table in RUN_TABLES} - filled == {"run_inputs"}
