"""Faults, and where they are planted: the same places in every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from statistics import median

from benchmarks.detection.series import Series

# One in forty is wrong, of those observations where there are rows enough for half of them to matter.
SPACING = 40
FEWEST_ROWS = 10
# Nothing is planted, and no alarm counted, before: every method has had its time to learn.
WARM_UP = timedelta(days=28)
DECLINE, DECLINED = timedelta(days=28), timedelta(days=7)

Change = Callable[[int], int]
FAULTS: dict[str, tuple[str, Change]] = {
    "outage": ("low", lambda _: 0),
    "half": ("low", lambda rows: rows // 2),
    "double": ("high", lambda rows: rows * 2),
    "x10": ("high", lambda rows: rows * 10),
}
CLEAN, SLOW_DECLINE = "clean", "slow decline"


@dataclass(frozen=True)
class Copy:
    """A series with faults of one kind, or none.

    Args:
        number: Number of the copy.
        series: What it was made of.
        fault: Name of the fault, or `clean`.
        direction: In which direction the faults are; empty where there are none.
        rows: The rows, faults included.
        judged: Places that are judged: of the faults, or of all observations of a clean copy after the warm-up.
    """

    number: int
    series: Series
    fault: str
    direction: str
    rows: tuple[int, ...]
    judged: tuple[int, ...]


def copies(series: list[Series]) -> list[Copy]:
    """Returns each series clean, and once with each fault.

    Args:
        series: The series.
    """
    made: list[Copy] = []
    for one in series:
        made.append(Copy(len(made), one, CLEAN, "", one.rows, tuple(_after_warm_up(one))))
        for fault in FAULTS:
            made.append(_with_fault(len(made), one, fault))
        made.append(_declining(len(made), one))
    return made


def _with_fault(number: int, series: Series, fault: str) -> Copy:
    direction, change = FAULTS[fault]
    places = planted_places(series, Random(f"{series.grain} {series.name} {fault}"))
    rows = list(series.rows)
    for place in places:
        rows[place] = change(rows[place])
    return Copy(number, series, fault, direction, tuple(rows), places)


def planted_places(series: Series, random: Random) -> tuple[int, ...]:
    """Returns one of each forty places after the warm-up where there are rows enough.

    Args:
        series: The series.
        random: Chooses.
    """
    sizes = _usual_rows(series)
    places = [place for place in _after_warm_up(series) if _is_seen(series.rows[place], sizes[place])]
    return tuple(random.choice(places[start : start + SPACING]) for start in range(0, len(places), SPACING))


def _declining(number: int, series: Series) -> Copy:
    """Lets the last four weeks lose half of their rows, a little more each time; the last week is judged."""
    end = series.moments[-1]
    started = [place for place, moment in enumerate(series.moments) if moment > end - DECLINE]
    rows = list(series.rows)
    for step, place in enumerate(started, start=1):
        rows[place] = round(rows[place] * (1 - 0.5 * step / len(started)))
    sizes = _usual_rows(series)
    judged = [
        place
        for place in started
        if series.moments[place] > end - DECLINED and _is_seen(series.rows[place], sizes[place])
    ]
    return Copy(number, series, SLOW_DECLINE, "low", tuple(rows), tuple(judged))


def _after_warm_up(series: Series) -> list[int]:
    return [place for place, moment in enumerate(series.moments) if moment >= series.moments[0] + WARM_UP]


def _is_seen(rows: int, usual_rows: float) -> bool:
    return min(rows, usual_rows) >= FEWEST_ROWS


def _usual_rows(series: Series) -> list[float]:
    """Returns the median of the same weekday and hour, for each place."""
    found: dict[tuple[int, int], list[int]] = {}
    phases = [(moment.weekday(), moment.hour) for moment in series.moments]
    for phase, rows in zip(phases, series.rows, strict=True):
        found.setdefault(phase, []).append(rows)
    medians = {phase: median(rows) for phase, rows in found.items()}
    return [medians[phase] for phase in phases]
