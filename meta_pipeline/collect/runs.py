"""Turns captured events and dlt's traces into rows of the raw tables; nothing is read here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import orjson

from meta_pipeline.collect.moments import as_moment
from meta_pipeline.collect.tables import (
    CAPTURED_RUNS,
    RUN_EXCEPTIONS,
    RUN_INPUTS,
    RUN_JOBS,
    RUN_OUTPUTS,
    RUN_PACKAGES,
    RUN_STEPS,
    RUN_TABLE_METRICS,
    RawTable,
)
from meta_pipeline.traces import called_step, told_outcome
from meta_pipeline_capture.content import cut_trace, destination_of
from meta_pipeline_capture.environment import describe_environment
from meta_pipeline_capture.event import END, FORMAT, FORMAT_VERSION, START
from meta_pipeline_capture.redaction import redact, redact_location

Json = Mapping[str, Any]
Row = dict[str, Any]

RUN_TABLES: tuple[RawTable, ...] = (
    CAPTURED_RUNS,
    RUN_STEPS,
    RUN_PACKAGES,
    RUN_JOBS,
    RUN_TABLE_METRICS,
    RUN_INPUTS,
    RUN_OUTPUTS,
    RUN_EXCEPTIONS,
)
"""The raw tables that a capture has rows in."""

MAX_TEXT_CHARACTERS = 4_000
MOST_STEPS_KEPT = 100
"""dlt cuts off the beginning of a trace that has more."""


@dataclass(frozen=True)
class Capture:
    """An event as one way of capturing saw it.

    Args:
        capture_id: Identifies it among all.
        captured_by: The way.
        event: The event, as docs/capture.md describes it.
        found_destination_name: Destination in whose tables it stands.
        found_dataset_name: Dataset in whose tables it stands.
    """

    capture_id: str
    captured_by: str
    event: Json
    found_destination_name: str | None = None
    found_dataset_name: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a file is not read.

    Args:
        outcome: In a word.
        reason: In words, with what to do next.
    """

    outcome: str
    reason: str


BROKEN = Refusal("broken", "is not whole, or not JSON. Delete it there, or put the whole file in its place")
NOT_A_TRACE = Refusal("not_a_trace", "is no captured run. Delete it there, or move it elsewhere")
UNKNOWN_VERSION = Refusal(
    "unknown_version", "has a format of another version. Upgrade meta-pipeline, which must not be older than the plugin"
)


def parse_event(content: bytes) -> Json | Refusal:
    """Reads a file of the inbox.

    Args:
        content: Its content.

    Returns:
        The event, or why it is none.
    """
    try:
        event = orjson.loads(content)
    except ValueError:
        return BROKEN
    if not isinstance(event, dict) or event.get("format") != FORMAT:
        return NOT_A_TRACE
    if event.get("format_version") != FORMAT_VERSION:
        return UNKNOWN_VERSION
    trace = event.get("trace")
    is_whole = isinstance(trace, dict) and isinstance(trace.get("transaction_id"), str)
    return event if is_whole and event.get("event") in (START, END) else NOT_A_TRACE


def event_of(trace: Json) -> Json:
    """Makes the event of a trace that dlt or somebody else kept; redacted.

    Args:
        trace: What `PipelineTrace.asdict()` gives.
    """
    cut = cut_trace(trace)
    return {
        "event": END,
        "step": called_step(cut["steps"]),
        "captured_at": trace.get("finished_at") or trace.get("started_at"),
        "environment": describe_environment(_dict(trace.get("execution_context")), {}),
        "destination": destination_of(trace),
        "outcome": told_outcome(trace, cut),
        "trace": cut,
    }


def trace_of_load(info: Json, transaction_id: str) -> Json:
    """Makes the trace of a load of which only dlt's `LoadInfo` was kept.

    Args:
        info: What `LoadInfo.asdict()` gives.
        transaction_id: What it shall go by: it has none.
    """
    moments = {name: info.get(name) for name in ("started_at", "finished_at")}
    name = _dict(info.get("pipeline")).get("pipeline_name")
    step = {"step": "load", **moments, "step_info": info, "load_info": info}
    return {"transaction_id": transaction_id, "pipeline_name": name, **moments, "steps": [step]}


def separate_calls(trace: Json) -> Iterator[Json]:
    """Takes a trace apart that holds several calls: dlt appends a call of a single step to the last trace.

    Args:
        trace: What `PipelineTrace.asdict()` gives.

    Yields:
        A trace for each call that begins with an extract. The first keeps dlt's id, unless its beginning was cut off.
    """
    steps = _dicts(trace.get("steps"))
    calls: list[list[Json]] = [[]]
    for step in steps:
        if step.get("step") == "extract" and any(item.get("step") == "extract" for item in calls[-1]):
            calls.append([])
        calls[-1].append(step)
    if len(calls) == 1:
        yield trace
        return
    for number, call in enumerate(calls):
        started_at, finished_at = call[0].get("started_at"), call[-1].get("finished_at")
        is_first = number == 0 and len(steps) < MOST_STEPS_KEPT
        yield {
            **trace,
            "transaction_id": trace["transaction_id"] if is_first else f"{trace['transaction_id']}-{_mark_of(call)}",
            "started_at": started_at,
            "finished_at": finished_at,
            "steps": call,
        }


