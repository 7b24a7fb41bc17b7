"""Decides which loads' rows are counted in the user tables, and which counts are kept.

A count by load id is right only soon after the load, because later merges take rows over. So the rows of a load are
counted once, when it is first seen committed. Rows of loads that are not committed are kept too, as evidence of what
failed; such a count gives way when the load is committed after all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from meta_pipeline.collect.cursors import OVERLAP, DatasetCursor, boundary_of
from meta_pipeline.collect.planning import Plan
from meta_pipeline.collect.warehouse import Dataset, Warehouse


class LoadTally:
    """The loads that are seen committed for the first time.

    Args:
        plan: What is read of the loads.
        known: How far the datasets were read before.
        uncounted: Datasets whose rows may not be counted.
    """

    def __init__(
        self, plan: Plan, known: Mapping[str, DatasetCursor], uncounted: Collection[str] = frozenset()
    ) -> None:
        self.new: dict[str, list[str]] = defaultdict(list)
        self._plan = plan
        self._known = known
        self._uncounted = uncounted
        self._counted = {item.name: set(self._cursor(item.name).recent_loads) for item in plan.datasets}
        self._recent: dict[str, list[str]] = defaultdict(list)

    @property
    def datasets(self) -> list[Dataset]:
        """Returns the datasets that have new loads."""
        return [item for item in self._plan.datasets if self.new.get(item.name)]

    def note(self, loads: pa.Table) -> None:
        """Notes loads as they are read."""
        columns = (loads[column].to_pylist() for column in ("dataset_name", "load_id", "inserted_at"))
        for name, load_id, committed_at in zip(*columns, strict=True):
            if name in self._uncounted:
                continue
            if self._is_new(name, load_id, committed_at):
                self.new[name].append(load_id)
            boundary = boundary_of(self._plan.cursors[name])
            if boundary and committed_at and committed_at >= boundary - OVERLAP:
                self._recent[name].append(load_id)

    def moved(self, name: str, cursor: DatasetCursor) -> DatasetCursor:
        """Returns a dataset's cursor with the loads noted as counted."""
        counted_to = max([*self.new[name], cursor.counted_to or ""])
        return replace(cursor, counted_to=counted_to or None, recent_loads=tuple(sorted(self._recent[name])))

    def counts(self, warehouse: Warehouse) -> Iterator[pa.Table]:
        """Yields the rows by load id of new loads and of loads that were never committed.

        Args:
            warehouse: The open warehouse.
        """
        since = {item.name: self._since(item.name) for item in self.datasets}
        # Of a dataset that is read for the first time, every committed load is new.
        known = [item for item in self.datasets if self._cursor(item.name) != DatasetCursor()]
        new = {(name, load_id) for name in since for load_id in self.new[name]} if known else set()
        counted = {pair for pair in warehouse.load_ids(known, since) if pair not in new} if known else set()
        for batch in warehouse.count_rows(self.datasets, since):
            yield _without(batch, counted) if counted else batch

    def _since(self, name: str) -> str:
        counted_to = self._cursor(name).counted_to
        return min([*self.new[name], *([counted_to] if counted_to else [])])

    def _is_new(self, name: str, load_id: str, committed_at: datetime | None) -> bool:
        if load_id in self._counted[name]:
            return False
        cursor = self._cursor(name)
        if cursor.loads is None:
            # Either the first reading, or one that is repeated because a record could not be read.
            return load_id > (cursor.counted_to or "")
        # What is read again behind the boundary, because something old changed, was counted in its time.
        boundary = boundary_of(cursor.loads) if self._plan.boundaries[name] is None else None
        return boundary is None or committed_at is None or committed_at >= boundary

    def _cursor(self, name: str) -> DatasetCursor:
        return self._known.get(name) or DatasetCursor()


def _without(counts: pa.Table, left_out: set[tuple[str, str]]) -> pa.Table:
    pairs: Sequence[tuple[str, str]] = list(
        zip(counts["dataset_name"].to_pylist(), counts["load_id"].to_pylist(), strict=True)
    )
    return counts.filter(pa.array([pair not in left_out for pair in pairs], pa.bool_()))
