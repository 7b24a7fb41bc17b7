"""One pipeline from near: its runs, its volume, its last failure and what to do, read from the marts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from meta_pipeline.home import MARTS_DATASET, Home, Session, open_home
from meta_pipeline.report.advice import what_to_do
from meta_pipeline.report.status import FleetStatus, PipelineStatus, named, read_fleet

RUN_COUNT = 8
"""How many of a pipeline's last runs are shown."""
DAY_COUNT = 30
"""Over how many days its volume is."""


@dataclass(frozen=True)
class RunSummary:
    """A captured run; columns of `runs`."""

    run_id: str
    started_at: datetime
    duration_seconds: float | None
    outcome: str | None
    rows_loaded: int | None
    failed_step: str | None
    exception_type: str | None
    message: str | None
    orchestrator: str | None
    run_url: str | None


@dataclass(frozen=True)
class DayVolume:
    """What a pipeline loaded on a day.

    Args:
        day: The day, in UTC.
        load_count: Loads that are surely its own.
        row_count: Rows of those whose rows are known; None where no row is.
    """

    day: date
    load_count: int
    row_count: int | None


@dataclass(frozen=True)
class PipelineDetail:
    """A pipeline from near.

    Args:
        pipeline: The pipeline and how it is.
        orchestrators: What its captured runs ran on.
        runs: Its last captured runs, the latest first.
        last_failure: The last run that failed; None where none did.
        volume: What it loaded on each of the last days.
        advice: What to do.
    """

    pipeline: PipelineStatus
    orchestrators: str | None
    runs: Sequence[RunSummary]
    last_failure: RunSummary | None
    volume: Sequence[DayVolume]
    advice: str


_RUN_COLUMNS = ", ".join(item.name for item in fields(RunSummary))
_RUNS = (
    "select pipeline_id, {columns} from (select *, row_number() over (partition by pipeline_id "
    "order by started_at desc, run_id desc) as recency from {relation} "
    "where pipeline_id in ({ids}) and {condition}) as ranked "
    "where recency <= {count} order by pipeline_id, recency"
)
_LOADS = (
    "select pipeline_id, committed_at, rows_loaded from {relation} "
    "where pipeline_id in ({ids}) and is_complete and committed_at >= %s"
)
_PIPELINES = "select pipeline_id, orchestrators from {relation} where pipeline_id in ({ids})"


def read_pipelines(home: Home, written: str) -> tuple[FleetStatus, list[PipelineDetail]]:
    """Reads pipelines from near.

    Args:
        home: Where the marts live.
        written: Name or glob of the pipelines.

    Returns:
        The fleet with these pipelines alone, and each from near, worst first.

    Raises:
        ConfigurationError: The home's credentials are not usable.
        HomeError: The marts are not there yet, or the home cannot be opened.
        PipelineUnknownError: No pipeline has that name.
    """
    with open_home(home) as session:
        fleet = read_fleet(session, home)
        found = named(fleet, written)
        return fleet.only(found), _read_details(session, found, fleet.as_of)


def _read_details(session: Session, found: Sequence[PipelineStatus], as_of: datetime) -> list[PipelineDetail]:
    ids = [item.pipeline_id for item in found]

    def rows(query: str, mart: str, *values: Any, **parts: Any) -> dict[str, list[Sequence[Any]]]:
        relation = session.relation(MARTS_DATASET, mart)
        filled = query.format(relation=relation, ids=", ".join(["%s"] * len(ids)), columns=_RUN_COLUMNS, **parts)
        grouped: dict[str, list[Sequence[Any]]] = {}
        for key, *row in session.rows(filled, *ids, *values):
            grouped.setdefault(key, []).append(row)
        return grouped

    last_runs = rows(_RUNS, "runs", condition="1 = 1", count=RUN_COUNT)
    failures = rows(_RUNS, "runs", condition="outcome in ('failed', 'interrupted')", count=1)
    first_day = as_of.date() - timedelta(days=DAY_COUNT - 1)
    since = datetime.combine(first_day, datetime.min.time(), as_of.tzinfo)
    loads = rows(_LOADS, "loads", since)
    orchestrators = rows(_PIPELINES, "pipelines")
    return [
        PipelineDetail(
            pipeline=item,
            orchestrators=next((row[0] for row in orchestrators.get(item.pipeline_id, ())), None),
            runs=[RunSummary(*row) for row in last_runs.get(item.pipeline_id, ())],
            last_failure=next((RunSummary(*row) for row in failures.get(item.pipeline_id, ())), None),
            volume=volume_by_day(loads.get(item.pipeline_id, ()), first_day),
            advice=what_to_do(item.status, is_captured=item.pipeline_id in last_runs),
        )
        for item in found
    ]


def volume_by_day(loads: Sequence[Sequence[Any]], first_day: date) -> list[DayVolume]:
    """Adds loads up by day.

    Args:
        loads: When each was committed, and its rows where they are known.
        first_day: The first of the days.

    Returns:
        Each day, also those without a load.
    """
    by_day: dict[date, list[int | None]] = {first_day + timedelta(days=number): [] for number in range(DAY_COUNT)}
    for committed_at, row_count in loads:
        by_day.setdefault(committed_at.date(), []).append(row_count)
    known = {day: [count for count in counts if count is not None] for day, counts in by_day.items()}
    return [DayVolume(day, len(counts), sum(known[day]) if known[day] else None) for day, counts in by_day.items()]