def _mark_of(call: Sequence[Json]) -> str:
    load_ids = [load_id for step in call for load_id in _list(_dict(step.get("step_info")).get("loads_ids"))]
    return str(load_ids[0] if load_ids else call[0].get("started_at"))


def rows_of(capture: Capture) -> dict[RawTable, list[Row]]:
    """Returns the rows of a capture in each of ``RUN_TABLES``.

    Args:
        capture: The capture; what is in it and not of the type that the format has becomes null.
    """
    rows: dict[RawTable, list[Row]] = {table: [] for table in RUN_TABLES}
    rows[CAPTURED_RUNS].append(_run(capture))
    for number, step in enumerate(_dicts(_dict(capture.event.get("trace")).get("steps")), start=1):
        key = {"capture_id": capture.capture_id, "step_number": number}
        rows[RUN_STEPS].append({**key, **_step(step)})
        found: dict[RawTable, Iterator[Row]] = {
            RUN_PACKAGES: _packages(step),
            RUN_JOBS: _jobs(step),
            RUN_TABLE_METRICS: _table_metrics(step),
            RUN_INPUTS: _places(step.get("inputs")),
            RUN_OUTPUTS: _places(step.get("outputs")),
            RUN_EXCEPTIONS: _exceptions(step),
        }
        for table, made in found.items():
            rows[table].extend({**key, **row} for row in made)
    return rows


def _run(capture: Capture) -> Row:
    event, trace = capture.event, _dict(capture.event.get("trace"))
    environment, destination = _dict(event.get("environment")), _dict(event.get("destination"))
    return {
        "capture_id": capture.capture_id,
        "captured_by": capture.captured_by,
        "event": event["event"],
        "transaction_id": _text(trace.get("transaction_id")),
        "called_step": _text(event.get("step")),
        "captured_at": _moment(event.get("captured_at")),
        "pipeline_name": _text(trace.get("pipeline_name")),
        "started_at": _moment(trace.get("started_at")),
        "finished_at": _moment(trace.get("finished_at")),
        "outcome": _text(event.get("outcome")),
        "destination_name": _text(destination.get("name")),
        "destination_type": _text(destination.get("type")),
        "dataset_name": _text(destination.get("dataset_name")),
        "orchestrator": _text(environment.get("orchestrator")),
        "run_url": _text(environment.get("run_url")),
        "orchestrator_run_id": _text(environment.get("run_id")),
        "attempt": _integer(environment.get("attempt")),
        "job_name": _text(environment.get("job")),
        "exec_info": _json([name for name in _list(environment.get("exec_info")) if isinstance(name, str)]),
        "dlt_version": _text(environment.get("dlt_version")),
        "python_version": _text(environment.get("python_version")),
        "os_name": _text(environment.get("os")),
        "found_destination_name": capture.found_destination_name,
        "found_dataset_name": capture.found_dataset_name,
    }


def _step(step: Json) -> Row:
    first_run = step.get("first_run")
    return {
        "step_name": _text(step.get("step")),
        "started_at": _moment(step.get("started_at")),
        "finished_at": _moment(step.get("finished_at")),
        "is_first_run": first_run if isinstance(first_run, bool) else None,
    }


def _packages(step: Json) -> Iterator[Row]:
    load_ids = filter(None, map(_text, _list(step.get("load_ids"))))
    named: dict[str, Row] = {load_id: {"load_id": load_id} for load_id in load_ids}
    told: dict[str, Row] = {
        load_id: {
            "load_id": load_id,
            "package_state": _text(package.get("state")),
            "completed_at": _moment(package.get("completed_at")),
            "schema_name": _text(package.get("schema_name")),
            "schema_version_hash": _text(package.get("schema_hash")),
            "refresh": _text(package.get("refresh")),
        }
        for package in _dicts(step.get("load_packages"))
        if (load_id := _text(package.get("load_id")))
    }
    yield from {**named, **told}.values()


