"""Reads all destinations at the same time and remembers in dlt's state how far each was read."""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.exports import read_exports
from meta_pipeline.collect.opening import destination_type, open_destination
from meta_pipeline.collect.outcomes import coverage_row, departure_outcome
from meta_pipeline.collect.reading import Reading
from meta_pipeline.collect.tables import (
    COVERAGE,
    RAW_TABLES,
    SCHEMA_CHANGES,
    SCHEMA_COLUMNS,
    SCHEMA_REFERENCES,
    SCHEMA_TABLES,
    SCHEMA_VERSION_TABLES,
)
from meta_pipeline.config import Settings

_CONTENT_KEYS: Mapping[str, str] = {
    SCHEMA_VERSION_TABLES.name: "version_hash",
    SCHEMA_TABLES.name: "table_hash",
    SCHEMA_COLUMNS.name: "table_hash",
    SCHEMA_REFERENCES.name: "table_hash",
    SCHEMA_CHANGES.name: "change_id",
}
"""What stands for one content in the tables that hold it once for all destinations."""

MAX_AT_ONCE = 4
QUEUED_BATCHES = 16


def read_all(settings: Settings) -> Iterator[Any]:
    """Reads all destinations, each in a thread of its own.

    Args:
        settings: What to read.

    Yields:
        Batches for the raw tables; an empty one of each that is new, so that they are all there for dbt. A
        destination's cursors are stored after its last batch, so that one that breaks off is read again from where it
        was.
    """
    collected_at = datetime.now(timezone.utc)
    remembered = dlt.current.resource_state("readings")
    yield from _tables_to_begin(remembered)
    state = remembered.setdefault("destinations", {})
    readings = [
        Reading(
            destination,
            {name: DatasetCursor.from_state(cursor) for name, cursor in state.get(destination.name, {}).items()},
            collected_at,
            open_destination,
            destination_type(destination.name),
        )
        for destination in settings.destinations
    ]
    shared = _SharedContent()
    yield from map(shared.once, _interleaved(readings))
    for reading in readings:
        state[reading.settings.name] = {name: cursor.to_state() for name, cursor in reading.cursors.items()}
    yield from _departed(state, {destination.name for destination in settings.destinations}, collected_at)
    exports = read_exports(settings.schema_exports, remembered.setdefault("exports", {}), collected_at)
    yield from map(shared.once, exports)


def _departed(state: dict[str, Any], named: Collection[str], collected_at: datetime) -> Iterator[Batch]:
    """Yields, once, the coverage of the destinations that the settings do not name any more."""
    for destination_name in state.keys() - named:
        rows = []
        for name, stored in state[destination_name].items():
            cursor = DatasetCursor.from_state(stored)
            if cursor.outcome != "excluded":
                cursor = cursor.continued("excluded", collected_at)
                kind = destination_type(destination_name)
                rows.append(coverage_row(destination_name, kind, name, departure_outcome(destination_name), cursor))
                state[destination_name][name] = cursor.to_state()
        if rows:
            yield batch_of_rows(COVERAGE, rows, collected_at)


class _SharedContent:
    """Lets what several destinations hold in common pass once.

    dlt's ``insert-only`` keeps what is stored already, but takes a row twice that comes twice in one load.
    """

    def __init__(self) -> None:
        self._passed: dict[str, set[str]] = {name: set() for name in _CONTENT_KEYS}

    def once(self, batch: Batch) -> Batch:
        """Returns the batch without what another destination brought in this collection.

        Args:
            batch: A batch, which holds all rows of each content that it holds.
        """
        column = _CONTENT_KEYS.get(batch.table.name)
        if column is None:
            return batch
        passed = self._passed[batch.table.name]
        contents = pc.unique(batch.rows[column]).to_pylist()
        new = [content for content in contents if content not in passed]
        passed.update(new)
        if len(new) == len(contents):
            return batch
        return Batch(batch.table, batch.rows.filter(pc.is_in(batch.rows[column], pa.array(new, pa.string()))))


def _tables_to_begin(remembered: dict[str, Any]) -> Iterator[Batch]:
    """Yields an empty batch of each table that is wanted and was not wanted last time.

    Cursors only tell how far the tables were read that were wanted then. Where another one is wanted now, everything
    is read again; the cursors keep what the coverage is continued from.
    """
    wanted = sorted(table.name for table in RAW_TABLES if table.name in dlt.current.source().resources.selected)
    begun = remembered.get("tables", [])
    remembered["tables"] = wanted
    new = [table for table in RAW_TABLES if table.name in set(wanted) - set(begun)]
    if new and begun:
        for places in (*remembered.get("destinations", {}).values(), remembered.get("exports", {})):
            for name, cursor in places.items():
                places[name] = DatasetCursor.from_state(cursor).restarted().to_state()
    yield from (Batch(table, table.arrow_schema.empty_table()) for table in new)


def _interleaved(readings: Sequence[Iterable[Batch]]) -> Iterator[Batch]:
    """Yields the batches of all readings as they come; the bound keeps a fast destination from filling memory."""
    batches: queue.Queue[Batch | None] = queue.Queue(QUEUED_BATCHES)
    is_over = threading.Event()

    def run(reading: Iterable[Batch]) -> None:
        try:
            with closing(_generated(reading)) as read:
                while not is_over.is_set() and (batch := next(read, None)):
                    batches.put(batch)
        finally:
            batches.put(None)

    with ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="collect") as pool:
        futures = [pool.submit(run, reading) for reading in readings]
        running = len(futures)
        try:
            while running:
                batch = batches.get()
                if batch is None:
                    running -= 1
                elif batch.rows.num_rows:
                    yield batch
        finally:
            # Where the consumer gave up, the readings stop at their next batch; until then somebody must take it.
            is_over.set()
            while running:
                running -= batches.get() is None
    for future in futures:
        future.result()


def _generated(reading: Iterable[Batch]) -> Generator[Batch, None, None]:
    yield from reading
