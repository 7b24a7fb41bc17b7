"""Asks a warehouse what changed in its system tables and plans what is read of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from meta_pipeline.collect.cursors import DatasetCursor, TableCursor, boundary_of, extent, next_boundary, settle
from meta_pipeline.collect.warehouse import Boundaries, Dataset, Kind, Warehouse


@dataclass(frozen=True)
class Plan:
    """What must be read of one kind of system table.

    Args:
        kind: The kind.
        datasets: Datasets in which something changed.
        boundaries: By dataset the time stamp from which rows are read; None for all.
        cursors: By dataset the cursor to store when the reading went well.
    """

    kind: Kind
    datasets: Sequence[Dataset] = ()
    boundaries: Boundaries = field(default_factory=dict)
    cursors: Mapping[str, TableCursor] = field(default_factory=dict)


def make_plan(
    warehouse: Warehouse, kind: Kind, datasets: Sequence[Dataset], known: Mapping[str, DatasetCursor]
) -> Plan:
    """Asks the warehouse what changed in one kind of system table, and decides what is read.

    The warehouse is asked once where nothing changed. Else it is asked again, for the datasets that did, now that the
    latest row says where the next boundary lies: decision and cursor then rest on one look at the table, so that a row
    that comes in between the two is not lost.

    Args:
        warehouse: The open warehouse.
        kind: The kind of system table.
        datasets: The datasets that may be read.
        known: How far they were read before.

    Returns:
        The plan; without datasets where nothing changed.
    """
    before = {item.name: known[item.name].of(kind) if item.name in known else None for item in datasets}
    boundaries: dict[str, datetime | None] = {name: boundary_of(cursor) for name, cursor in before.items()}
    first_look = warehouse.summarize(kind, datasets, boundaries, {})
    changed = [
        item
        for item in datasets
        if item.name in first_look and extent(before[item.name], first_look[item.name]) != "nothing"
    ]
    if not changed:
        return Plan(kind)
    upcoming = {item.name: next_boundary(first_look[item.name]) for item in changed}
    summaries = warehouse.summarize(kind, changed, boundaries, upcoming)
    return Plan(
        kind,
        [item for item in changed if item.name in summaries],
        {
            name: boundaries[name] if extent(before[name], summary) == "recent" else None
            for name, summary in summaries.items()
        },
        {name: settle(summary, upcoming[name]) for name, summary in summaries.items()},
    )
