"""What is to be known of dlt's traces, whoever received or kept them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meta_pipeline_capture.content import INTERRUPTED, outcome_of

_STEPS_WITH_INFO = ("extract", "normalize", "load")


def called_step(steps: Sequence[Mapping[str, Any]]) -> str:
    """Returns what was called: a call to run has several steps, or its own where it failed before any.

    Args:
        steps: The steps of a trace.

    Returns:
        run, extract, normalize or load.
    """
    return str(steps[0].get("step")) if len(steps) == 1 else "run"


def told_outcome(trace: Mapping[str, Any], cut: Mapping[str, Any]) -> str:
    """Tells how a call ended of which only dlt's trace is there.

    dlt notes no exception such as `SystemExit`; but a step that it broke off has no information of its own.

    Args:
        trace: What `PipelineTrace.asdict()` gives, or its JSON.
        cut: The same, cut.

    Returns:
        One of the outcomes that docs/capture.md lists.
    """
    broken_off = (
        "step_info" in step and step["step_info"] is None and not step.get("step_exception")
        for step in trace.get("steps") or ()
        if step.get("step") in _STEPS_WITH_INFO
    )
    return INTERRUPTED if any(broken_off) else outcome_of(cut)
