"""Reading the marts that alerting looks at, and the table of events, which is only ever appended to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from meta_pipeline.alert.findings import AlertEvent, Finding
from meta_pipeline.alert.lifecycle import Unread
from meta_pipeline.exceptions import HomeError
from meta_pipeline.home import MARTS_DATASET, MODELS_DATASET, RAW_DATASET, Home, Session, require_marts

EVENTS_TABLE = "alert_events"
REMEMBERED = timedelta(days=30)
"""How long after its end a finding may still be told to a channel that could not be reached."""

ROWS_A_STATEMENT = 100

# Owners come from the configuration, not from the mart.
_MART_COLUMNS = tuple(item.name for item in fields(Finding) if item.name != "owner")
EVENT_COLUMNS = ("event_type", "happened_at", "episode_at", "channel", *(item.name for item in fields(Finding)))
_READ = ("complete", "partial", "dev_mode", "excluded")


@dataclass(frozen=True)
class Seen:
    """What the home says at one moment.

    Args:
        findings: The open findings, as the mart has them.
        events: What happened to those that are open, or ended not long ago.
        unread: What nobody could look at.
        states: Status and reason of each pipeline by its key.
    """

    findings: Sequence[Finding]
    events: Sequence[AlertEvent]
    unread: Unread
    states: dict[str, str]


def read(session: Session, home: Home, now: datetime) -> Seen:
    """Reads all that alerting looks at.

    Args:
        session: An open session of the home.
        home: The home, for messages.
        now: The present.

    Raises:
        HomeError: There are no finished marts, or they show the past.
    """
    _require_present(session, home)
    findings = [Finding(*row) for row in _rows(session, "alerts", _MART_COLUMNS)]
    health = _rows(session, "pipeline_health", ("pipeline_id", "status", "reason"))
    coverage = _rows(session, "destination_coverage", ("destination_name", "dataset_name", "outcome"))
    return Seen(
        findings=findings,
        events=_read_events(session, now),
        unread=Unread(
            places=frozenset((row[0], row[1]) for row in coverage if row[2] not in _READ),
            pipelines=frozenset(row[0] for row in health if row[1] == "unreachable"),
        ),
        states={row[0]: f"{row[1]}: {row[2]}" for row in health},
    )


def append(session: Session, events: Sequence[AlertEvent]) -> None:
    """Appends events.

    Args:
        session: An open session of the home that may write.
        events: The events.
    """
    table = session.relation(RAW_DATASET, EVENTS_TABLE)
    for start in range(0, len(events), ROWS_A_STATEMENT):
        values: list[Any] = []
        selects = []
        for event in events[start : start + ROWS_A_STATEMENT]:
            row = _row(event)
            # BigQuery cannot tell the type of a null, so texts that are missing are sent empty.
            selects.append(", ".join("nullif(%s, '')" if isinstance(value, str) else "%s" for value in row))
            values += row
        rows = " union all ".join(f"select {select}" for select in selects)
        session.rows(f"insert into {table} ({', '.join(EVENT_COLUMNS)}) {rows}", *values)


def _require_present(session: Session, home: Home) -> None:
    require_marts(session, home, "alerts")
    as_of, is_past = session.rows(f"select as_of, is_past from {session.relation(MODELS_DATASET, 'clock')}")[0]
    if is_past:
        raise HomeError(
            f"The marts show the past, {as_of:%Y-%m-%d %H:%M} UTC, of which nobody is told. To bring the present back, "
            "run: meta-pipeline transform"
        )


def _read_events(session: Session, now: datetime) -> list[AlertEvent]:
    table = session.relation(RAW_DATASET, EVENTS_TABLE)
    rows = session.rows(
        f"select {', '.join(EVENT_COLUMNS)} from {table} where alert_key in ("
        f"select alert_key from {table} group by alert_key having max(happened_at) >= %s or sum("
        "case when event_type in ('opened', 'reopened') then 1 "
        "when event_type in ('resolved', 'superseded') then -1 else 0 end) > 0)",
        now - REMEMBERED,
    )
    return [AlertEvent(row[0], row[1], row[2], row[3], Finding(*row[4:])) for row in rows]


def _rows(session: Session, mart: str, columns: Sequence[str]) -> Sequence[Sequence[Any]]:
    return session.rows(f"select {', '.join(columns)} from {session.relation(MARTS_DATASET, mart)}")


def _row(event: AlertEvent) -> list[Any]:
    texts: list[Any] = [event.event_type, event.happened_at, event.episode_at, event.channel]
    values = [*texts, *(getattr(event.finding, item.name) for item in fields(Finding))]
    return ["" if value is None else value for value in values]
