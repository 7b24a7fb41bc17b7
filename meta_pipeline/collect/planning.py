"""Asks a warehouse what changed in its system tables and plans what is read of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from meta_pipeline.collect.cursors import (
    OVERLAP,
    DatasetCursor,
    TableCursor,
    boundary_of,
    confirm,
    extent,
    is_unchanged,
    next_boundary,
    settle,
)
from meta_pipeline.collect.warehouse import Boundaries, Dataset, Kind, Warehouse


@dataclass(frozen=True)
class Plan:
    """What must be read of one kind of system table.

    Args:
        kind: The kind.
        datasets: Datasets in which something changed.
        boundaries: By dataset the time stamp from which rows are read; None for all.
        cursors: By dataset the cursor to store when the reading went well; also of datasets in which nothing changed,
            though the catalogue said that something might have.
    """

    kind: Kind
    datasets: Sequence[Dataset] = ()
    boundaries: Boundaries = field(default_factory=dict)
    cursors: Mapping[str, TableCursor] = field(default_factory=dict)


def touched_since(kind: Kind, datasets: Sequence[Dataset], known: Mapping[str, DatasetCursor]) -> list[Dataset]:
    """Leaves out the datasets of which the catalogue says that a system table has not changed: they cost nothing.

    Args:
        kind: The kind of system table.
        datasets: The datasets that may be read.
        known: How far they were read before.
    """
    return [
        item
        for item in datasets
        if kind in item.tables and not is_unchanged(_cursor(known, item.name, kind), item.tables[kind].changed_at)
    ]


def make_plan(
    warehouse: Warehouse,
    kind: Kind,
    datasets: Sequence[Dataset],
    known: Mapping[str, DatasetCursor],
    collected_at: datetime,
) -> Plan:
    """Asks the warehouse what changed in one kind of system table, and decides what is read.

    The warehouse is asked once where nothing changed. Else it is asked again, for the datasets that did, now that the
    latest row says where the next boundary lies: decision and cursor then rest on one look at the table, so that a row
    that comes in between the two is not lost.

    A table that was never read is looked at once: its boundary is set by this collection's clock. Where the warehouse's
    clock is so far behind that new rows come in before it, they are found by their number, and the table is read whole
    a second time.

    Args:
        warehouse: The open warehouse.
        kind: The kind of system table.
        datasets: The datasets that may be read.
        known: How far they were read before.
        collected_at: Start of the collection.

    Returns:
        The plan; without datasets where nothing changed.
    """
    before = {item.name: _cursor(known, item.name, kind) for item in datasets}
    changed_at = {item.name: item.tables[kind].changed_at for item in datasets if kind in item.tables}
    boundaries: dict[str, datetime | None] = {name: boundary_of(cursor) for name, cursor in before.items()}
    upcoming: dict[str, datetime | None] = {
        name: collected_at - OVERLAP for name, cursor in before.items() if cursor is None
    }
    first_look = warehouse.summarize(kind, datasets, boundaries, upcoming)
    changed = [
        item
        for item in datasets
        if item.name in first_look and extent(before[item.name], first_look[item.name]) != "nothing"
    ]
    confirmed = {
        name: confirm(before[name], changed_at[name])
        for name in first_look.keys() - {item.name for item in changed}
        if changed_at[name]
    }
    if not changed:
        return Plan(kind, cursors=confirmed)
    again = [item for item in changed if item.name not in upcoming]
    upcoming |= {item.name: next_boundary(first_look[item.name]) for item in again}
    second_look = warehouse.summarize(kind, again, boundaries, upcoming) if again else {}
    summaries = second_look | {item.name: first_look[item.name] for item in changed if before[item.name] is None}
    return Plan(
        kind,
        [item for item in changed if item.name in summaries],
        {
            name: boundaries[name] if extent(before[name], summary) == "recent" else None
            for name, summary in summaries.items()
        },
        confirmed | {name: settle(summary, upcoming[name], changed_at[name]) for name, summary in summaries.items()},
    )


def _cursor(known: Mapping[str, DatasetCursor], name: str, kind: Kind) -> TableCursor | None:
    return known[name].of(kind) if name in known else None
