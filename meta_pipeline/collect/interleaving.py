"""Reads several things at the same time."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress

from meta_pipeline.collect.batches import Batch

MAX_AT_ONCE = 4
QUEUED_BATCHES = 16
JOIN_SECONDS = 0.01

Handed = queue.Queue[Batch | BaseException | None]
"""What a thread hands over: batches, or what was raised, and None at the end."""


def interleaved(readings: Sequence[Iterable[Batch]]) -> Iterator[Batch]:
    """Reads several things at the same time, each in a thread of its own.

    Args:
        readings: What is read. No more than a few are read at once, and no more than a few batches wait for whoever
            takes them: one that is fast must not fill memory.

    Yields:
        The batches of all, as they come.

    Raises:
        Exception: What one of them raised, after the batches of the others.
    """
    handed: Handed = queue.Queue(QUEUED_BATCHES)
    places = threading.Semaphore(MAX_AT_ONCE)
    is_over = threading.Event()

    def run(reading: Iterable[Batch]) -> None:
        with places:
            hand_over(reading, handed, is_over)

    # The process need not wait for a thread that waits for a server: such a reading has been given up.
    threads = [threading.Thread(target=run, args=(item,), name="collect", daemon=True) for item in readings]
    for thread in threads:
        thread.start()
    try:
        yield from _received(handed, len(threads))
    finally:
        is_over.set()
        join(threads, handed)


def hand_over(reading: Iterable[Batch], handed: Handed, is_over: threading.Event) -> None:
    """Reads in this thread for another one: hands over the batches, or what was raised, and None at the end.

    Args:
        reading: What is read.
        handed: Receives them.
        is_over: Set where nobody wants them any more.
    """
    try:
        with closing(_generated(reading)) as batches:
            while not is_over.is_set() and (batch := next(batches, None)):
                handed.put(batch)
    except BaseException as error:
        handed.put(error)
    handed.put(None)


def _received(handed: Handed, running: int) -> Iterator[Batch]:
    errors = []
    while running:
        item = handed.get()
        if item is None:
            running -= 1
        elif isinstance(item, BaseException):
            errors.append(item)
        elif item.rows.num_rows:
            yield item
    if errors:
        raise errors[0]


def join(threads: Sequence[threading.Thread], handed: Handed, deadline: float = math.inf) -> None:
    """Waits for threads that hand over: one stops at its next batch, until when somebody must take what it holds.

    Args:
        threads: The threads.
        handed: Where they hand over.
        deadline: Until when they are waited for, on the monotonic clock.
    """
    for thread in threads:
        while thread.is_alive() and time.monotonic() < deadline:
            with suppress(queue.Empty):
                handed.get_nowait()
            thread.join(JOIN_SECONDS)


def _generated(reading: Iterable[Batch]) -> Generator[Batch, None, None]:
    yield from reading
