"""Reads one destination: what is new in it, as batches for the raw tables, and what could not be read."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from meta_pipeline.collect.batches import Batch, batch_of_arrow, batch_of_rows
from meta_pipeline.collect.cursors import (
    DatasetCursor,
    Extent,
    TableCursor,
    boundary_of,
    extent,
    next_boundary,
    settle,
)
from meta_pipeline.collect.history import read_history
from meta_pipeline.collect.selection import is_dev_mode, is_selected
from meta_pipeline.collect.states import read_state
from meta_pipeline.collect.tables import (
    COLLECTIONS,
    COUNTED_LOADS,
    COVERAGE,
    LOADS,
    PIPELINE_CURSORS,
    PIPELINE_SCHEMAS,
    PIPELINE_STATES,
    ROW_COUNTS,
    TABLE_STATISTICS,
    RawTable,
)
from meta_pipeline.collect.warehouse import SYSTEM_TABLES, Dataset, Kind, Problem, StoredVersion, Warehouse
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    CollectionError,
    ConfigurationError,
    DestinationForbiddenError,
    DestinationLockedError,
    RecordUnreadableError,
)

Cursors = Mapping[str, DatasetCursor]
"""How far each dataset of a destination has been read; the empty name stands for the destination itself."""

OUTCOMES = ("complete", "dev_mode", "missing", "partial", "forbidden", "locked", "misconfigured", "unreachable")
"""Outcomes of a dataset, from best to worst."""

MAX_PROBLEMS_TOLD = 3

_WITHOUT: Mapping[Kind, str] = {
    "versions": "its schemas are not known",
    "states": "its loads cannot be attributed to a pipeline",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How the reading of a dataset ended.

    Args:
        outcome: One of ``OUTCOMES``.
        error: What went wrong, where, and what to do next.
    """

    outcome: str
    error: str | None = None


@dataclass(frozen=True)
class Plan:
    """What must be read of one kind of system table.

    Args:
        kind: The kind.
        datasets: Datasets in which something changed.
        boundaries: By dataset the time stamp from which rows are read; None for all.
        cursors: By dataset the cursor to store when the reading went well.
    """

    kind: Kind
    datasets: Sequence[Dataset] = ()
    boundaries: Mapping[str, datetime | None] = field(default_factory=dict)
    cursors: Mapping[str, TableCursor] = field(default_factory=dict)


