"""Makes events of what dlt sends, redacted and cut like those of the plugin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import orjson

from meta_pipeline.traces import called_step, told_outcome
from meta_pipeline_capture.event import END, make_event

_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


class NotATraceError(Exception):
    """What was sent is not a trace; the text says what is wrong with it and quotes nothing of it."""


def event_of(body: bytes) -> Mapping[str, Any]:
    """Makes the event of a trace.

    Args:
        body: What dlt sent: the trace as JSON.

    Returns:
        The event, at the time at which the run ended: the same trace always makes the same one.

    Raises:
        NotATraceError: It is not a trace.
    """
    trace = _parsed(body)
    event = make_event(
        trace,
        event=END,
        step=called_step(trace["steps"]),
        captured_by="receiver",
        captured_at=_moment(trace, "finished_at"),
        variables={},
    )
    return {**event, "outcome": told_outcome(trace, event["trace"])}


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        trace = orjson.loads(body)
    except ValueError:
        raise NotATraceError("the body is not JSON") from None
    if not isinstance(trace, dict):
        raise NotATraceError("the body is not a JSON object")
    if not _ID.fullmatch(str(trace.get("transaction_id") or "")):
        raise NotATraceError("transaction_id is missing or not an id")
    if not isinstance(trace.get("pipeline_name"), str):
        raise NotATraceError("pipeline_name is missing or not a text")
    steps = trace.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise NotATraceError("steps is missing or not a list of objects")
    _moment(trace, "started_at")
    return trace


def _moment(trace: Mapping[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(trace.get(name)).replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise NotATraceError(f"{name} is missing or not a time in ISO 8601") from None
