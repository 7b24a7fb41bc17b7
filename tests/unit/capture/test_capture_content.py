from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from meta_pipeline_capture.content import (
    MAX_EXCEPTIONS,
    MAX_FRAMES,
    cut_trace,
    describe_destination,
    destination_of,
    frames_of,
    outcome_of,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def job(table_name: str = "orders", state: str = "completed_jobs") -> dict[str, Any]:
    return {"table_name": table_name, "state": state}


def step(*jobs: dict[str, Any], exceptions: tuple[str, ...] = (), name: str = "load", **details: Any) -> dict[str, Any]:
    return {
        "step": name,
        "started_at": NOON,
        "step_info": {"loads_ids": ["1"], "load_packages": [{"load_id": "1", "jobs": list(jobs)}]},
        f"{name}_info": details,
        "exception_traces": [{"exception_type": kind, "message": "no"} for kind in exceptions],
    }


def trace(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"transaction_id": "a1", "pipeline_name": "orders", "started_at": NOON, "steps": list(steps)}


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ([step(job())], "succeeded"),
        ([step(job("_dlt_pipeline_state"), job("orders"))], "succeeded"),
        ([step(job("_dlt_pipeline_state"))], "empty"),
        ([step(job("_DLT_PIPELINE_STATE"))], "empty"),
        ([step()], "empty"),
        ([], "empty"),
        ([step(job(), job(state="failed_jobs"))], "with_failed_jobs"),
        ([step(job(state="failed_jobs"), exceptions=("dlt.load.exceptions.LoadClientJobFailed",))], "failed"),
        ([step(job()), step(exceptions=("ValueError",))], "failed"),
        ([step(exceptions=("dlt.pipeline.exceptions.PipelineStepFailed", "KeyboardInterrupt"))], "interrupted"),
        ([step(exceptions=("dlt.common.exceptions.SignalReceivedException",))], "interrupted"),
        ([step(exceptions=("airflow.exceptions.AirflowTaskTimeout",))], "interrupted"),
    ],
)
def test_the_outcome_is_the_first_that_holds(steps: list[dict[str, Any]], outcome: str) -> None:
    assert outcome_of(cut_trace(trace(*steps))) == outcome


def test_what_is_not_on_the_list_is_left_out() -> None:
    hidden = "open sesame"
    location = {"load_id": "1", "location": "s3://lake", "tables": ["orders"], "glob": hidden, "credentials": hidden}
    metrics = {"load_id": "1", "table_name": "orders", "items_count": 2, "custom_metrics": {"x": hidden}, "x": hidden}
    seen = step(
        {**job(), "file_path": hidden, "new": hidden},
        name="extract",
        table_metrics=[metrics],
        job_metrics=[{**metrics, "remote_url": hidden}],
        inputs=[location],
        hints=[{"columns": hidden}],
        resource_metrics=[metrics],
        dag=[{"parent_name": hidden}],
    )
    seen["exception_traces"] = [
        {
            "exception_type": "ValueError",
            "message": "no",
            "docstring": hidden,
            "exception_attrs": hidden,
            "stack_trace": [f'  File "/x/shop.py", line 3, in orders\n    {hidden}\n'],
        }
    ]
    seen["step_info"]["load_packages"][0]["tables"] = [{"columns": [{"description": hidden}]}]
    whole = {
        **trace(seen),
        "resolved_config_values": [{"value": hidden}],
        "execution_context": {"run_context": {"name": hidden}},
    }

    assert hidden not in str(cut_trace(whole))


def test_nothing_nested_hides_in_a_plain_value() -> None:
    assert cut_trace({**trace(), "pipeline_name": {"name": "open sesame"}})["pipeline_name"] is None


def test_times_are_written_as_iso() -> None:
    assert cut_trace(trace())["started_at"] == "2026-11-23T12:00:00+00:00"


def test_messages_and_locations_are_redacted() -> None:
    seen = step(
        {**job(), "failed_message": "password=hunter2 for ali baba"},
        name="extract",
        inputs=[{"location": "postgresql://me:hunter2@db", "tables": ["orders"], "endpoints": ["v1?key=hunter2"]}],
    )
    seen["exception_traces"] = [{"exception_type": "ValueError", "message": "token: hunter2 for ali baba"}]
    cut = cut_trace(trace(seen), {"ali baba"})

    assert "hunter2" not in str(cut)
    assert "ali baba" not in str(cut)
    assert cut["steps"][0]["inputs"][0]["location"] == "postgresql://db"


def test_a_trace_that_only_has_the_text_of_an_exception_keeps_it() -> None:
    seen = {**step(), "exception_traces": None, "step_exception": "no"}

    assert [found["message"] for found in cut_trace(trace(seen))["steps"][0]["exceptions"]] == ["no"]


def test_of_a_long_chain_its_beginning_and_its_causes_are_kept() -> None:
    cut = cut_trace(trace(step(exceptions=tuple(f"E{number}" for number in range(30)))))
    types = [found["type"] for found in cut["steps"][0]["exceptions"]]

    assert len(types) == MAX_EXCEPTIONS
    assert (types[0], types[1], types[-1]) == ("E0", "E21", "E29")


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("/home/ann/pipelines/shop.py", "shop"),
        ("/opt/venv/lib/python3.11/site-packages/dlt/extract/pipe.py", "dlt.extract.pipe"),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml"),
        ("C:\\Users\\ann\\shop.py", "shop"),
        ("<string>", "<string>"),
    ],
)
def test_a_frame_tells_module_function_and_line(file: str, module: str) -> None:
    assert frames_of([f'  File "{file}", line 3, in orders\n    secret()\n']) == [f"{module}:orders:3"]


def test_of_many_frames_the_innermost_are_kept() -> None:
    frames = frames_of([f'  File "shop.py", line {number}, in orders\n' for number in range(100)])

    assert len(frames) == MAX_FRAMES
    assert frames[-1] == "shop:orders:99"


def test_the_destination_comes_from_the_load_step() -> None:
    info = {"destination_name": "finance", "destination_type": "dlt.destinations.postgres", "dataset_name": "crm"}

    assert destination_of(trace(step(name="extract"), step(**info))) == {
        "name": "finance",
        "type": "postgres",
        "dataset_name": "crm",
    }
    assert destination_of(trace()) == describe_destination(None, None, None)


@pytest.mark.parametrize(
    "broken",
    [{}, {"steps": None}, {"steps": "x"}, {"steps": [1, None]}, {"steps": [{"step_info": [], "step": 3}]}],
)
def test_a_trace_of_another_shape_gives_what_it_has(broken: dict[str, Any]) -> None:
    assert outcome_of(cut_trace(broken)) == "empty"
