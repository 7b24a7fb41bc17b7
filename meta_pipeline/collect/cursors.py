"""Decides what of a destination must be read again.

dlt commits loads out of order: a retry commits an old load id late, clocks differ, and people set the status of old
loads. So a cursor on the commit time with an overlap is not enough. Beside it, the rows before the overlap are counted
and their status summed by the warehouse; where that differs from last time, the dataset is read whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from meta_pipeline.collect.warehouse import Kind, Summary

OVERLAP = timedelta(hours=1)

Extent = Literal["nothing", "recent", "all"]


@dataclass(frozen=True)
class TableCursor:
    """What a system table held when it was read last.

    Args:
        rows: Number of rows.
        last: Latest time stamp, ISO 8601.
        status_sum: Sum of the status of loads.
        boundary: Start of the overlap, ISO 8601: rows before it are settled.
        settled_rows: Rows before the boundary.
        settled_status_sum: Sum of their status.
    """

    rows: int
    last: str | None
    status_sum: int = 0
    boundary: str | None = None
    settled_rows: int = 0
    settled_status_sum: int = 0


@dataclass(frozen=True)
class DatasetCursor:
    """How far a dataset has been read.

    Args:
        loads: Cursor of its loads.
        versions: Cursor of its schema versions.
        states: Cursor of its pipeline states.
        counted_to: Highest load id whose rows were counted.
        statistics: Digest of its table statistics.
        schemas_seen: Number of schemas in it.
        outcome: Outcome of the last collection.
        since: First collection with that outcome, ISO 8601.
    """

    loads: TableCursor | None = None
    versions: TableCursor | None = None
    states: TableCursor | None = None
    counted_to: str | None = None
    statistics: str | None = None
    schemas_seen: int | None = None
    outcome: str | None = None
    since: str | None = None

    def of(self, kind: Kind) -> TableCursor | None:
        """Returns the cursor of a system table."""
        cursor: TableCursor | None = getattr(self, kind)
        return cursor

    def moved(self, kind: Kind, cursor: TableCursor) -> DatasetCursor:
        """Returns the same with the cursor of a system table moved."""
        changes: dict[str, Any] = {kind: cursor}
        return replace(self, **changes)

    def to_state(self) -> dict[str, Any]:
        """Returns a JSON object for dlt's state, without empty fields."""
        return _without_none(asdict(self))

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DatasetCursor:
        """Returns the cursor that ``to_state`` made an object of."""
        tables = {kind: TableCursor(**state[kind]) for kind in ("loads", "versions", "states") if kind in state}
        return cls(**{**state, **tables})


def boundary_of(cursor: TableCursor | None) -> datetime | None:
    """Returns the time stamp before which a table's rows were settled when it was read last."""
    return datetime.fromisoformat(cursor.boundary) if cursor and cursor.boundary else None


def extent(cursor: TableCursor | None, summary: Summary) -> Extent:
    """Decides how much of a system table must be read.

    Args:
        cursor: What it held last time.
        summary: What it holds now, settled at the cursor's boundary.

    Returns:
        ``nothing`` where nothing changed, ``recent`` where only rows after the boundary did, else ``all``.
    """
    if cursor is None:
        return "all" if summary.rows else "nothing"
    now = (summary.rows, _iso(summary.last), summary.status_sum)
    if now == (cursor.rows, cursor.last, cursor.status_sum):
        return "nothing"
    settled = (summary.settled_rows, summary.settled_status_sum)
    if cursor.boundary and settled == (cursor.settled_rows, cursor.settled_status_sum):
        return "recent"
    return "all"


def next_boundary(summary: Summary) -> datetime | None:
    """Returns from when on rows are read again next time."""
    return summary.last - OVERLAP if summary.last else None


def settle(summary: Summary, boundary: datetime | None, settled: Summary) -> TableCursor:
    """Makes the cursor of a table that is about to be read.

    The settled rows are counted before reading: what is committed behind the boundary meanwhile makes the count
    differ next time, and is read then.

    Args:
        summary: What the table held before reading.
        boundary: The next boundary.
        settled: What it held, settled at that boundary.

    Returns:
        The cursor to store when the reading went well.
    """
    return TableCursor(
        rows=summary.rows,
        last=_iso(summary.last),
        status_sum=summary.status_sum,
        boundary=_iso(boundary),
        settled_rows=settled.settled_rows,
        settled_status_sum=settled.settled_status_sum,
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(item) if isinstance(item, dict) else item for key, item in value.items() if item is not None
    }
