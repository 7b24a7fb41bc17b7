"""Reads one destination: what is new in it, as batches for the raw tables, and what could not be read."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from meta_pipeline.collect.batches import Batch, batch_of_arrow, batch_of_rows, in_row_groups
from meta_pipeline.collect.counting import LoadTally
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.history import read_history
from meta_pipeline.collect.interleaving import interleaved
from meta_pipeline.collect.outcomes import (
    INTENDED,
    Outcome,
    absence_outcome,
    as_met,
    broken_off,
    coverage_row,
    dataset_outcome,
    digest_of,
    failure_outcome,
    worst_of,
)
from meta_pipeline.collect.planning import Plan, make_plan, touched_since
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
from meta_pipeline.collect.warehouse import (
    SYSTEM_TABLES,
    Cost,
    Dataset,
    Kind,
    Problem,
    StoredState,
    StoredVersion,
    Warehouse,
)
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    CollectionError,
    ConfigurationError,
    DestinationUnreachableError,
    RecordUnreadableError,
)

Cursors = Mapping[str, DatasetCursor]
"""How far each dataset of a destination has been read; the empty name stands for the destination itself."""

STATES_AT_ONCE = 1_000

Stored = TypeVar("Stored", StoredVersion, StoredState)

logger = logging.getLogger(__name__)


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
        connect: Callable[[DestinationSettings], Warehouse],
        kind: str | None,
    ) -> None:
        self.settings = settings
        self.cursors: dict[str, DatasetCursor] = dict(cursors)
        self.outcome = Outcome("complete")
        self.dataset_count = 0
        self._before = cursors
        self._known = cursors
        self._forbidden: Mapping[str, Sequence[str]] = {}
        self._collected_at = collected_at
        self._connect = connect
        self._kind = kind
        self._constants = {"destination_name": settings.name}
        self._problems: list[Problem] = []
        self._row_count = 0
        self._cost = Cost()
        self._plans: dict[Kind, Plan] = {}
        self._schemas_seen: dict[str, int] = {}
        self._miscounted: set[str] = set()
        self._untold: set[str] = set()

    def __iter__(self) -> Iterator[Batch]:
        started = time.monotonic()
        warehouse: Warehouse | None = None
        outcomes: Mapping[str, Outcome]
        try:
            warehouse = self._connect(self.settings)
            self._kind = warehouse.destination_type
            outcomes = yield from self._read(warehouse)
        except (CollectionError, ConfigurationError) as error:
            outcomes = self._failed(error)
        except Exception as error:
            logger.debug("Reading %s broke off", self.settings.name, exc_info=True)
            outcomes = self._failed(broken_off(error))
        finally:
            if warehouse:
                self._cost = warehouse.cost()
                warehouse.close()
        logger.info("%s: %s", self.settings.name, self._told(outcomes))
        for text in dict.fromkeys(item.error for item in outcomes.values() if item.outcome not in INTENDED):
            logger.warning("%s", text)
        yield self._coverage(outcomes)
        yield self._collection(outcomes, warehouse, time.monotonic() - started)

    def given_up(self) -> Reading:
        """Returns the reading that tells that this one took too long; it moves no cursor."""

        def connect(settings: DestinationSettings) -> Warehouse:
            raise DestinationUnreachableError(
                f"could not be read within {settings.timeout_seconds} s and was given up. Raise timeout_seconds in its "
                "entry in destinations, or leave datasets out by exclude_datasets"
            )

        return Reading(self.settings, self._before, self._collected_at, connect, self._kind)

    def _read(self, warehouse: Warehouse) -> Generator[Batch, None, dict[str, Outcome]]:
        found = [item for item in warehouse.discover() if is_selected(item.name, self.settings)]
        self.dataset_count = len(found)
        readable = [item for item in found if not item.forbidden_tables and not is_dev_mode(item.name, self.settings)]
        if self.settings.row_counts == "scan":
            self._forbidden = warehouse.forbidden_tables()
            self._known = {name: self._to_be_counted(name, cursor) for name, cursor in self._before.items()}
        ways = [self._read_activity(warehouse, readable), self._read_schemas(warehouse, readable)]
        yield from self._counted(interleaved(ways) if warehouse.reads_at_once else chain(*ways))
        self._problems.extend(warehouse.problems)
        self._move()
        return self._outcomes(found)

    def _read_activity(self, warehouse: Warehouse, datasets: Sequence[Dataset]) -> Iterator[Batch]:
        """Reads what every load leaves: its row, the pipeline's state, rows and bytes of the tables, traces."""
        loads, states = self._plan(warehouse, "loads", datasets), self._plan(warehouse, "states", datasets)
        tally = LoadTally(loads, self._known, self._forbidden)
        yield from self._read_loads(warehouse, loads, tally)
        yield from self._read_states(warehouse, states)
        yield from self._read_statistics(warehouse, loads.datasets)
        yield from self._read_kept(warehouse, loads)
        yield from self._count_rows(warehouse, loads, tally)

    def _read_schemas(self, warehouse: Warehouse, datasets: Sequence[Dataset]) -> Iterator[Batch]:
        """Reads what a load leaves where the schema changed."""
        yield from self._read_versions(warehouse, self._plan(warehouse, "versions", datasets))

    def _plan(self, warehouse: Warehouse, kind: Kind, datasets: Sequence[Dataset]) -> Plan:
        """Plans the reading of one kind of system table, where it has the columns that are needed."""
        whole = []
        for item in warehouse.describe(kind, touched_since(kind, datasets, self._known)):
            missing = item.missing_columns(kind)
            if missing:
                message = f"table {item.tables[kind].name} has no column {', '.join(missing)} and is not read"
                self._problems.append(Problem(item.name, kind, message))
            else:
                whole.append(item)
        self._plans[kind] = make_plan(warehouse, kind, whole, self._known, self._collected_at)
        return self._plans[kind]

    def _to_be_counted(self, name: str, cursor: DatasetCursor) -> DatasetCursor:
        """Returns the cursor from which loads are read: their beginning, where they were never counted before."""
        is_counted = cursor.counted_to is not None or name in self._forbidden
        return cursor if is_counted else replace(cursor, loads=None)

    def _read_loads(self, warehouse: Warehouse, plan: Plan, tally: LoadTally) -> Iterator[Batch]:
        for batch in in_row_groups(warehouse.loads(plan.datasets, plan.boundaries)):
            loads = self._named_loads(batch)
            if self.settings.row_counts == "scan":
                tally.note(loads)
            yield self._arrow_batch(LOADS, loads)

    def _named_loads(self, loads: pa.Table) -> pa.Table:
        """Returns the loads whose id is known; the others become a problem of their dataset."""
        if not loads["load_id"].null_count:
            return loads
        is_known = pc.is_valid(loads["load_id"])
        for name in pc.unique(loads.filter(pc.invert(is_known))["dataset_name"]).to_pylist():
            self._tell_nameless(name, "loads")
        return loads.filter(is_known)

    def _read_versions(self, warehouse: Warehouse, plan: Plan) -> Iterator[Batch]:
        if not plan.datasets:
            return
        versions = list(self._named(warehouse.versions(plan.datasets), "versions", ("schema_name", "version_hash")))
        schemas: dict[str, set[str]] = defaultdict(set)
        for version in versions:
            schemas[version.dataset_name].add(version.schema_name)
        for name, names in schemas.items():
            self._schemas_seen[name] = len(names)

        def is_new(version: StoredVersion) -> bool:
            boundary = plan.boundaries.get(version.dataset_name)
            return boundary is None or version.inserted_at is None or version.inserted_at >= boundary

        yield from read_history(
            versions,
            is_new,
            lambda wanted: warehouse.contents(plan.datasets, wanted),
            self._problems,
            self.settings.name,
            self._collected_at,
        )

    def _read_states(self, warehouse: Warehouse, plan: Plan) -> Iterator[Batch]:
        """Yields the stored states; no more than a few blobs are in memory at a time."""
        rows: dict[RawTable, list[dict[str, Any]]] = {PIPELINE_STATES: [], PIPELINE_SCHEMAS: [], PIPELINE_CURSORS: []}
        stored_states = warehouse.states(plan.datasets, plan.boundaries)
        passed: set[tuple[str, str, str | None]] = set()
        for stored in self._named(stored_states, "states", ("pipeline_name", "load_id")):
            key = (stored.dataset_name, stored.pipeline_name, stored.load_id)
            # A crash may have left a state twice.
            if key not in passed:
                passed.add(key)
                self._add_state(stored, rows)
            if len(rows[PIPELINE_STATES]) >= STATES_AT_ONCE:
                yield from self._drained(rows)
        yield from self._drained(rows)

    def _add_state(self, stored: StoredState, rows: Mapping[RawTable, list[dict[str, Any]]]) -> None:
        try:
            state = read_state(stored.state or "")
        except RecordUnreadableError as error:
            place = f"state {stored.version} of pipeline {stored.pipeline_name} (_dlt_pipeline_state)"
            self._problems.append(Problem(stored.dataset_name, "states", f"{place} {error}"))
            return
        row = {**self._constants, **vars(stored), "state": None}
        names = orjson.dumps(state.schema_names).decode()
        rows[PIPELINE_STATES].append({**row, "default_schema_name": state.default_schema_name, "schema_names": names})
        rows[PIPELINE_SCHEMAS].extend({**row, "schema_name": name} for name in state.schema_names)
        rows[PIPELINE_CURSORS].extend({**row, **vars(cursor)} for cursor in state.cursors)

    def _drained(self, rows: Mapping[RawTable, list[dict[str, Any]]]) -> Iterator[Batch]:
        yield from (batch_of_rows(table, made, self._collected_at) for table, made in rows.items())
        for made in rows.values():
            made.clear()

    def _named(self, stored: Iterable[Stored], kind: Kind, key: Sequence[str]) -> Iterator[Stored]:
        """Yields the records whose key is complete; the others become a problem of their dataset."""
        for record in stored:
            if any(getattr(record, name) is None for name in key):
                self._tell_nameless(record.dataset_name, kind)
            else:
                yield record

    def _tell_nameless(self, dataset_name: str, kind: Kind) -> None:
        problem = Problem(dataset_name, kind, f"table {SYSTEM_TABLES[kind]} has rows without the key that dlt writes")
        if problem not in self._problems:
            self._problems.append(problem)

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
            digest = digest_of(sorted(tables, key=lambda table: str(table[1])))
            if digest != self._cursor(name).digest:
                changed.append(name)
                self.cursors[name] = replace(self._cursor(name), digest=digest)
        if changed:
            yield self._arrow_batch(TABLE_STATISTICS, rows.filter(pc.is_in(rows["dataset_name"], pa.array(changed))))

    def _read_kept(self, warehouse: Warehouse, plan: Plan) -> Iterator[Batch]:
        """Yields the runs of traces that somebody loaded: they are new where loads are."""
        tables = warehouse.kept_tables(plan.datasets, plan.boundaries) if plan.datasets else []
        if not tables:
            return
        # Only where somebody keeps traces, what reads them is needed.
        from meta_pipeline.collect.kept import find_kept, read_kept  # noqa: PLC0415
        from meta_pipeline.collect.runs import rows_of  # noqa: PLC0415

        found, told = find_kept(tables), len(warehouse.problems)
        names = {table.dataset.name for table in found}
        try:
            for captures in read_kept(warehouse, found, plan.boundaries, self.settings.name):
                rows: dict[RawTable, list[dict[str, Any]]] = defaultdict(list)
                for capture in captures:
                    for table, made in rows_of(capture).items():
                        rows[table] += made
                yield from self._drained(rows)
        except CollectionError as error:
            self._problems += [Problem(name, None, f"kept traces could not be read: {error}") for name in names]
            self._untold |= names
        self._untold |= names & {item.dataset_name for item in warehouse.problems[told:]}

    def _count_rows(self, warehouse: Warehouse, plan: Plan, tally: LoadTally) -> Iterator[Batch]:
        """Counts the rows of new loads in the user tables, and the rows of loads that were never committed."""
        if self.settings.row_counts != "scan":
            return
        moment = {"counted_at": self._collected_at}
        if tally.datasets:
            yield from (self._arrow_batch(ROW_COUNTS, batch, moment) for batch in tally.counts(warehouse))
        # Where a table could not be counted after all, the loads are counted anew next time.
        self._miscounted = {
            item.dataset_name for item in warehouse.problems if not item.kind and item.cause != "record"
        }
        for name, load_ids in tally.new.items():
            if name in self._miscounted:
                continue
            loads = pa.table({"load_id": pa.array(load_ids, pa.string())})
            counted = batch_of_arrow(
                COUNTED_LOADS, loads, {**self._constants, **moment, "dataset_name": name}, self._collected_at
            )
            yield counted
        for item in plan.datasets:
            if item.name not in self._miscounted:
                self.cursors[item.name] = tally.moved(item.name, self._cursor(item.name))

    def _move(self) -> None:
        """Moves the cursors of what was read, except where a record was not readable: it is read again next time."""
        for name, count in self._schemas_seen.items():
            self.cursors[name] = replace(self._cursor(name), schemas_seen=count)
        for kind, plan in self._plans.items():
            held = {problem.dataset_name for problem in self._problems if problem.kind == kind}
            held |= self._miscounted | self._untold if kind == "loads" else set()
            for name, cursor in plan.cursors.items():
                if name not in held:
                    self.cursors[name] = self._cursor(name).moved(kind, cursor)

    def _outcomes(self, found: Sequence[Dataset]) -> dict[str, Outcome]:
        problems: dict[str, list[Problem]] = defaultdict(list)
        for problem in self._problems:
            problems[problem.dataset_name].append(problem)
        outcomes = {
            item.name: dataset_outcome(
                as_met(item, problems[item.name]),
                self.settings,
                [problem.message for problem in problems[item.name] if problem.cause == "record" or not problem.kind],
                self._forbidden.get(item.name, ()),
            )
            for item in found
        }
        gone = [name for name in self._before if name and name not in outcomes]
        outcomes |= {name: absence_outcome(name, self.settings) for name in gone}
        # A destination that holds nothing to read is covered all the same.
        return outcomes or {"": Outcome("complete")}

    def _failed(self, error: Exception) -> dict[str, Outcome]:
        """Returns the outcome of every dataset that would have been read; no cursor moves."""
        self.outcome = failure_outcome(error, self.settings)
        self.cursors = dict(self._before)
        unread = ("dev_mode", "excluded", "missing")
        known = [name for name, cursor in self._before.items() if name and cursor.outcome not in unread]
        return dict.fromkeys(known or [""], self.outcome)

    def _coverage(self, outcomes: Mapping[str, Outcome]) -> Batch:
        # What was said of the destination as a whole is over once a dataset of it is known.
        self.cursors = {name: cursor for name, cursor in self.cursors.items() if name or "" in outcomes}
        rows = []
        for name, outcome in outcomes.items():
            cursor = self._cursor(name).continued(outcome.outcome, self._collected_at)
            self.cursors[name] = cursor
            rows.append(coverage_row(self.settings.name, self._kind, name, outcome, cursor))
        return batch_of_rows(COVERAGE, rows, self._collected_at)

    def _collection(self, outcomes: Mapping[str, Outcome], warehouse: Warehouse | None, seconds: float) -> Batch:
        row = {
            **self._constants,
            **vars(self._cost),
            "destination_type": self._kind,
            "outcome": worst_of(outcomes.values()),
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
        incomplete = sum(outcome.outcome not in INTENDED for outcome in outcomes.values())
        trouble = f", {incomplete} not complete" if incomplete else ""
        datasets = "1 dataset" if self.dataset_count == 1 else f"{self.dataset_count} datasets"
        return f"{datasets}, {self._row_count:,} new rows{trouble}"

    def _cursor(self, name: str) -> DatasetCursor:
        return self.cursors.get(name) or DatasetCursor()

    def _arrow_batch(self, table: Any, rows: pa.Table, constants: Mapping[str, Any] | None = None) -> Batch:
        return batch_of_arrow(table, rows, {**self._constants, **(constants or {})}, self._collected_at)

    def _counted(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self._row_count += batch.rows.num_rows
            yield batch
