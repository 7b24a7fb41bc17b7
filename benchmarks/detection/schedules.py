"""Schedules with planted silence: how soon is it told, and how often is silence told that is none?

Every firing of a checked year is the last one of a pseudo-pipeline that has the loads up to it. The models of the dbt
project judge them all at once. When the next firing comes after `expected_by`, that was a false alarm; had it never
come, the silence would have been told at `expected_by`.

Run it: `python -m benchmarks.detection.schedules`; it writes its table into docs/detection.md.
"""

from __future__ import annotations

import json
import math
import random
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from meta_pipeline.home import MARTS_DATASET, MODELS_DATASET, RAW_DATASET
from meta_pipeline.transform.project import project_folder
from meta_pipeline.transform.runner import DbtPaths, run_dbt

PAGE = Path(__file__).parents[2] / "docs" / "detection.md"
START_MARK, END_MARK = "<!-- schedules: begin -->", "<!-- schedules: end -->"

FIRST_DAY = date(2024, 8, 26)
"""When each schedule begins; it is a Monday."""
CHECKED_FROM = date(2025, 1, 1)
CHECKED_UNTIL = date(2026, 1, 1)
HISTORY = timedelta(weeks=18)
"""How much of what went before a pseudo-pipeline is given, a little more than the models keep ..."""
LOADS = 130
"""... or so many loads, where these go further back."""

_BERLIN, _NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
_MODELS = (
    "int_load_streams",
    "int_recent_loads",
    "int_firing_gaps",
    "int_firing_habits",
    "int_firing_predictions",
    "int_pipeline_rhythm",
)


@dataclass(frozen=True)
class Schedule:
    """A way to be scheduled.

    Args:
        name: What it is, in words.
        firings: Commits of all loads, in order.
        sampled: How many firings of the checked year are looked at; those before a pause are all looked at.
        is_bursty: Whether a firing is several loads, so that silence can only begin after the last of them.
    """

    name: str
    firings: Callable[[random.Random], Iterator[datetime]]
    sampled: int = 1000
    is_bursty: bool = False


@dataclass(frozen=True)
class Moment:
    """A firing of the checked year, after which silence is planted.

    Args:
        schedule: Name of its schedule.
        fired: When it fired; these and all others are in seconds of unix time.
        next_fired: When it would have fired next ...
        second_fired: ... and after that.
        weight: How many firings of the year it stands for.
    """

    schedule: str
    fired: float
    next_fired: float
    second_fired: float
    weight: float

    @property
    def key(self) -> str:
        """Returns the name of the pseudo-pipeline."""
        return f"{self.schedule} @ {self.fired}"


@dataclass(frozen=True)
class Verdict:
    """How a rule did on a schedule.

    Args:
        false_alarms: Firings of the year that an hourly look would have called late before they came.
        delay_seconds: Median time between the moment when a firing was missed and when that is told.
        late_delay_seconds: The same, of the tenth that is told latest.
        prompt_share: Share of silences that are told before the firing after the missed one would have come.
    """

    false_alarms: float
    delay_seconds: float
    late_delay_seconds: float
    prompt_share: float


def _days() -> Iterator[date]:
    day = FIRST_DAY
    while day < CHECKED_UNTIL + timedelta(days=75):
        yield day
        day += timedelta(days=1)


def _at(day: date, clock: str, zone: ZoneInfo | timezone = timezone.utc) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(timezone.utc)


def _every(minutes: float, jitter: float) -> Callable[[random.Random], Iterator[datetime]]:
    def firings(rng: random.Random) -> Iterator[datetime]:
        at, last = _at(FIRST_DAY, "00:00"), _at(CHECKED_UNTIL, "00:00") + timedelta(days=2)
        while at < last:
            yield at + timedelta(minutes=rng.uniform(0, jitter))
            at += timedelta(minutes=minutes)

    return firings


def _on(
    runs_on: Callable[[date], bool], clocks: Sequence[str], zone: ZoneInfo | timezone, jitter: float
) -> Callable[[random.Random], Iterator[datetime]]:
    def firings(rng: random.Random) -> Iterator[datetime]:
        for day in filter(runs_on, _days()):
            for clock in clocks:
                yield _at(day, clock, zone) + timedelta(minutes=abs(rng.gauss(0, jitter)))

    return firings


