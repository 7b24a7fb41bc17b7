"""What alerting deals with: findings, and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from meta_pipeline.severity import Severity

ALERT_TYPES = (
    "late",
    "failing",
    "stalled",
    "partial",
    "unreachable",
    "volume",
    "schema_change",
    "orphaned_load",
    "stuck_cursor",
    "regressed_cursor",
)

STATUS_TYPES = frozenset({"late", "failing", "stalled", "partial"})
"""Types of which a pipeline has one at a time, the first in the order of its statuses."""

EventType = Literal[
    "opened",
    "reopened",
    "notified",
    "reminded",
    "undelivered",
    "resolved",
    "superseded",
    "resolution_notified",
]


@dataclass(frozen=True)
class Finding:
    """A row of the mart ``alerts``, as the rules of the configuration leave it.

    Args:
        alert_key: Its key.
        alert_type: One of ``ALERT_TYPES``.
        severity: How bad it is.
        is_event: Whether it happened at a moment, rather than lasts.
        destination_name: The destination.
        dataset_name: The dataset; None where the whole destination is concerned.
        pipeline_id: Key of the pipeline; None where no one pipeline is concerned.
        pipeline_name: The pipeline.
        table_name: The table; None where none is concerned.
        subject: What it was found of.
        summary: What was found, in words.
        opened_at: Since when it is so.
        cause_key: What it shares with all that has the same cause.
        run_url: Page of the run; None where none is known.
        owner: Who looks after it.
    """

    alert_key: str
    alert_type: str
    severity: Severity
    is_event: bool
    destination_name: str
    dataset_name: str | None
    pipeline_id: str | None
    pipeline_name: str | None
    table_name: str | None
    subject: str
    summary: str
    opened_at: datetime
    cause_key: str
    run_url: str | None
    owner: str | None = None


@dataclass(frozen=True)
class AlertEvent:
    """Something that happened to a finding: a row of the table ``alert_events``.

    Args:
        event_type: What happened.
        happened_at: When.
        episode_at: When the finding was opened.
        channel: The channel that was told, or could not be; None for what was not told.
        finding: The finding as it was.
    """

    event_type: EventType
    happened_at: datetime
    episode_at: datetime
    channel: str | None
    finding: Finding
