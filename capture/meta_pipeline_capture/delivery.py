"""Sends an event within a bounded time, and keeps it where that fails."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress

from meta_pipeline_capture.inbox import Inbox
from meta_pipeline_capture.spool import Spool

DEADLINE_SECONDS = 3.0

logger = logging.getLogger("meta_pipeline_capture")


class _Sending(threading.Thread):
    """Sends one event, then what the spool holds. Nothing can interrupt a library that waits: it may be left alone."""

    def __init__(self, inbox: Inbox, spool: Spool, name: str, content: bytes) -> None:
        super().__init__(name="meta-pipeline-capture", daemon=True)
        self._inbox, self._spool, self._event = inbox, spool, (name, content)
        self.is_sent = False

    def run(self) -> None:
        try:
            self._inbox.put(*self._event)
            self.is_sent = True
            for name, content in self._spool.events():
                self._inbox.put(name, content)
                self._spool.forget(name)
        except Exception as error:
            logger.debug("The inbox does not take files: %s", type(error).__name__)


# Sendings that were left alone, by the process that started them: a fork has none of its parent's threads.
_left_alone: dict[int, _Sending] = {}


def deliver(inbox: Inbox, spool: Spool, name: str, content: bytes) -> None:
    """Sends an event, and what the spool holds; keeps the event in the spool where it is not sent in time.

    Args:
        inbox: Where to.
        spool: What waits for that inbox.
        name: Name of the event's file.
        content: Its content.

    Raises:
        OSError: The spool cannot be written either.
    """
    process = os.getpid()
    hanging = _left_alone.get(process)
    if hanging is not None and hanging.is_alive():
        spool.keep(name, content)
        return
    sending = _Sending(inbox, spool, name, content)
    # A process that ends starts no thread any more.
    with suppress(RuntimeError):
        sending.start()
        sending.join(DEADLINE_SECONDS)
    if sending.is_alive():
        _left_alone[process] = sending
    if not sending.is_sent:
        spool.keep(name, content)
