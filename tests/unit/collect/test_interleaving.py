"""Several readings go on at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.interleaving import MAX_AT_ONCE, QUEUED_BATCHES, interleaved
from meta_pipeline.collect.tables import LOADS
from tests.unit.collect.test_exports import MONDAY


def batch(rows: int = 1) -> Batch:
    return batch_of_rows(LOADS, [{"destination_name": "d", "dataset_name": "s", "load_id": "1"}] * rows, MONDAY)


class Source:
    """A reading that yields batches and remembers how far it came and whether it was closed."""

    def __init__(self, batches: int, fails_after: int | None = None, empty: bool = False) -> None:
        self.batches = batches
        self.fails_after = fails_after
        self.empty = empty
        self.yielded = 0
        self.is_closed = False

    def __iter__(self) -> Iterator[Batch]:
        try:
            for number in range(self.batches):
                if number == self.fails_after:
                    raise RuntimeError("broke off")
                self.yielded += 1
                yield batch(0 if self.empty else 1)
        finally:
            self.is_closed = True


def collect_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("collect")]


def test_all_batches_of_all_readings_arrive_and_empty_ones_are_left_out() -> None:
    sources = [Source(3), Source(5), Source(4, empty=True), *(Source(1) for _ in range(3 * MAX_AT_ONCE))]

    assert len(list(interleaved(sources))) == 8 + 3 * MAX_AT_ONCE
    assert collect_threads() == []


def test_a_fast_reading_waits_for_the_consumer() -> None:
    source = Source(1_000)
    batches = interleaved([source])
    next(batches)
    time.sleep(0.05)

    assert source.yielded <= QUEUED_BATCHES + 2
    assert len(list(batches)) == 999


def test_a_consumer_that_stops_early_stops_the_readings_and_leaves_nothing_behind() -> None:
    sources = [Source(1_000_000) for _ in range(2 * MAX_AT_ONCE)]
    batches: Any = interleaved(sources)
    next(batches)

    batches.close()

    assert collect_threads() == []
    assert all(source.yielded < 1_000 for source in sources)
    assert all(source.is_closed for source in sources if source.yielded)


def test_a_reading_that_raises_does_not_keep_the_others_from_being_read() -> None:
    broken, whole = Source(10, fails_after=2), Source(10)
    received = []

    with pytest.raises(RuntimeError, match="broke off"):
        received.extend(interleaved([broken, whole]))

    assert whole.yielded == 10
    assert broken.is_closed
    assert collect_threads() == []