def _bursts(rng: random.Random) -> Iterator[datetime]:
    for day in _days():
        at = _at(day, "05:00", _BERLIN) + timedelta(minutes=abs(rng.gauss(0, 5)))
        for _ in range(rng.randint(3, 6)):
            yield at
            at += timedelta(minutes=rng.uniform(1, 4))


def _at_random(mean_hours: float) -> Callable[[random.Random], Iterator[datetime]]:
    def firings(rng: random.Random) -> Iterator[datetime]:
        at = _at(FIRST_DAY, "00:00")
        while at.date() < CHECKED_UNTIL + timedelta(days=10):
            at += timedelta(hours=rng.expovariate(1 / mean_hours))
            yield at

    return firings


def _after_the_last(hours: float) -> Callable[[random.Random], Iterator[datetime]]:
    def firings(rng: random.Random) -> Iterator[datetime]:
        at = _at(FIRST_DAY, "00:00")
        while at.date() < CHECKED_UNTIL + timedelta(days=10):
            at += timedelta(hours=hours, minutes=rng.lognormvariate(2.3, 0.4))
            yield at

    return firings


def _any_day(_: date) -> bool:
    return True


def _is_weekday(day: date) -> bool:
    return day.weekday() < 5


def _is_monday(day: date) -> bool:
    return day.weekday() == 0


