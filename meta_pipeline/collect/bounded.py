"""Gives up a destination that takes longer than it may, so that what the others hold is stored all the same."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping

from meta_pipeline.collect.batches import Batch
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.interleaving import Handed, hand_over, join
from meta_pipeline.collect.reading import Reading
from meta_pipeline.config import DestinationSettings


class BoundedReading:
    """A reading that ends in time.

    Nothing can interrupt a driver that waits for a server. So the reading runs in a thread of its own, which is left
    alone when the time is over, and ends with the process at the latest.

    Args:
        reading: The reading; its settings say how long it may take.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    @property
    def settings(self) -> DestinationSettings:
        """Returns how the destination is observed."""
        return self._reading.settings

    @property
    def cursors(self) -> Mapping[str, DatasetCursor]:
        """Returns how far the reading came; as far as before, where it was given up."""
        return self._reading.cursors

    def __iter__(self) -> Iterator[Batch]:
        deadline = time.monotonic() + self.settings.timeout_seconds
        handed: Handed = queue.Queue(1)
        is_over = threading.Event()
        thread = threading.Thread(target=hand_over, args=(self._reading, handed, is_over), daemon=True)
        thread.start()
        try:
            while (item := handed.get(timeout=max(deadline - time.monotonic(), 0))) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        except queue.Empty:
            self._reading = self._reading.given_up()
            yield from self._reading
        finally:
            is_over.set()
            join([thread], handed, deadline)
