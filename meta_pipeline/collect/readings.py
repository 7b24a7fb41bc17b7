"""Reads all destinations at the same time and remembers in dlt's state how far each was read."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import dlt

from meta_pipeline.collect.batches import Batch
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.exports import read_exports
from meta_pipeline.collect.opening import destination_type, open_destination
from meta_pipeline.collect.reading import Reading
from meta_pipeline.collect.tables import RAW_TABLES
from meta_pipeline.config import Settings

MAX_AT_ONCE = 4
QUEUED_BATCHES = 16

logger = logging.getLogger(__name__)


def read_all(settings: Settings) -> Iterator[Any]:
    """Reads all destinations, each in a thread of its own.

    Args:
        settings: What to read.

    Yields:
        Batches for the raw tables; once an empty one of each, so that they are all there for dbt. A destination's
        cursors are stored after its last batch, so that one that breaks off is read again from where it was.
    """
    collected_at = datetime.now(timezone.utc)
    remembered = dlt.current.resource_state("readings")
    if remembered.get("tables") != [table.name for table in RAW_TABLES]:
        remembered["tables"] = [table.name for table in RAW_TABLES]
        yield from (Batch(table, table.arrow_schema.empty_table()) for table in RAW_TABLES)
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
    yield from _interleaved(readings)
    for reading in readings:
        state[reading.settings.name] = {name: cursor.to_state() for name, cursor in reading.cursors.items()}
    yield from read_exports(settings.schema_exports, collected_at)


def _interleaved(readings: Sequence[Reading]) -> Iterator[Batch]:
    """Yields the batches of all readings as they come; the bound keeps a fast destination from filling memory."""
    batches: queue.Queue[Batch | None] = queue.Queue(QUEUED_BATCHES)

    def run(reading: Reading) -> None:
        try:
            for batch in reading:
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
            while running:
                running -= batches.get() is None
        for future in futures:
            future.result()
