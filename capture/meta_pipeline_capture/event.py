"""The files of the inbox: one event of one run each, as docs/capture.md describes them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Any, Literal

from meta_pipeline_capture.content import Json, cut_trace, destination_of, outcome_of
from meta_pipeline_capture.environment import describe_environment

FORMAT = "meta-pipeline/trace"
FORMAT_VERSION = 1
START: Literal["start"] = "start"
END: Literal["end"] = "end"

_MAX_NAME_CHARACTERS = 64


def make_event(
    trace: Mapping[str, Any],
    *,
    event: Literal["start", "end"],
    step: str,
    captured_by: Literal["plugin", "receiver"],
    captured_at: datetime,
    variables: Mapping[str, str],
    destination: Json | None = None,
    known_secrets: Collection[str] = (),
) -> Json:
    """Makes the content of one file.

    Args:
        trace: What `PipelineTrace.asdict()` gives, or its JSON.
        event: Whether the run began or ended.
        step: What was called: run, extract, normalize or load.
        captured_by: Who caught it.
        captured_at: When.
        variables: Environment variables of the pipeline's process; empty where they are not known.
        destination: Where it loads to, where that is known from elsewhere than the trace.
        known_secrets: Values that must not be in it.

    Returns:
        What `event_bytes` writes.
    """
    cut = cut_trace(trace, known_secrets)
    context = trace.get("execution_context")
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "event": event,
        "step": step,
        "captured_by": captured_by,
        "captured_at": captured_at.isoformat(),
        "environment": describe_environment(context if isinstance(context, Mapping) else {}, variables),
        "destination": destination or destination_of(trace),
        "outcome": outcome_of(cut) if event == END else None,
        "trace": cut,
    }


def event_name(event: Mapping[str, Any]) -> str:
    """Returns the name of an event's file; names sort by time.

    Args:
        event: The event.
    """
    captured_at = datetime.fromisoformat(event["captured_at"]).astimezone(timezone.utc)
    parts = (event["trace"]["transaction_id"], event["step"], event["event"])
    return "-".join([f"{captured_at:%Y%m%dT%H%M%S.%fZ}", *(_plain(str(part)) for part in parts)]) + ".json"


def event_bytes(event: Mapping[str, Any]) -> bytes:
    """Returns the content of an event's file.

    Args:
        event: The event.
    """
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _plain(part: str) -> str:
    return re.sub(r"\W", "_", part, flags=re.ASCII)[:_MAX_NAME_CHARACTERS]
