"""A clock that can be set back, and dlt made to go by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import dlt.common.pipeline
import dlt.common.storages.load_package
import dlt.common.time
import dlt.destinations.impl.filesystem.filesystem
import dlt.destinations.job_client_impl
import pendulum

import meta_pipeline_capture.recording


class Clock:
    """A clock that goes on from wherever it is set.

    Args:
        moment: What it shows first.
    """

    def __init__(self, moment: datetime) -> None:
        self.set(moment)

    def set(self, moment: datetime) -> None:
        """Sets the clock.

        Args:
            moment: What it shows from now on.
        """
        self._moment = moment
        self._set_at = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Moves the clock forward.

        Args:
            seconds: By how much.
        """
        self._moment += timedelta(seconds=seconds)

    def now(self, tz: tzinfo = timezone.utc) -> datetime:
        """Reads the clock.

        Args:
            tz: Time zone of the answer.

        Returns:
            The time it shows.
        """
        return (self._moment + timedelta(seconds=time.monotonic() - self._set_at)).astimezone(tz)

    def time(self) -> float:
        """Reads the clock.

        Returns:
            The time it shows in unix seconds.
        """
        return self.now().timestamp()


@contextmanager
def dlt_goes_by(clock: Clock) -> Iterator[None]:
    """Lets dlt, and the capture in it, take the time from a clock as long as the ``with`` block lasts.

    Everything that a run leaves agrees then: load ids, the commits in ``_dlt_loads``, the schema versions, the states
    and the captured events.

    Args:
        clock: The clock.

    Yields:
        Nothing.
    """
    # dlt asks for the time in four ways, and binds most of them by name when it is imported.
    replacements: list[tuple[Any, str, Any]] = [
        (dlt.common.time, "precise_time", clock.time),
        # Load ids never go back behind the last one that was given out, so a clock set back has to start below it.
        (dlt.common.time.increasing_precise_time, "_last", 0.0),
        (dlt.common.storages.load_package, "precise_time", clock.time),
        (dlt.common.pipeline, "precise_time", clock.time),
        (pendulum, "now", lambda tz=None: pendulum.instance(clock.now()).in_timezone(tz or "UTC")),
        (dlt.destinations.job_client_impl, "datetime", _datetime_of(clock)),
        (dlt.destinations.impl.filesystem.filesystem, "datetime", _datetime_of(clock)),
        (meta_pipeline_capture.recording, "datetime", _datetime_of(clock)),
    ]
    with ExitStack() as stack:
        for owner, name, replacement in replacements:
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, replacement)
        yield


def _datetime_of(clock: Clock) -> type[datetime]:
    class ClockDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now(tz or timezone.utc)

    return ClockDatetime
