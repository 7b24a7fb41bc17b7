"""The state of the fleet, read from the marts: worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from meta_pipeline.exceptions import PipelineUnknownError
from meta_pipeline.file_places import FILE_PLACES
from meta_pipeline.home import MARTS_DATASET, MODELS_DATASET, Home, Session, open_home, require_marts
from meta_pipeline.output import ago, counted
from meta_pipeline.report.names import ambiguity, is_named, spellings, suggestion
from meta_pipeline.severity import Severity, worst_of

STATUSES = (
    "unreachable",
    "failing",
    "stalled",
    "late",
    "partial",
    "anomalous",
    "new",
    "healthy",
    "retired",
)
"""Every status of `pipeline_health`, worst first."""

_SEVERITY_OF: dict[str, Severity] = {
    "unreachable": "critical",
    "failing": "critical",
    "stalled": "warning",
    "late": "warning",
    "partial": "warning",
    "anomalous": "warning",
}

_HEALTH = (
    "select pipeline_id, status, status_since, pipeline_name, destination_name, dataset_name, last_load_at, "
    "expected_by, reason from {}"
)
_COVERAGE = "select destination_name, dataset_name, outcome, error, last_collected_at, destination_type from {}"
_CLOCK = "select as_of, is_past from {}"


@dataclass(frozen=True)
class PipelineStatus:
    """A pipeline and how it is.

    Args:
        pipeline_id: Its key in all marts.
        status: One of ``STATUSES``.
        status_since: Since when it has this status.
        pipeline_name: Its name; None for loads that no pipeline accounts for.
        destination_name: Where it loads to.
        dataset_name: The dataset it loads to.
        last_load_at: Commit of its last load.
        expected_by: When its next load is due at the latest.
        reason: Why it has this status, in words.
    """

    pipeline_id: str
    status: str
    status_since: datetime | None
    pipeline_name: str | None
    destination_name: str
    dataset_name: str
    last_load_at: datetime | None
    expected_by: datetime | None
    reason: str

    @property
    def name(self) -> str:
        """Returns what it is called."""
        return self.pipeline_name or "(unknown)"

    @property
    def full_name(self) -> str:
        """Returns its name with destination and dataset."""
        return f"{self.where}.{self.name}"

    @property
    def where(self) -> str:
        """Returns destination and dataset, as one would write them in a query."""
        return f"{self.destination_name}.{self.dataset_name}"

    @property
    def severity(self) -> Severity:
        """Returns how bad the status is."""
        return _SEVERITY_OF.get(self.status, "info")


@dataclass(frozen=True)
class Uncovered:
    """A dataset, or a destination as a whole, that is not read completely.

    Args:
        destination_name: The destination.
        dataset_name: The dataset; None for the destination as a whole.
        outcome: How its last collection ended.
        error: What went wrong and what to do next.
    """

    destination_name: str
    dataset_name: str | None
    outcome: str
    error: str | None

    @property
    def severity(self) -> Severity:
        """Returns how bad it is not to read it."""
        return "warning" if self.outcome in ("partial", "missing") else "critical"


@dataclass(frozen=True)
class FleetStatus:
    """The state of the fleet.

    Args:
        as_of: The moment that the marts show.
        is_past: Whether that is a moment somebody asked for with ``--as-of``.
        last_collected_at: The latest collection of any dataset.
        dataset_count: Datasets with a pipeline, or read.
        dev_mode_count: Developers' leftovers, which are not read.
        pipelines: All pipelines, worst first.
        uncovered: What is not read completely.
    """

    as_of: datetime
    is_past: bool
    last_collected_at: datetime | None
    dataset_count: int
    dev_mode_count: int
    pipelines: Sequence[PipelineStatus]
    uncovered: Sequence[Uncovered]

    @property
    def counts(self) -> dict[str, int]:
        """Returns how many pipelines have each status that occurs, worst first."""
        counted = Counter(pipeline.status for pipeline in self.pipelines)
        return {status: counted[status] for status in STATUSES if counted[status]}

    @property
    def uncovered_lines(self) -> list[str]:
        """Returns what is not read, in words, each cause once."""
        groups: dict[tuple[str, str, str | None], list[str]] = {}
        for item in self.uncovered:
            names = groups.setdefault((item.destination_name, item.outcome, item.error), [])
            names.extend([item.dataset_name] if item.dataset_name else [])
        lines = []
        for (destination, outcome, error), names in groups.items():
            datasets = f" ({', '.join(names)})" if names else ""
            lines.append(f"{outcome}: {destination}{datasets}: {(error or '').removeprefix(f'{destination}: ')}")
        return lines

    def summary(self, now: datetime | None = None) -> str:
        """Returns the fleet in a line.

        Args:
            now: The moment to count from; by default the present.
        """
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items()) or "no pipelines"
        leftovers = f"; {self.dev_mode_count} dev_mode leftovers not read" if self.dev_mode_count else ""
        collected = f"last collected {ago(self.last_collected_at, now)}"
        moment = f"as of {self.as_of:%Y-%m-%d %H:%M} UTC" if self.is_past else collected
        return f"{counts} in {counted(self.dataset_count, 'dataset')}, {moment}{leftovers}."

    def only(self, pipelines: Sequence[PipelineStatus]) -> FleetStatus:
        """Returns some of the pipelines as a fleet, with what is not read of their destinations.

        Args:
            pipelines: The pipelines.
        """
        places = {(item.destination_name, item.dataset_name) for item in pipelines}
        return replace(
            self,
            dataset_count=len(places),
            dev_mode_count=0,
            pipelines=pipelines,
            uncovered=[
                item
                for item in self.uncovered
                if (item.destination_name, item.dataset_name) in places
                or (item.dataset_name is None and item.destination_name in {place[0] for place in places})
            ],
        )

    @property
    def worst(self) -> Severity | None:
        """Returns how bad the worst pipeline or dataset is; None where there is nothing to report."""
        judged: list[PipelineStatus | Uncovered] = [*self.pipelines, *self.uncovered]
        return worst_of(item.severity for item in judged)


def read_status(home: Home) -> FleetStatus:
    """Reads the state of the fleet.

    Args:
        home: Where the marts live.

    Returns:
        The pipelines, worst first, and what is not read completely.

    Raises:
        ConfigurationError: The home's credentials are not usable.
        HomeError: The marts are not there yet, or the home cannot be opened.
    """
    with open_home(home) as session:
        return read_fleet(session, home)


def read_fleet(session: Session, home: Home) -> FleetStatus:
    """Reads the state of the fleet in a session that is open.

    Args:
        session: The session.
        home: The home, for messages.

    Raises:
        HomeError: The marts are not there yet.
    """
    require_marts(session, home)
    health = session.rows(_HEALTH.format(session.relation(MARTS_DATASET, "pipeline_health")))
    coverage = session.rows(_COVERAGE.format(session.relation(MARTS_DATASET, "destination_coverage")))
    as_of, is_past = session.rows(_CLOCK.format(session.relation(MODELS_DATASET, "clock")))[0]
    # Where nulls stand is decided here, for warehouses differ.
    coverage = sorted(coverage, key=lambda row: (row[0], row[1] is None, row[1]))
    return _fleet_status(health, coverage, as_of, is_past)


COLUMNS: Mapping[str, int | None] = {"Status": 11, "Pipeline": 30, "Why": None}
"""Columns of the fleet on a terminal."""


def rows_of(fleet: FleetStatus) -> list[tuple[str, str, str]]:
    """Returns the fleet as rows of ``COLUMNS``.

    Args:
        fleet: The fleet.
    """
    return [(item.status, f"{item.name}\n{item.where}", item.reason) for item in fleet.pipelines]


def named(fleet: FleetStatus, written: str) -> list[PipelineStatus]:
    """Finds pipelines by name.

    Args:
        fleet: The fleet.
        written: The name, with its dataset and destination before it where one likes; or a glob of either.

    Returns:
        The pipelines, worst first.

    Raises:
        PipelineUnknownError: No pipeline has that name; the text names what was probably meant.
    """
    found = [item for item in fleet.pipelines if is_named(item.full_name, written)]
    found = found or [
        item
        for item in fleet.pipelines
        if any(fnmatchcase(name.lower(), written.lower()) for name in (item.name, item.full_name))
    ]
    if not found:
        near = suggestion(written, spellings(item.full_name for item in fleet.pipelines))
        raise PipelineUnknownError(
            f"There is no pipeline {written!r}.{near or ' meta-pipeline status shows those that there are.'}"
        )
    return found


def the_one_named(fleet: FleetStatus, written: str) -> PipelineStatus:
    """Finds one pipeline by name.

    Args:
        fleet: The fleet.
        written: The name, or a glob that only one matches.

    Raises:
        PipelineUnknownError: No pipeline, or more than one, has that name.
    """
    found = named(fleet, written)
    if len(found) > 1:
        raise PipelineUnknownError(ambiguity(written, [item.full_name for item in found]))
    return found[0]


def _fleet_status(
    health: Sequence[Sequence[Any]], coverage: Sequence[Sequence[Any]], as_of: datetime, is_past: bool
) -> FleetStatus:
    outcomes = [row[2] for row in coverage]
    read = [row for row in coverage if row[2] in ("complete", "partial") and row[5] not in FILE_PLACES]
    datasets = {(row[0], row[1]) for row in read if row[1]}
    pipelines = sorted((PipelineStatus(*row) for row in health), key=_worst_first)
    return FleetStatus(
        as_of=as_of,
        is_past=bool(is_past),
        last_collected_at=max((row[4] for row in coverage if row[4]), default=None),
        dataset_count=len(datasets | {(item.destination_name, item.dataset_name) for item in pipelines}),
        dev_mode_count=outcomes.count("dev_mode"),
        pipelines=pipelines,
        uncovered=[Uncovered(*row[:4]) for row in coverage if row[2] not in ("complete", "dev_mode", "excluded")],
    )


def _worst_first(pipeline: PipelineStatus) -> tuple[int, str, str, str]:
    rank = STATUSES.index(pipeline.status) if pipeline.status in STATUSES else -1
    return rank, pipeline.pipeline_name or "", pipeline.destination_name, pipeline.dataset_name