def _jobs(step: Json) -> Iterator[Row]:
    """Yields the jobs as the packages and the metrics tell of them: each knows what the other does not."""
    rows: dict[tuple[str, str], Row] = {}
    for package in _dicts(step.get("load_packages")):
        for job in _dicts(package.get("jobs")):
            _add_job(rows, {**job, "load_id": package.get("load_id")}, _job(job))
    for metrics in _dicts(step.get("job_metrics")):
        state = _text(metrics.get("state"))
        _add_job(
            rows,
            metrics,
            {
                "table_name": _text(metrics.get("table_name")),
                "job_state": f"{state}_jobs" if state else None,
                "row_count": _integer(metrics.get("items_count")),
                "byte_count": _integer(metrics.get("file_size")),
                "retry_count": _integer(metrics.get("retry_count")),
                "started_at": _moment(metrics.get("started_at")),
                "finished_at": _moment(metrics.get("finished_at")),
            },
        )
    yield from rows.values()


def _job(job: Json) -> Row:
    return {
        "table_name": _text(job.get("table_name")),
        "file_format": _text(job.get("file_format")),
        "job_state": _text(job.get("state")),
        "failed_message": _redacted(job.get("failed_message")),
        "byte_count": _integer(job.get("file_size")),
        "retry_count": _integer(job.get("retry_count")),
        "created_at": _moment(job.get("created_at")),
        "elapsed_seconds": _number(job.get("elapsed")),
    }


def _add_job(rows: dict[tuple[str, str], Row], named: Json, row: Row) -> None:
    """Adds what is told of a job to what is known of it; what was told first stands."""
    load_id, job_id = _text(named.get("load_id")), _text(named.get("job_id"))
    if load_id and job_id:
        known = rows.setdefault((load_id, job_id), {"load_id": load_id, "job_id": job_id})
        known.update({name: value for name, value in row.items() if known.get(name) is None})


def _table_metrics(step: Json) -> Iterator[Row]:
    """Yields the metrics by table: a package that several sources of one name filled has some from each."""
    rows: dict[tuple[str, str], Row] = {}
    for metrics in _dicts(step.get("table_metrics")):
        load_id, table_name = _text(metrics.get("load_id")), _text(metrics.get("table_name"))
        if load_id and table_name:
            counted = {"row_count": 0, "byte_count": 0}
            row = rows.setdefault((load_id, table_name), {"load_id": load_id, "table_name": table_name, **counted})
            row["row_count"] += _integer(metrics.get("items_count")) or 0
            row["byte_count"] += _integer(metrics.get("file_size")) or 0
    yield from rows.values()


def _places(places: object) -> Iterator[Row]:
    rows = (row for place in _dicts(places) for row in _place(place))
    yield from ({"ordinal_position": number, **row} for number, row in enumerate(rows, start=1))


def _place(place: Json) -> Iterator[Row]:
    location = _text(place.get("location"))
    row = {
        "load_id": _text(place.get("load_id")),
        "resource_name": _text(place.get("resource_name")),
        "location_kind": _text(place.get("kind")),
        "location": redact_location(location) if location else None,
        "destination_name": _text(place.get("destination_name")),
        "destination_type": _text(place.get("destination_type")),
        "dataset_name": _text(place.get("dataset_name")),
        "physical_dataset_name": _text(place.get("physical_dataset_name")),
        "database_name": _text(place.get("database")),
        "database_schema": _text(place.get("db_schema")),
    }
    tables = [{"table_name": name} for name in map(_text, _list(place.get("tables"))) if name]
    endpoints = [{"endpoint": redact_location(name)} for name in map(_text, _list(place.get("endpoints"))) if name]
    for inner in [*tables, *endpoints] or [{}]:
        yield {**row, **inner}


def _exceptions(step: Json) -> Iterator[Row]:
    for number, exception in enumerate(_dicts(step.get("exceptions")), start=1):
        is_terminal = exception.get("is_terminal")
        yield {
            "ordinal_position": number,
            "exception_type": _text(exception.get("type")),
            "message": _redacted(exception.get("message")),
            "frames": _json([frame for frame in _list(exception.get("frames")) if isinstance(frame, str)]),
            "load_id": _text(exception.get("load_id")),
            "job_id": _text(exception.get("job_id")),
            "source_name": _text(exception.get("source_name")),
            "resource_name": _text(exception.get("resource_name")),
            "is_terminal": is_terminal if isinstance(is_terminal, bool) else None,
        }


def _redacted(text: object) -> str | None:
    """Redacts once more: whoever wrote the file may have had older rules, or none."""
    return _text(redact(text)) if isinstance(text, str) else None


def _text(value: object) -> str | None:
    # PostgreSQL has no text with a null character in it.
    return value.replace("\0", "")[:MAX_TEXT_CHARACTERS] if isinstance(value, str) else None


def _integer(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) < 1 << 63 else None


def _number(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if math.isfinite(value) else None


def _moment(value: object) -> datetime | None:
    try:
        return as_moment(value).astimezone(timezone.utc) if isinstance(value, (str, datetime)) else None
    except (ValueError, OverflowError):
        return None


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(values).decode()


def _dict(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _dicts(value: object) -> list[Json]:
    return [item for item in _list(value) if isinstance(item, Mapping)]


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
