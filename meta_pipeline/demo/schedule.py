"""When the pipelines of the demo run: the stretch of 2013 that is replayed, moved forward to end at the present."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Literal

DAYS = 42
# Six weeks up to here have the snowstorm of 8 and 9 February in their second half.
_LATEST_DAY = date(2013, 2, 27)
_STEP_SECONDS = {"extract": (6.0, 45.0), "normalize": (1.5, 6.0), "load": (4.0, 30.0)}
_LATEST_START = 240.0

Ending = Literal["loaded", "refused", "killed"]


@dataclass(frozen=True)
class Window:
    """The stretch of days that is replayed.

    Args:
        first_day: Its first day, in the present.
        shift: How far the records of 2013 are moved forward: whole weeks, so that weekdays stay right.
        now: The moment at which it ends; nothing happens after it.
    """

    first_day: datetime
    shift: timedelta
    now: datetime

    @property
    def days(self) -> int:
        """Returns the number of full days."""
        return (self.now - self.first_day).days


@dataclass(frozen=True)
class Schedule:
    """The times at which a pipeline is due, in UTC.

    Args:
        times: Times of day.
        weekday: The only day of the week on which it runs, Monday being 0; every day if there is none.
    """

    times: tuple[time, ...]
    weekday: int | None = None

    def due(self, window: Window) -> Iterator[datetime]:
        """Lists the times at which the pipeline is due.

        Args:
            window: The stretch of days.

        Yields:
            The times from the end of the window's first day until its end, in order.
        """
        for number in range(1, window.days + 1):
            day = window.first_day + timedelta(days=number)
            if self.weekday in (None, day.weekday()):
                moments = (datetime.combine(day, moment, timezone.utc) for moment in self.times)
                yield from (moment for moment in moments if moment < window.now)


@dataclass(frozen=True)
class Run:
    """One run of a pipeline.

    Args:
        pipeline_name: Name of the pipeline.
        started_at: When it starts, a little after it was due.
        step_seconds: How long each step takes.
        ending: ``refused`` where its source turns it away, ``killed`` where its process is killed before it loads.
    """

    pipeline_name: str
    started_at: datetime
    step_seconds: dict[str, float]
    ending: Ending = "loaded"

    @property
    def finished_at(self) -> datetime:
        """Returns when the run ends."""
        return self.started_at + timedelta(seconds=sum(self.step_seconds.values()))


def window_until(now: datetime, days: int = DAYS) -> Window:
    """Chooses the stretch of 2013 whose last full day has yesterday's weekday.

    Args:
        now: The present.
        days: Number of full days.

    Returns:
        The window that ends at the present.
    """
    today = datetime.combine(now.astimezone(timezone.utc).date(), time(), timezone.utc)
    yesterday = today.date() - timedelta(days=1)
    weeks = -(-(yesterday - _LATEST_DAY).days // 7)
    return Window(today - timedelta(days=days), timedelta(weeks=weeks), now)


def runs_of(pipeline_name: str, schedule: Schedule, window: Window) -> Iterator[Run]:
    """Lists the runs of a pipeline, as late and as slow as real ones, yet the same for the same window.

    Args:
        pipeline_name: Name of the pipeline.
        schedule: When it is due.
        window: The stretch of days.

    Yields:
        The runs that end within the window, in order.
    """
    for due in schedule.due(window):
        # Not for secrets: the same seed has to give the same numbers.
        chance = random.Random(f"{pipeline_name} {due.isoformat()}")  # noqa: S311
        started_at = due + timedelta(seconds=chance.uniform(2, _LATEST_START))
        run = Run(pipeline_name, started_at, {step: chance.uniform(*limits) for step, limits in _STEP_SECONDS.items()})
        if run.finished_at < window.now - timedelta(minutes=1):
            yield run
