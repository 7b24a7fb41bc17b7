"""Cuts dlt's trace, a plain dictionary, down to what may leave the process: what is not named here is left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from meta_pipeline_capture.redaction import redact, redact_location

Json = dict[str, Any]

MAX_FRAMES = 30
MAX_EXCEPTIONS = 10
INTERRUPTIONS = (
    *("KeyboardInterrupt", "SystemExit", "SignalReceivedException"),
    *("AirflowTaskTimeout", "AirflowTaskTerminated", "DagsterExecutionInterruptedError", "TerminationSignal"),
)
SUCCEEDED, EMPTY, WITH_FAILED_JOBS = "succeeded", "empty", "with_failed_jobs"
FAILED, INTERRUPTED = "failed", "interrupted"

_TRACE = ("transaction_id", "pipeline_name", "started_at", "finished_at")
_STEP = ("step", "started_at", "finished_at")
_PACKAGE = ("load_id", "state", "completed_at", "schema_name", "schema_hash", "refresh")
_PACKAGE_JOB = ("job_id", "table_name", "file_format", "state", "file_size", "created_at", "elapsed", "retry_count")
_TABLE_METRICS = ("load_id", "table_name", "items_count", "file_size")
_JOB_METRICS = (
    *("load_id", "job_id", "table_name", "items_count", "file_size"),
    *("state", "started_at", "finished_at", "retry_count"),
)
_LOCATION = (
    *("load_id", "resource_name", "kind", "destination_name", "dataset_name", "physical_dataset_name"),
    *("database", "db_schema"),
)
_EXCEPTION = ("load_id", "job_id", "source_name", "resource_name", "is_terminal")
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]*)", line (?P<line>\d+), in (?P<function>\S+)')
_DLT_TABLE = "_dlt_"


def cut_trace(trace: Mapping[str, Any], known_secrets: Collection[str] = ()) -> Json:
    """Returns the allowed part of a trace, redacted.

    Args:
        trace: What `PipelineTrace.asdict()` gives, or its JSON.
        known_secrets: Values that must not be in it.
    """
    return {**_pick(trace, _TRACE), "steps": [_step(step, known_secrets) for step in _dicts(trace.get("steps"))]}


def destination_of(trace: Mapping[str, Any]) -> Json:
    """Returns where a trace's load step loaded to; null where it has none.

    Args:
        trace: What `PipelineTrace.asdict()` gives, or its JSON.
    """
    infos = [_dict(step.get("load_info")) for step in _dicts(trace.get("steps"))]
    info: Mapping[str, Any] = next((info for info in infos if info), {})
    return describe_destination(info.get("destination_name"), info.get("destination_type"), info.get("dataset_name"))


def describe_destination(name: object, kind: object, dataset_name: object) -> Json:
    """Returns an event's `destination`.

    Args:
        name: Its name.
        kind: Its type; dlt's own are told without their module.
        dataset_name: The pipeline's dataset.
    """
    return {"name": _scalar(name), "type": _short_type(kind), "dataset_name": _scalar(dataset_name)}


def outcome_of(trace: Mapping[str, Any]) -> str:
    """Tells how a run ended.

    Args:
        trace: A trace that was cut.

    Returns:
        The first that holds. `interrupted`: an exception asked the program to end. `failed`: there is another one.
        `with_failed_jobs`: a job failed, nothing was raised. `empty`: no package has a file of a user's table.
        `succeeded`.
    """
    steps = trace["steps"]
    types = [exception["type"] for step in steps for exception in step["exceptions"]]
    if any(str(kind).rpartition(".")[2] in INTERRUPTIONS for kind in types):
        return INTERRUPTED
    if types:
        return FAILED
    jobs = [job for step in steps for package in step["load_packages"] for job in package["jobs"]]
    if any(job["state"] == "failed_jobs" for job in jobs):
        return WITH_FAILED_JOBS
    if any(not str(job["table_name"]).lower().startswith(_DLT_TABLE) for job in jobs):
        return SUCCEEDED
    return EMPTY


def frames_of(stack_trace: object) -> list[str]:
    """Returns the innermost frames of a stack as `module:function:line`, outermost first.

    Args:
        stack_trace: Lines as Python's `traceback.format_list` writes them; source text in them is left out.
    """
    found = (_FRAME.match(line) for line in _strings(stack_trace))
    frames = [f"{_module(match['file'])}:{match['function']}:{match['line']}" for match in found if match]
    return frames[-MAX_FRAMES:]


def _step(step: Mapping[str, Any], known_secrets: Collection[str]) -> Json:
    info = _dict(step.get("step_info"))
    details = _dict(step.get(f"{step.get('step')}_info"))
    return {
        **_pick(step, _STEP),
        "first_run": _scalar(info.get("first_run")),
        "load_ids": _strings(info.get("loads_ids")),
        "load_packages": [_package(package, known_secrets) for package in _dicts(info.get("load_packages"))],
        "table_metrics": [_pick(metrics, _TABLE_METRICS) for metrics in _dicts(details.get("table_metrics"))],
        "job_metrics": [_pick(metrics, _JOB_METRICS) for metrics in _dicts(details.get("job_metrics"))],
        "inputs": [_location(location, known_secrets) for location in _dicts(details.get("inputs"))],
        "outputs": [_location(location, known_secrets) for location in _dicts(details.get("outputs"))],
        "exceptions": list(_exceptions(step, known_secrets)),
    }


def _package(package: Mapping[str, Any], known_secrets: Collection[str]) -> Json:
    jobs = [
        {**_pick(job, _PACKAGE_JOB), "failed_message": _redacted(job.get("failed_message"), known_secrets)}
        for job in _dicts(package.get("jobs"))
    ]
    return {**_pick(package, _PACKAGE), "jobs": jobs}


def _location(location: Mapping[str, Any], known_secrets: Collection[str]) -> Json:
    address = location.get("location")
    return {
        **_pick(location, _LOCATION),
        "destination_type": _short_type(location.get("destination_type")),
        "location": redact_location(address, known_secrets) if isinstance(address, str) else None,
        "tables": _strings(location.get("tables")),
        "endpoints": [redact_location(endpoint, known_secrets) for endpoint in _strings(location.get("endpoints"))],
    }


def _exceptions(step: Mapping[str, Any], known_secrets: Collection[str]) -> Iterator[Json]:
    """Yields the chain of a step's exceptions, the one that was raised first, its cause last."""
    chain = list(_dicts(step.get("exception_traces")))
    if not chain and step.get("step_exception"):
        chain = [{"message": step["step_exception"]}]
    for exception in chain[:1] + chain[1:][-MAX_EXCEPTIONS + 1 :]:
        yield {
            "type": _scalar(exception.get("exception_type")),
            "message": _redacted(exception.get("message"), known_secrets),
            "frames": frames_of(exception.get("stack_trace")),
            **_pick(exception, _EXCEPTION),
        }


def _module(file: str) -> str:
    """Names a file's module: with its packages where it is installed, else without folders, which may tell names."""
    path = PureWindowsPath(file) if "\\" in file else PurePosixPath(file)
    parts = path.with_suffix("").parts or (file,)
    roots = [index for index, part in enumerate(parts) if part in ("site-packages", "dist-packages")]
    return ".".join(parts[roots[-1] + 1 :] if roots else parts[-1:]).removesuffix(".__init__")


def _short_type(kind: object) -> str | None:
    return kind.removeprefix("dlt.destinations.") if isinstance(kind, str) else None


def _redacted(text: object, known_secrets: Collection[str]) -> str | None:
    return redact(text, known_secrets) if isinstance(text, str) else None


def _pick(values: Mapping[str, Any], names: Sequence[str]) -> Json:
    return {name: _scalar(values.get(name)) for name in names}


def _scalar(value: object) -> str | int | float | bool | None:
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, bool)) else None


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in _sequence(value) if isinstance(item, Mapping)]


def _strings(value: object) -> list[str]:
    return [item for item in _sequence(value) if isinstance(item, str)]


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
