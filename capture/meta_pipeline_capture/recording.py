"""Turns a trace of this process into an event and sends it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.configuration.utils import get_resolved_traces
from dlt.common.pipeline import get_dlt_pipelines_dir

from meta_pipeline_capture.content import Json, describe_destination
from meta_pipeline_capture.delivery import deliver
from meta_pipeline_capture.event import END, event_bytes, event_name, make_event
from meta_pipeline_capture.inbox import open_inbox
from meta_pipeline_capture.redaction import secret_parts, secrets_by_name
from meta_pipeline_capture.spool import Spool

if TYPE_CHECKING:
    from dlt.common.pipeline import SupportsPipeline
    from dlt.pipeline.trace import PipelineTrace

SPOOL_FOLDER = "meta_pipeline_spool"


def leave(
    inbox: str,
    event: Literal["start", "end"],
    trace: PipelineTrace,
    step: str,
    pipeline: SupportsPipeline,
    raised: BaseException | None,
) -> None:
    """Leaves an event in the inbox, or in the spool.

    Args:
        inbox: Folder or URL.
        event: Whether the run began or ended.
        trace: dlt's trace.
        step: What was called.
        pipeline: The pipeline.
        raised: What ends the run, if anything does.
    """
    content = make_event(
        with_interruption(trace_dict(trace), raised),
        event=event,
        step=step,
        captured_by="plugin",
        captured_at=datetime.now(timezone.utc),
        variables=os.environ,
        destination=_destination(pipeline),
        # A start has no message that they could be in.
        known_secrets=_known_secrets(raised) if event == END else (),
    )
    spool = Spool.of_inbox(Path(get_dlt_pipelines_dir()).parent / SPOOL_FOLDER, inbox)
    deliver(open_inbox(inbox), spool, event_name(content), event_bytes(content))


def trace_dict(trace: PipelineTrace) -> Mapping[str, Any]:
    """Returns a trace as a dictionary, also where dlt itself cannot make one of a step.

    Args:
        trace: The trace.
    """
    steps = [step._replace(step_info=_describable(step.step_info)) for step in trace.steps]
    return trace._replace(steps=steps).asdict()


def _describable(info: Any) -> Any:
    """Drops the empty metrics of a package whose load broke off before it had any: dlt asserts that there are some."""
    metrics = getattr(info, "metrics", None)
    if not metrics:
        return info
    return info._replace(metrics={load_id: found for load_id, found in metrics.items() if found})


def with_interruption(trace: Mapping[str, Any], raised: BaseException | None) -> Mapping[str, Any]:
    """Adds what ends a run and is no `Exception`: dlt does not note it in the trace.

    Args:
        trace: The trace.
        raised: What ends the run.

    Returns:
        The trace; where it ended by something that it does not tell, with that in its last step.
    """
    steps = list(trace["steps"])
    if raised is None or any(step["exception_traces"] for step in steps):
        return trace
    kind = type(raised)
    exception = {
        "exception_type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "message": str(raised),
        "stack_trace": traceback.format_tb(raised.__traceback__),
    }
    last = steps.pop() if steps else {"step": "run"}
    return {**trace, "steps": [*steps, {**last, "exception_traces": [exception]}]}


def _known_secrets(raised: BaseException | None) -> frozenset[str]:
    return frozenset((*secrets_by_name(os.environ), *_resolved_secrets(), *secrets_in_frames(raised)))


def secrets_in_frames(raised: BaseException | None) -> Iterator[str]:
    """Yields what the functions that an exception went through hold under the name of a secret: their arguments too.

    Args:
        raised: The exception; its causes are looked at as well.
    """
    seen: set[int] = set()
    while raised is not None and id(raised) not in seen:
        seen.add(id(raised))
        for frame, _ in traceback.walk_tb(raised.__traceback__):
            for variables in (frame.f_locals, frame.f_globals):
                yield from secrets_by_name(dict(variables))
        raised = raised.__cause__ or raised.__context__


def _destination(pipeline: SupportsPipeline) -> Json:
    destination = pipeline.destination
    return describe_destination(
        getattr(destination, "destination_name", None),
        getattr(destination, "destination_type", None),
        pipeline.dataset_name,
    )


def _resolved_secrets() -> Iterator[str]:
    for resolved in get_resolved_traces().resolved_traces:
        if is_secret_hint(resolved.hint):
            for text in _texts(resolved.value):
                yield from secret_parts(text)


def _texts(value: object) -> Iterator[str]:
    """Yields the texts in a secret; the fields of dlt's credentials are resolved, and told, one by one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and not isinstance(value, BaseConfiguration):
        for item in value.values():
            yield from _texts(item)