class Reading:
    """The reading of one destination.

    It is iterated once for its batches; afterwards ``cursors`` say how far it came.

    Args:
        settings: How the destination is observed.
        cursors: How far its datasets were read before.
        collected_at: Start of the collection.
        connect: Opens the destination.
        kind: dlt's type of the destination, as far as it is known.
    """

    def __init__(
        self,
        settings: DestinationSettings,
        cursors: Cursors,
        collected_at: datetime,
        connect: Callable[[str], Warehouse],
        kind: str | None,
    ) -> None:
        self.settings = settings
        self.cursors: dict[str, DatasetCursor] = dict(cursors)
        self.outcome = Outcome("complete")
        self.dataset_count = 0
        self._before = cursors
        self._collected_at = collected_at
        self._connect = connect
        self._kind = kind
        self._constants = {"destination_name": settings.name}
        self._problems: list[Problem] = []
        self._row_count = 0

    def __iter__(self) -> Iterator[Batch]:
        started = time.monotonic()
        warehouse: Warehouse | None = None
        outcomes: Mapping[str, Outcome]
        try:
            warehouse = self._connect(self.settings.name)
            self._kind = warehouse.destination_type
            outcomes = yield from self._read(warehouse)
        except (CollectionError, ConfigurationError) as error:
            outcomes = self._failed(error)
        except Exception as error:
            logger.debug("Reading %s broke off", self.settings.name, exc_info=True)
            outcomes = self._failed(CollectionError(f"reading broke off with an unexpected {type(error).__name__}"))
        finally:
            if warehouse:
                warehouse.close()
        logger.info("%s: %s", self.settings.name, self._told(outcomes))
        yield self._coverage(outcomes)
        yield self._collection(outcomes, warehouse, time.monotonic() - started)

    def _read(self, warehouse: Warehouse) -> Generator[Batch, None, dict[str, Outcome]]:
        found = [item for item in warehouse.discover() if is_selected(item.name, self.settings)]
        self.dataset_count = len(found)
        readable = [item for item in found if not item.forbidden_tables and not is_dev_mode(item.name, self.settings)]
        loads = self._plan(warehouse, "loads", readable)
        new_loads: dict[str, list[str]] = defaultdict(list)
        for batch in warehouse.loads(loads.datasets, loads.boundaries):
            self._note_new_loads(batch, new_loads)
            yield self._arrow_batch(LOADS, batch)
        versions = self._plan(warehouse, "versions", readable)
        yield from self._read_versions(warehouse, versions)
        states = self._plan(warehouse, "states", readable)
        yield from self._read_states(warehouse, states)
        changed = [item for item in readable if new_loads.get(item.name)]
        yield from self._read_statistics(warehouse, changed)
        yield from self._count_rows(warehouse, changed, new_loads)
        self._problems.extend(warehouse.problems)
        for plan in (loads, versions, states):
            self._move(plan)
        return self._outcomes(found)

    def _plan(self, warehouse: Warehouse, kind: Kind, datasets: Sequence[Dataset]) -> Plan:
        """Asks the warehouse what changed, and decides what is read."""
        before = {item.name: self._cursor(item.name).of(kind) for item in datasets}
        boundaries = {name: boundary_of(cursor) for name, cursor in before.items()}
        summaries = warehouse.summarize(kind, datasets, boundaries)
        extents: dict[str, Extent] = {name: extent(before[name], summary) for name, summary in summaries.items()}
        changed = [item for item in datasets if extents.get(item.name, "nothing") != "nothing"]
        if not changed:
            return Plan(kind)
        upcoming = {item.name: next_boundary(summaries[item.name]) for item in changed}
        settled = warehouse.summarize(kind, changed, upcoming)
        return Plan(
            kind,
            changed,
            {item.name: boundaries[item.name] if extents[item.name] == "recent" else None for item in changed},
            {
                name: settle(summaries[name], upcoming[name], summary)
                for name, summary in settled.items()
                if name in summaries
            },
        )

    def _note_new_loads(self, batch: pa.Table, new_loads: dict[str, list[str]]) -> None:
        """Notes by dataset the loads that were committed since its rows were counted last."""
        if self.settings.row_counts != "scan":
            for name in pc.unique(batch["dataset_name"]).to_pylist():
                new_loads[name].append("")
            return
        last = {name: cursor.loads.last for name, cursor in self._before.items() if cursor.loads}
        for name, load_id, moment in zip(
            *(batch[column].to_pylist() for column in ("dataset_name", "load_id", "inserted_at")), strict=True
        ):
            if moment is None or moment.isoformat() > (last.get(name) or ""):
                new_loads[name].append(load_id)

    def _read_versions(self, warehouse: Warehouse, plan: Plan) -> Iterator[Batch]:
        if not plan.datasets:
            return
        versions = list(warehouse.versions(plan.datasets))
        schemas: dict[str, set[str]] = defaultdict(set)
        for version in versions:
            schemas[version.dataset_name].add(version.schema_name)
        for name, names in schemas.items():
            self.cursors[name] = replace(self._cursor(name), schemas_seen=len(names))

        def is_new(version: StoredVersion) -> bool:
            boundary = plan.boundaries.get(version.dataset_name)
            return boundary is None or version.inserted_at >= boundary

        yield from self._counted(
            read_history(
                versions,
                is_new,
                lambda wanted: warehouse.contents(plan.datasets, wanted),
                self._problems,
                self.settings.name,
                self._collected_at,
            )
        )

    def _read_states(self, warehouse: Warehouse, plan: Plan) -> Iterator[Batch]:
        rows: dict[RawTable, list[dict[str, Any]]] = {PIPELINE_STATES: [], PIPELINE_SCHEMAS: [], PIPELINE_CURSORS: []}
        for stored in warehouse.states(plan.datasets, plan.boundaries):
            try:
                state = read_state(stored.state or "")
            except RecordUnreadableError as error:
                place = f"state {stored.version} of pipeline {stored.pipeline_name} (_dlt_pipeline_state)"
                self._problems.append(Problem(stored.dataset_name, "states", f"{place} {error}"))
                continue
            row = {**self._constants, **vars(stored)}
            names = orjson.dumps(state.schema_names).decode()
            rows[PIPELINE_STATES].append(
                {**row, "default_schema_name": state.default_schema_name, "schema_names": names}
            )
            rows[PIPELINE_SCHEMAS].extend({**row, "schema_name": name} for name in state.schema_names)
            rows[PIPELINE_CURSORS].extend({**row, **vars(cursor)} for cursor in state.cursors)
        yield from self._counted(batch_of_rows(table, made, self._collected_at) for table, made in rows.items())

    def _read_statistics(self, warehouse: Warehouse, datasets: Sequence[Dataset]) -> Iterator[Batch]:
        """Yields the statistics of the datasets in which they differ from the ones stored."""
        if not datasets:
            return
        rows = warehouse.statistics(datasets)
        by_dataset: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        columns = ("dataset_name", "table_name", "row_count", "byte_count")
        for row in zip(*(rows[name].to_pylist() for name in columns), strict=True):
            by_dataset[row[0]].append(row)
        changed = []
        for name, tables in by_dataset.items():
            digest = _digest(sorted(tables, key=lambda table: str(table[1])))
            if digest != self._cursor(name).statistics:
                changed.append(name)
                self.cursors[name] = replace(self._cursor(name), statistics=digest)
        if changed:
            yield self._arrow_batch(TABLE_STATISTICS, rows.filter(pc.is_in(rows["dataset_name"], pa.array(changed))))

    def _count_rows(
        self, warehouse: Warehouse, datasets: Sequence[Dataset], new_loads: Mapping[str, list[str]]
    ) -> Iterator[Batch]:
        """Counts the rows of new loads in the user tables, and the rows of loads that were never committed."""
        if self.settings.row_counts != "scan" or not datasets:
            return
        since = {}
        for item in datasets:
            counted_to = self._cursor(item.name).counted_to
            since[item.name] = min([*new_loads[item.name], *([counted_to] if counted_to else [])])
            self.cursors[item.name] = replace(
                self._cursor(item.name), counted_to=max([*new_loads[item.name], counted_to or ""])
            )
        moment = {"counted_at": self._collected_at}
        for batch in warehouse.count_rows(datasets, since):
            yield self._arrow_batch(ROW_COUNTS, batch, moment)
        counted = [
            {**self._constants, **moment, "dataset_name": item.name, "load_id": load_id}
            for item in datasets
            for load_id in new_loads[item.name]
        ]
        yield batch_of_rows(COUNTED_LOADS, counted, self._collected_at)

    def _move(self, plan: Plan) -> None:
        """Moves the cursors of what was read, except where a record was not readable: it is read again next time."""
        held = {problem.dataset_name for problem in self._problems if problem.kind == plan.kind}
        for name, cursor in plan.cursors.items():
            if name not in held:
                self.cursors[name] = self._cursor(name).moved(plan.kind, cursor)

    def _outcomes(self, found: Sequence[Dataset]) -> dict[str, Outcome]:
        problems: dict[str, list[str]] = defaultdict(list)
        for problem in self._problems:
            problems[problem.dataset_name].append(problem.message)
        outcomes = {item.name: self._dataset_outcome(item, problems[item.name]) for item in found}
        for name in self._before:
            if name and name not in outcomes:
                outcomes[name] = Outcome(
                    "missing",
                    f"dataset {name} was here before and is not there any more, or is no longer selected; what was "
                    "collected of it is kept",
                )
        return outcomes

    def _dataset_outcome(self, dataset: Dataset, problems: Sequence[str]) -> Outcome:
        if is_dev_mode(dataset.name, self.settings):
            return Outcome(
                "dev_mode",
                "looks like a leftover of dev_mode=True and is not read; name it in full in datasets to read it",
            )
        if dataset.forbidden_tables:
            tables = ", ".join(dataset.forbidden_tables)
            advice = "Grant usage on it and select on them"
            return Outcome("forbidden", f"no right to read {tables} in dataset {dataset.name}. {advice}")
        told = [
            f"dataset {dataset.name} has no table {SYSTEM_TABLES[kind]}: {consequence}"
            for kind, consequence in _WITHOUT.items()
            if kind not in dataset.tables
        ] + list(problems)
        if not told:
            return Outcome("complete")
        more = f" (and {len(told) - MAX_PROBLEMS_TOLD} more)" if len(told) > MAX_PROBLEMS_TOLD else ""
        return Outcome("partial", "; ".join(told[:MAX_PROBLEMS_TOLD]) + more)

    def _failed(self, error: Exception) -> dict[str, Outcome]:
        """Returns the outcome of every known dataset of a destination that could not be read; no cursor moves."""
        outcome = "unreachable"
        if isinstance(error, ConfigurationError):
            outcome = "misconfigured"
        elif isinstance(error, DestinationLockedError):
            outcome = "locked"
        elif isinstance(error, DestinationForbiddenError):
            outcome = "forbidden"
        self.outcome = Outcome(outcome, f"{self.settings.name}: {error}")
        self.cursors = dict(self._before)
        known = [name for name in self._before if name] or [""]
        return dict.fromkeys(known, self.outcome)

    def _coverage(self, outcomes: Mapping[str, Outcome]) -> Batch:
        rows = []
        self.cursors = {name: cursor for name, cursor in self.cursors.items() if name or "" in outcomes}
        for name, outcome in outcomes.items():
            cursor = self._cursor(name)
            if cursor.outcome != outcome.outcome or cursor.since is None:
                cursor = replace(cursor, outcome=outcome.outcome, since=self._collected_at.isoformat())
                self.cursors[name] = cursor
            is_known = outcome.outcome in ("complete", "partial")
            rows.append(
                {
                    **self._constants,
                    "coverage_id": _digest([self.settings.name, name, cursor.since]),
                    "destination_type": self._kind,
                    "dataset_name": name or None,
                    "outcome": outcome.outcome,
                    "error": outcome.error,
                    "schemas_seen": (cursor.schemas_seen or 0) if is_known else None,
                    "since": datetime.fromisoformat(str(cursor.since)),
                }
            )
        return batch_of_rows(COVERAGE, rows, self._collected_at)

    def _collection(self, outcomes: Mapping[str, Outcome], warehouse: Warehouse | None, seconds: float) -> Batch:
        worst = max((outcome.outcome for outcome in outcomes.values()), key=OUTCOMES.index, default="complete")
        row = {
            **self._constants,
            "destination_type": self._kind,
            "outcome": worst,
            "error": self.outcome.error,
            "dataset_count": self.dataset_count,
            "query_count": warehouse.query_count if warehouse else 0,
            "row_count": self._row_count,
            "duration_seconds": seconds,
        }
        return batch_of_rows(COLLECTIONS, [row], self._collected_at)

    def _told(self, outcomes: Mapping[str, Outcome]) -> str:
        if self.outcome.error:
            return f"{self.outcome.outcome}"
        incomplete = sum(outcome.outcome not in ("complete", "dev_mode") for outcome in outcomes.values())
        trouble = f", {incomplete} not complete" if incomplete else ""
        return f"{self.dataset_count} datasets, {self._row_count:,} new rows{trouble}"

    def _cursor(self, name: str) -> DatasetCursor:
        return self.cursors.get(name) or DatasetCursor()

    def _arrow_batch(self, table: Any, rows: pa.Table, constants: Mapping[str, Any] | None = None) -> Batch:
        self._row_count += rows.num_rows
        return batch_of_arrow(table, rows, {**self._constants, **(constants or {})}, self._collected_at)

    def _counted(self, batches: Any) -> Iterator[Batch]:
        for batch in batches:
            self._row_count += batch.rows.num_rows
            yield batch


def _digest(value: Any) -> str:
    return hashlib.blake2b(orjson.dumps(value, default=str), digest_size=12).hexdigest()