def _is_month_end(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def _is_no_month_end(day: date) -> bool:
    return not _is_month_end(day)


def _is_first_business_day(day: date) -> bool:
    return _is_weekday(day) and not any(_is_weekday(day.replace(day=earlier)) for earlier in range(1, day.day))


_OFFICE_HOURS = [f"{hour:02d}:00" for hour in range(8, 19)]
_QUARTERS = [f"{hour:02d}:{minute:02d}" for hour in range(8, 18) for minute in (0, 15, 30, 45)]

SCHEDULES = (
    Schedule("every 5 min", _every(5, 0.6), 120),
    Schedule("every 15 min", _every(15, 2), 250),
    Schedule("every hour", _every(60, 8), 600),
    Schedule("every 15 min, weekdays 8-18, Berlin", _on(_is_weekday, _QUARTERS, _BERLIN, 1), 300),
    Schedule("every hour, weekdays 8-18, Berlin", _on(_is_weekday, _OFFICE_HOURS, _BERLIN, 3), 700),
    Schedule("daily, 02:00 UTC", _on(_any_day, ["02:00"], timezone.utc, 10)),
    Schedule("daily, 06:00 Berlin", _on(_any_day, ["06:00"], _BERLIN, 10)),
    Schedule("daily, 06:00 New York, an hour of jitter", _on(_any_day, ["06:00"], _NEW_YORK, 60)),
    Schedule("weekdays, 06:00 Berlin", _on(_is_weekday, ["06:00"], _BERLIN, 10)),
    Schedule("weekdays, 19:00 New York", _on(_is_weekday, ["19:00"], _NEW_YORK, 10)),
    Schedule("06:00, 09:00 and 18:00, Berlin", _on(_any_day, ["06:00", "09:00", "18:00"], _BERLIN, 8)),
    Schedule("daily but on the last of a month", _on(_is_no_month_end, ["04:00"], timezone.utc, 10)),
    Schedule("weekly, Monday 07:00 Berlin", _on(_is_monday, ["07:00"], _BERLIN, 15)),
    Schedule("month end, 23:00 UTC", _on(_is_month_end, ["23:00"], timezone.utc, 15)),
    Schedule("first business day, 07:00 Berlin", _on(_is_first_business_day, ["07:00"], _BERLIN, 15)),
    Schedule("daily, 3 to 6 loads in a burst, 05:00 Berlin", _bursts, is_bursty=True),
    Schedule("5 h after the last one ended", _after_the_last(5)),
    Schedule("at random, 3 h on average", _at_random(3)),
)


def measure(schedules: Sequence[Schedule], scratch: Path) -> dict[str, dict[str, Verdict]]:
    """Lets the models judge schedules.

    Args:
        schedules: The schedules.
        scratch: An empty folder.

    Returns:
        The verdicts by schedule, and by rule: ours, the former one, and the naive one.
    """
    database = scratch / "schedules.duckdb"
    moments: list[Moment] = []
    with duckdb.connect(str(database)) as connection:
        _create(connection)
        for schedule in schedules:
            rng = random.Random(schedule.name)
            firings = sorted(at.timestamp() for at in schedule.firings(rng))
            chosen = choose_moments(schedule, firings, rng)
            _add(connection, schedule, firings, chosen)
            moments += chosen
        _fill(connection)
    _run_models(database, scratch)
    with duckdb.connect(str(database)) as connection:
        rules = {"ours": _expected_by(connection), **_simple_rules(connection)}
    return {
        schedule.name: {
            rule: judge([moment for moment in moments if moment.schedule == schedule.name], expected)
            for rule, expected in rules.items()
        }
        for schedule in schedules
    }


def choose_moments(schedule: Schedule, firings: Sequence[float], rng: random.Random) -> list[Moment]:
    """Chooses the firings after which silence is planted: those before a pause, and of the others a sample.

    Args:
        schedule: The schedule.
        firings: All its firings, in order.
        rng: Chooses.
    """
    first, last = (_at(day, "00:00").timestamp() for day in (CHECKED_FROM, CHECKED_UNTIL))
    gaps = [after - before for before, after in pairwise(firings)]
    checked = [place for place, fired in enumerate(firings) if first <= fired < last]
    usual = median(gaps[place] for place in checked)
    pauses = [place for place, gap in enumerate(gaps) if gap > 2 * usual]
    before_pause = sorted(set(checked).intersection(pauses))
    others = [] if schedule.is_bursty else sorted(set(checked).difference(pauses))
    sample = rng.sample(others, min(schedule.sampled, len(others)))
    weights = dict.fromkeys(before_pause, 1.0) | {place: len(others) / len(sample) for place in sample}

    def following(place: int) -> int:
        return pauses[bisect_right(pauses, place)] if schedule.is_bursty else place + 1

    return [
        Moment(schedule.name, firings[place], firings[place + 1], firings[following(place) + 1], weights[place])
        for place in sorted(weights)
    ]


def judge(moments: Sequence[Moment], expected: Mapping[str, float]) -> Verdict:
    """Compares when a rule would have told silence with when the schedule fired.

    Args:
        moments: Moments of one schedule.
        expected: When silence after a moment is told, by the moment's key.
    """
    alarms = sum(
        moment.weight for moment in moments if math.ceil(expected[moment.key] / 3600) * 3600 < moment.next_fired
    )
    delays = [(expected[moment.key] - moment.next_fired, moment.weight) for moment in moments]
    prompt = sum(moment.weight for moment in moments if expected[moment.key] < moment.second_fired)
    return Verdict(
        alarms,
        _weighted_quantile(delays, 0.5),
        _weighted_quantile(delays, 0.9),
        prompt / sum(moment.weight for moment in moments),
    )


def _weighted_quantile(values: Sequence[tuple[float, float]], share: float) -> float:
    wanted = share * sum(weight for _, weight in values)
    for value, weight in sorted(values):
        wanted -= weight
        if wanted <= 0:
            return value
    return max(values)[0]


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    for dataset in (RAW_DATASET, MODELS_DATASET, MARTS_DATASET):
        connection.execute(f"create schema {dataset}")
    connection.execute("create table firings (schedule varchar, place bigint, fired double)")
    connection.execute("create table moments (schedule varchar, pipeline_id varchar, fired double, place bigint)")


def _add(
    connection: duckdb.DuckDBPyConnection, schedule: Schedule, firings: Sequence[float], moments: Sequence[Moment]
) -> None:
    places = {fired: place for place, fired in enumerate(firings)}
    added = {
        "firings": pa.table(
            {"schedule": [schedule.name] * len(firings), "place": list(places.values()), "fired": list(places)}
        ),
        "moments": pa.table(
            {
                "schedule": [moment.schedule for moment in moments],
                "pipeline_id": [moment.key for moment in moments],
                "fired": [moment.fired for moment in moments],
                "place": [places[moment.fired] for moment in moments],
            }
        ),
    }
    for name, table in added.items():
        connection.register("added", table)
        connection.execute(f"insert into {name} select * from added")
        connection.unregister("added")


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Writes what the models read: the loads of each pseudo-pipeline, all of them surely its own."""
    connection.execute(
        f"""
        create table {MARTS_DATASET}.loads as
        select
            moments.pipeline_id as stream_id, cast(firings.place as varchar) as load_id, 'd' as destination_name,
            'd' as dataset_name, 'x' as schema_name, moments.pipeline_id, moments.pipeline_id as pipeline_name,
            cast(null as varchar) as pipeline_candidates, to_timestamp(firings.fired) as committed_at,
            true as is_complete, 'v' as schema_version_hash, to_timestamp(0) as built_at, 'trace' as attribution
        from moments
        join firings
            on firings.schedule = moments.schedule
            and firings.fired <= moments.fired
            and (
                firings.fired > moments.fired - {HISTORY.total_seconds()}
                or firings.place > moments.place - {LOADS}
            )
        """
    )
    connection.execute(
        f"""
        create table {MODELS_DATASET}.int_pipeline_streams as
        select
            pipeline_id, stream_id, schema_name, true as is_certain, 1 as pipeline_count,
            cast(null as varchar) as pipeline_candidates, count(*) as load_count,
            min(committed_at) as first_load_at, max(committed_at) as last_load_at
        from {MARTS_DATASET}.loads
        group by pipeline_id, stream_id, schema_name
        """
    )
    connection.execute(
        f"create table {MODELS_DATASET}.int_pipeline_runs (pipeline_id varchar, last_empty_at timestamptz)"
    )


def _run_models(database: Path, scratch: Path) -> None:
    output = {"type": "duckdb", "path": str(database), "schema": MARTS_DATASET, "threads": 1}
    output["settings"] = {"TimeZone": "UTC"}
    profiles = {"meta_pipeline": {"target": "home", "outputs": {"home": output}}}
    (scratch / "profiles.yml").write_text(json.dumps(profiles), encoding="utf-8")
    paths = DbtPaths(project_folder(), scratch, scratch / "target", scratch / "logs")
    run_dbt(["run", "--full-refresh", "--select", *_MODELS], paths, {})


def _expected_by(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    rows = connection.execute(f"select pipeline_id, epoch(expected_by) from {MODELS_DATASET}.int_pipeline_rhythm")
    return dict(rows.fetchall())


def _simple_rules(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """Returns when the rule of before, median and three robust deviations, would have told, and a naive one."""
    rows = connection.execute(
        f"""
        with gaps as (
            select
                pipeline_id,
                epoch(committed_at) - lag(epoch(committed_at)) over by_time as gap,
                row_number() over (partition by pipeline_id order by committed_at desc) as recency
            from {MARTS_DATASET}.loads
            window by_time as (partition by pipeline_id order by committed_at)
        ),
        recent as (select * from gaps where gap >= 60 and recency <= 50),
        medians as (select pipeline_id, median(gap) as usual from recent group by pipeline_id),
        deviations as (
            select pipeline_id, usual, median(abs(gap - usual)) as deviation
            from recent join medians using (pipeline_id)
            group by pipeline_id, usual
        )
        select
            pipeline_id,
            fired + usual + greatest(3 * 1.4826 * deviation, 0.1 * usual, 300),
            fired + 2 * usual
        from deviations join moments using (pipeline_id)
        """
    ).fetchall()
    return {
        "former": {key: former for key, former, _ in rows},
        "naive": {key: naive for key, _, naive in rows},
    }


def table_text(verdicts: Mapping[str, Mapping[str, Verdict]]) -> str:
    """Returns the verdicts as a table in Markdown.

    Args:
        verdicts: By schedule and rule.
    """
    lines = [
        "| schedule | false alarms in a year: ours | median and tolerance | 2 x median "
        "| told after: ours, median | ours, slowest tenth | told before the next was due, too: ours "
        "| median and tolerance | 2 x median |",
        "|---|" + "---:|" * 8,
    ]
    for schedule, by_rule in verdicts.items():
        ours, former, naive = by_rule["ours"], by_rule["former"], by_rule["naive"]
        cells = [
            schedule,
            *(f"{rule.false_alarms:.0f}" for rule in (ours, former, naive)),
            *(duration_text(seconds) for seconds in (ours.delay_seconds, ours.late_delay_seconds)),
            *(f"{rule.prompt_share:.0%}" for rule in (ours, former, naive)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def duration_text(seconds: float) -> str:
    """Returns a number of seconds in the unit that suits it."""
    for size, unit in ((86400, "d"), (3600, "h")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 60:.0f} min"


def main() -> int:
    """Measures, and writes what came out into the page.

    Returns:
        0.
    """
    with tempfile.TemporaryDirectory(prefix="meta-pipeline-bench-") as scratch:
        text = table_text(measure(SCHEDULES, Path(scratch)))
    print(text)
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(START_MARK)
    after = rest.partition(END_MARK)[2]
    PAGE.write_text(f"{before}{START_MARK}\n{text}\n{END_MARK}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
