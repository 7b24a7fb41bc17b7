"""What to do about a pipeline, by its status."""

from __future__ import annotations

from collections.abc import Mapping

_ADVICE: Mapping[str, str] = {
    "unreachable": "Run meta-pipeline check: it tries to read the dataset and says what is missing. Nobody knows how "
    "the pipeline is until it can be read.",
    "failing": "Open its last run, mend what the message names, and run the pipeline again. Its next load ends this.",
    "stalled": "Look at its last run: was it killed, or does it wait for something? If it ends well and brings "
    "nothing, look at the source and at the cursors (mart incremental_cursors).",
    "late": "See whether its schedule is on and its orchestrator runs. If it may come this late, say so in "
    "expected_within_hours of [transform].",
    "partial": "Look at the failed jobs of its last run and run the pipeline again: what was extracted is "
    "loaded first.",
    "anomalous": "Look at the source of that table. A table that was moved, filtered or filled twice looks like this; "
    "mart volume_anomalies has what was expected.",
    "new": "Nothing yet. Its rhythm is known after four loads and a day.",
    "healthy": "Nothing.",
    "retired": "Nothing if it was switched off. Leave its dataset out with exclude_datasets, and it is not "
    "shown any more.",
}
_UNCAPTURED = (
    " None of its runs is captured, so a run that failed looks like this too; META_PIPELINE_INBOX in its environment "
    "would tell."
)


def what_to_do(status: str, *, is_captured: bool) -> str:
    """Returns what to do about a pipeline.

    Args:
        status: Its status.
        is_captured: Whether runs of it are captured.
    """
    return _ADVICE[status] + ("" if is_captured or status != "late" else _UNCAPTURED)
