"""Decides what of a destination must be read again.

dlt commits loads out of order: a retry commits an old load id late, clocks differ, and people set the status of old
loads. So a cursor on the commit time with an overlap is not enough. Beside it, the rows before the overlap are counted
and their status summed by the warehouse; where that differs from last time, the dataset is read whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from meta_pipeline.collect.warehouse import Kind, Summary

OVERLAP = timedelta(hours=1)

KINDS: tuple[Kind, ...] = ("loads", "versions", "states")

_EMPTY: tuple[Any, ...] = (None, 0, ())

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
        changed_at: When the catalogue said, before it was read, that it had changed last; None where it does not say,
            or where the change was too fresh to be told from one after it.
    """

    rows: int = 0
    last: str | None = None
    status_sum: int = 0
    boundary: str | None = None
    settled_rows: int = 0
    settled_status_sum: int = 0
    changed_at: str | None = None


@dataclass(frozen=True)
class DatasetCursor:
    """How far a dataset has been read.

    Args:
        loads: Cursor of its loads.
        versions: Cursor of its schema versions.
        states: Cursor of its pipeline states.
        counted_to: Highest load id whose rows were counted.
        recent_loads: Loads of the overlap whose rows were counted.
        digest: Digest of its table statistics; of its schemas, where it is a folder of exported ones.
        schemas_seen: Number of schemas in it.
        outcome: Outcome of the last collection.
        since: First collection with that outcome, ISO 8601.
    """

    loads: TableCursor | None = None
    versions: TableCursor | None = None
    states: TableCursor | None = None
    counted_to: str | None = None
    recent_loads: tuple[str, ...] = ()
    digest: str | None = None
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

    def continued(self, outcome: str, collected_at: datetime) -> DatasetCursor:
        """Returns the same after a collection that ended with an outcome: where it is a new one, a stretch begins."""
        if outcome == self.outcome and self.since:
            return self
        return replace(self, outcome=outcome, since=collected_at.isoformat())

    def restarted(self) -> DatasetCursor:
        """Returns the cursor of a dataset that is to be read again from the start; coverage and counts go on."""
        return replace(self, loads=None, versions=None, states=None, digest=None)

    def to_state(self) -> dict[str, Any]:
        """Returns a JSON object for dlt's state, without empty fields: there may be a thousand of them."""
        return _without_empty(asdict(self))

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DatasetCursor:
        """Returns the cursor that ``to_state`` made an object of; what another version added to it is left out."""
        values = {**state, "recent_loads": tuple(state.get("recent_loads", ()))}
        values |= {kind: TableCursor(**_known_fields(TableCursor, state[kind])) for kind in KINDS if kind in state}
        return cls(**_known_fields(cls, values))


def boundary_of(cursor: TableCursor | None) -> datetime | None:
    """Returns the time stamp before which a table's rows were settled when it was read last."""
    return datetime.fromisoformat(cursor.boundary) if cursor and cursor.boundary else None


def is_unchanged(cursor: TableCursor | None, changed_at: str | None) -> bool:
    """Decides by the catalogue alone whether a system table is as it was when it was read last.

    Args:
        cursor: What it held then.
        changed_at: When the catalogue says that it changed last.
    """
    return cursor is not None and changed_at is not None and cursor.changed_at == changed_at


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


def settle(summary: Summary, boundary: datetime | None, changed_at: str | None = None) -> TableCursor:
    """Makes the cursor of a table that is about to be read.

    What is committed behind the boundary while the table is read makes its settled rows differ next time, and is read
    then.

    Args:
        summary: What the table held before reading, settled at the next boundary too.
        boundary: The next boundary.
        changed_at: When the catalogue said, before that, that it had changed last.

    Returns:
        The cursor to store when the reading went well.
    """
    return TableCursor(
        rows=summary.rows,
        last=_iso(summary.last),
        status_sum=summary.status_sum,
        boundary=_iso(boundary),
        settled_rows=summary.next_settled_rows,
        settled_status_sum=summary.next_settled_status_sum,
        changed_at=changed_at,
    )


def confirm(cursor: TableCursor | None, changed_at: str | None) -> TableCursor:
    """Makes the cursor of a table that was looked at and holds nothing new.

    Args:
        cursor: What it held last time.
        changed_at: When the catalogue said, before it was looked at, that it had changed last.
    """
    return replace(cursor or TableCursor(), changed_at=changed_at)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _known_fields(cls: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in values.items() if name in names}


def _without_empty(value: dict[str, Any]) -> dict[str, Any]:
    slim = {key: _without_empty(item) if isinstance(item, dict) else item for key, item in value.items()}
    return {key: list(item) if isinstance(item, tuple) else item for key, item in slim.items() if item not in _EMPTY}
