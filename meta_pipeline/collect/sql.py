"""Reads dlt's system tables from a destination that speaks SQL: one query per kind of table for all datasets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from meta_pipeline.collect.nesting import LINK_COLUMNS, CountPath, count_paths
from meta_pipeline.collect.retries import tried_again
from meta_pipeline.collect.warehouse import (
    COUNT_RESULT,
    LOAD_RESULT,
    STATISTICS_RESULT,
    SYSTEM_TABLES,
    Boundaries,
    Cause,
    Cost,
    Dataset,
    KeptRow,
    KeptTable,
    Kind,
    Problem,
    StoredState,
    StoredVersion,
    Summary,
    SystemTable,
)
from meta_pipeline.exceptions import (
    CollectionError,
    DestinationForbiddenError,
    TableMissingError,
)

MAX_BRANCHES = 1_000
"""Most branches of one UNION ALL; above, planning (quadratic in DuckDB) costs more than a second query."""

MAX_CHARACTERS = 900_000
"""Longest query; Snowflake and BigQuery take no more than a million bytes."""

HASHES_AT_ONCE = 5_000

SETTLED_SECONDS = 300
"""Age from which a change that a catalogue tells is settled: a later one bears another time stamp, and is told too."""


Row = tuple[Any, ...]
Result = TypeVar("Result")


def text_literal(value: str) -> str:
    """Returns a string as an SQL literal (standard quoting, which leaves backslashes alone)."""
    return "'" + value.replace("'", "''") + "'"


SYSTEM_NAMES = ", ".join(text_literal(name) for name in SYSTEM_TABLES.values())
"""dlt's system tables, as a catalogue query lists them."""

LINK_NAMES = ", ".join(text_literal(name) for name in LINK_COLUMNS)
"""The columns that link rows to loads, as a catalogue query lists them."""

KEPT_COLUMNS = ("transaction_id", "pipeline_name", "pipeline__pipeline_name", "first_run")
KEPT_NAMES = ", ".join(text_literal(name) for name in KEPT_COLUMNS)
"""The columns that tell a kept trace or load info from other tables: two of them each, as a catalogue lists them."""


def kept_columns(columns: str, dataset_name: str, condition: str = "1 = 1") -> str:
    """Returns the query on a catalogue for the columns of kept traces.

    Args:
        columns: The catalogue's relation of columns, with table_name and column_name.
        dataset_name: Its name for the dataset.
        condition: Which of its columns may be looked at.
    """
    return f"""
        select c.{dataset_name} as dataset_name, c.table_name as table_name, c.column_name as column_name
        from {columns} c
        join (
            select {dataset_name} as dataset_name, table_name as table_name
            from {columns}
            where lower(column_name) in ({KEPT_NAMES}) and {condition}
            group by {dataset_name}, table_name
            having count(*) >= 2
        ) r on c.{dataset_name} = r.dataset_name and c.table_name like concat(r.table_name, '%')
        where {condition}
    """


def unchanged(name: str) -> str:
    """Returns a name as it is."""
    return name


@dataclass(frozen=True)
class Dialect:
    """How a family of warehouses words what is not the same everywhere.

    Args:
        text: Its type for text, as casts name it.
        integer: Its type for integers of 64 bits.
        timestamp: Its type for time stamps with a time zone.
        literal: Returns a string as a literal.
        logical_name: Returns the name by which dlt knows what the warehouse calls so.
        max_branches: Most branches of one UNION ALL.
        written: Returns a time stamp in UTC as the text that a cast to ``timestamp`` reads.
        qualified: Returns a dataset's table as it stands in a query, where that is not the two names with a dot.
    """

    text: str = "varchar"
    integer: str = "bigint"
    timestamp: str = "timestamp with time zone"
    literal: Callable[[str], str] = text_literal
    logical_name: Callable[[str], str] = unchanged
    max_branches: int = MAX_BRANCHES
    written: Callable[[datetime], str] = datetime.isoformat
    qualified: Callable[[str, str], str] | None = None

    def moment(self, value: datetime) -> str:
        """Returns a UTC time stamp as a literal."""
        return f"cast('{self.written(value)}' as {self.timestamp})"


class SqlConnection(Protocol):
    """A read-only connection to a warehouse."""

    destination_type: str

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query in batches of a schema."""

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query; no more of them than needed are in memory."""

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""

    def cost(self) -> Cost:
        """Returns what its queries have cost so far."""

    def close(self) -> None:
        """Closes the connection."""


Ask = Callable[[str], Iterator[Row]]
Question = str | Callable[[Ask, Sequence[str]], Iterable[Row]]
"""A query, or what answers in another way, given who to ask and the physical names of the datasets that are meant."""

TableNames = tuple[str, str]
ColumnsOf = Callable[[Sequence[TableNames]], Mapping[TableNames, Sequence[str] | CollectionError]]
"""Returns the columns of tables named by dataset and table, or why they are not known."""


@dataclass(frozen=True)
class Catalogue:
    """What each family of warehouses asks of its catalogue in its own way; all names are physical ones.

    Args:
        system_columns: dataset_name, table_name, column_name, is_readable of all tables whose lower-case name is one of
            dlt's system tables, and their changed_at where the catalogue tells it for free.
        statistics: dataset_name, table_name, row_count, byte_count of all tables.
        user_columns: dataset_name, table_name, column_name of all columns that link rows to loads.
        is_estimate: Whether ``statistics`` only estimates the rows.
        forbidden_tables: dataset_name, table_name of the user tables whose rows may not be counted; None in a family
            that does not tell.
        columns_of: Returns the columns of tables named by dataset and table, or why they are not known; for a family
            whose ``system_columns`` leaves the column empty.
        kept_columns: dataset_name, table_name, column_name of all tables that have ``KEPT_COLUMNS`` of one of the two
            kinds, and of those whose names begin with the name of such a one; more than that does no harm.
        location_of: Returns where a dataset is stored, in a family in which one query cannot read two places.
    """

    system_columns: Question
    statistics: Question
    user_columns: Question
    is_estimate: bool
    forbidden_tables: str | None = None
    columns_of: ColumnsOf | None = None
    kept_columns: Question = ""
    location_of: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Branch:
    """What a query asks of one table.

    Args:
        dataset: The table's dataset.
        kind: The kind of system table; None for a user table.
        table_name: The table.
        sql: The branch of the UNION ALL.
    """

    dataset: Dataset
    kind: Kind | None
    table_name: str
    sql: str


class SqlWarehouse:
    """A warehouse behind a SQL connection.

    Args:
        connection: The open connection.
        catalogue: The catalogue queries of its family.
        dialect: How its family words the rest.
        reads_at_once: Whether several threads may ask at the same time.
    """

    def __init__(
        self,
        connection: SqlConnection,
        catalogue: Catalogue,
        dialect: Dialect = Dialect(),
        *,
        reads_at_once: bool = False,
    ) -> None:
        self.reads_at_once = reads_at_once
        self._connection = connection
        self._catalogue = catalogue
        self._dialect = dialect
        self.destination_type = connection.destination_type
        self.query_count = 0
        self._counting = threading.Lock()
        self.problems: list[Problem] = []

    def discover(self) -> list[Dataset]:
        """Returns every dataset that holds a loads table, sorted by name."""
        kinds = {name: kind for kind, name in SYSTEM_TABLES.items()}
        found: dict[str, dict[Kind, tuple[str, dict[str, str], bool, str | None]]] = {}
        rows = self._catalogue_rows(self._catalogue.system_columns)
        for physical_name, table_name, column_name, is_readable, *changed_at in rows:
            tables = found.setdefault(physical_name, {})
            table = tables.setdefault(
                kinds[table_name.lower()], (table_name, {}, bool(is_readable), *(changed_at or [None]))
            )
            if column_name:
                table[1][column_name.lower()] = column_name
        names = _logical_names(found, self._dialect)
        location_of = self._catalogue.location_of or (lambda _: "")
        datasets = [
            Dataset(
                names[physical_name],
                {kind: SystemTable(*parts) for kind, parts in tables.items()},
                physical_name if physical_name != names[physical_name] else None,
                location_of(physical_name),
            )
            for physical_name, tables in found.items()
            if "loads" in tables
        ]
        return sorted(datasets, key=lambda dataset: dataset.name)

    def describe(self, kind: Kind, datasets: Sequence[Dataset]) -> Sequence[Dataset]:
        """Returns the datasets with the columns of a system table; a table that is gone becomes a problem."""
        columns_of = self._catalogue.columns_of
        if columns_of is None:
            return datasets
        tables = {(_physical(item), item.tables[kind].name): item for item in datasets if kind in item.tables}
        found = columns_of(list(tables))
        described = []
        for key, dataset in tables.items():
            columns = found[key]
            if isinstance(columns, CollectionError):
                self._tell(Branch(dataset, kind, key[1], ""), columns)
            else:
                table = replace(dataset.tables[kind], columns={name.lower(): name for name in columns})
                described.append(replace(dataset, tables={**dataset.tables, kind: table}))
        return described

    def probe(self, kind: Kind, datasets: Sequence[Dataset]) -> None:
        """Tries whether a system table may be read, without reading a row or a column of it."""
        list(
            self._rows(_branches(kind, datasets, lambda *names: f"select 1 as x from {self._name(*names)} where 1 = 0"))
        )

    def summarize(
        self, kind: Kind, datasets: Sequence[Dataset], boundaries: Boundaries, next_boundaries: Boundaries
    ) -> dict[str, Summary]:
        """Returns by dataset what a system table holds at one moment; datasets without the table are left out."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            moment = self._moment(table, "created_at" if kind == "states" else "inserted_at")
            status = self._column(table, "status", self._dialect.integer) if kind == "loads" else "0"
            asked = {"settled": boundaries, "next_settled": next_boundaries}
            settled = (self._settled(moment, status, times.get(dataset.name), name) for name, times in asked.items())
            return (
                f"select {self._dialect.literal(dataset.name)} as dataset_name, count(*) as row_count, "
                f"max({moment}) as last_at, {self._total(status)} as status_sum, {', '.join(settled)} "
                f"from {self._name(dataset, table)}"
            )

        return {name: Summary(*values) for name, *values in self._rows(_branches(kind, datasets, branch))}

    def loads(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[pa.Table]:
        """Yields loads, each load id once per dataset even where a crash left it twice."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            inserted_at = self._moment(table, "inserted_at")
            return (
                f"select {self._dialect.literal(dataset.name)} as dataset_name, "
                f"{self._column(table, 'load_id')} as load_id, "
                f"min({self._column(table, 'schema_name')}) as schema_name, "
                f"max({self._integer(table, 'status')}) as status, "
                f"min({inserted_at}) as inserted_at, "
                f"max({self._column(table, 'schema_version_hash')}) as schema_version_hash "
                f"from {self._name(dataset, table)}{self._from(inserted_at, boundaries, dataset)} "
                f"group by {self._column(table, 'load_id')}"
            )

        yield from self._tables(_branches("loads", datasets, branch), LOAD_RESULT)

    def versions(self, datasets: Sequence[Dataset]) -> Iterator[StoredVersion]:
        """Yields the stored schema versions, each once per dataset and schema."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            schema_name, version_hash = self._column(table, "schema_name"), self._column(table, "version_hash")
            return (
                f"select {self._dialect.literal(dataset.name)} as dataset_name, {schema_name} as schema_name, "
                f"{version_hash} as version_hash, max({self._integer(table, 'version')}) as version, "
                f"max({self._integer(table, 'engine_version')}) as engine_version, "
                f"min({self._moment(table, 'inserted_at')}) as inserted_at "
                f"from {self._name(dataset, table)} group by {schema_name}, {version_hash}"
            )

        yield from (StoredVersion(*row) for row in self._rows(_branches("versions", datasets, branch)))

    def contents(
        self, datasets: Sequence[Dataset], wanted: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[str, str | None]]:
        """Yields version hash and stored schema of the versions wanted by dataset."""

        def branch(dataset: Dataset, table: SystemTable, hashes: Sequence[str]) -> str:
            version_hash = self._column(table, "version_hash")
            return (
                f"select {version_hash} as version_hash, {self._column(table, 'schema')} as content "
                f"from {self._name(dataset, table)} where {version_hash} in "
                f"({', '.join(map(self._dialect.literal, hashes))})"
            )

        asked = [dataset for dataset in datasets if "versions" in dataset.tables]
        branches = [
            Branch(item, "versions", table.name, branch(item, table, hashes))
            for item in asked
            for table in [item.tables["versions"]]
            for hashes in _chunks(wanted.get(item.name, ()), HASHES_AT_ONCE)
        ]
        yield from ((version_hash, content) for version_hash, content in self._rows(branches))

    def states(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[StoredState]:
        """Yields stored states."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            created_at = self._moment(table, "created_at")
            return (
                f"select {self._dialect.literal(dataset.name)} as dataset_name, "
                f"{self._column(table, 'pipeline_name')} as pipeline_name, "
                f"{self._column(table, '_dlt_load_id')} as load_id, "
                f"{self._integer(table, 'version')} as version, "
                f"{self._integer(table, 'engine_version')} as engine_version, "
                f"{self._column(table, 'version_hash')} as version_hash, {created_at} as created_at, "
                f"{self._column(table, 'state')} as state "
                f"from {self._name(dataset, table)}{self._from(created_at, boundaries, dataset)}"
            )

        yield from (StoredState(*row) for row in self._rows(_branches("states", datasets, branch)))

    def kept_tables(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> list[KeptTable]:  # noqa: ARG002
        """Returns tables that have some columns of kept traces, and those that are nested in them."""
        by_name = {_physical(dataset): dataset for dataset in datasets}
        found: dict[tuple[str, str], dict[str, str]] = {}
        for physical_name, table_name, column_name in self._catalogue_rows(self._catalogue.kept_columns, list(by_name)):
            if physical_name in by_name:
                found.setdefault((physical_name, table_name), {})[column_name.lower()] = column_name
        return [KeptTable(by_name[name], table_name, columns) for (name, table_name), columns in found.items()]

    def kept_rows(
        self,
        tables: Sequence[KeptTable],
        columns: Sequence[str],
        *,
        boundaries: Boundaries | None = None,
        ids: Mapping[KeptTable, Sequence[str]] | None = None,
    ) -> Iterator[KeptRow]:
        """Yields rows of kept traces: of loads from the boundaries on, or those nested in rows with the given ids."""

        def branch(number: int, kept: KeptTable) -> str:
            table = SystemTable(kept.name, kept.columns)
            links = ("_dlt_id", "_dlt_parent_id", "_dlt_load_id", "_dlt_list_idx")
            values = [self._as_text(table, name) for name in links]
            values += [
                self._moment(table, name) if name.endswith("_at") else self._as_text(table, name) for name in columns
            ]
            named = ", ".join(f"{value} as c{place}" for place, value in enumerate(values))
            where = self._of_loads(kept, boundaries or {}) if ids is None else self._nested_in(table, ids[kept])
            return f"select {number} as n, {named} from {self._name(kept.dataset, table)} where {where}"

        branches = [Branch(kept.dataset, None, kept.name, branch(number, kept)) for number, kept in enumerate(tables)]
        for number, row_id, parent_id, load_id, position, *values in self._rows(branches):
            named = dict(zip(columns, values, strict=True))
            yield KeptRow(tables[number], row_id, parent_id, load_id, int(position or 0), named)

    def statistics(self, datasets: Sequence[Dataset]) -> pa.Table:
        """Returns what the catalogue says of the tables of the datasets."""
        names = {_physical(dataset): dataset.name for dataset in datasets}
        found: dict[str, dict[str, Sequence[Any]]] = {}
        for physical_name, table_name, *sizes in self._catalogue_rows(self._catalogue.statistics, list(names)):
            if physical_name in names:
                found.setdefault(physical_name, {})[table_name] = sizes
        rows = [
            (names[physical_name], table_name, *tables[physical_table])
            for physical_name, tables in found.items()
            for physical_table, table_name in _logical_names(tables, self._dialect).items()
        ]
        columns: list[Any] = [*zip(*rows, strict=True)] or [(), (), (), ()]
        return pa.table([*columns, [self._catalogue.is_estimate] * len(rows)], schema=STATISTICS_RESULT)

    def load_ids(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yields dataset and load id of the loads from the given load id on."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            load_id = self._column(table, "load_id")
            return (
                f"select {self._dialect.literal(dataset.name)} as dataset_name, {load_id} as load_id "
                f"from {self._name(dataset, table)} where {load_id} >= {self._dialect.literal(since[dataset.name])}"
            )

        branches = _branches("loads", datasets, branch)
        yield from ((dataset_name, load_id) for dataset_name, load_id in self._rows(branches))

    def forbidden_tables(self) -> dict[str, list[str]]:
        """Returns by dataset the user tables whose rows may not be counted."""
        forbidden: dict[str, list[str]] = {}
        for dataset_name, table_name in self._catalogue_rows(self._catalogue.forbidden_tables or ""):
            forbidden.setdefault(dataset_name, []).append(table_name)
        return forbidden

    def count_rows(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[pa.Table]:
        """Yields rows by load id, nested rows through their root."""
        columns: dict[str, dict[str, dict[str, str]]] = {}
        question, physical_names = self._catalogue.user_columns, [_physical(dataset) for dataset in datasets]
        for physical_name, table_name, column_name in self._catalogue_rows(question, physical_names):
            columns.setdefault(physical_name, {}).setdefault(table_name, {})[column_name.lower()] = column_name
        branches = []
        for dataset in datasets:
            tables = columns.get(_physical(dataset), {})
            names = _logical_names(tables, self._dialect)
            for path in count_paths(tables):
                sql = self._count(dataset, path, names[path.table], since[dataset.name])
                branches.append(Branch(dataset, None, path.table, sql))
        yield from self._tables(branches, COUNT_RESULT)

    def cost(self) -> Cost:
        """Returns what reading has cost so far."""
        return self._connection.cost()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _count(self, dataset: Dataset, path: CountPath, table_name: str, since: str) -> str:
        """Returns the query that counts one table's rows by the load id of the row at the top of its chain."""
        aliases = [f"t{number}" for number in range(len(path.steps) + 1)]
        tables = [path.table, *(step.table for step in path.steps)]
        joins = "".join(
            f" join {self._qualified(dataset, step.table)} {above} on {below}."
            f"{self._connection.quote(step.link)} = {above}.{self._connection.quote(step.key)}"
            for step, below, above in zip(path.steps, aliases, aliases[1:], strict=False)
        )
        load_id = f"{aliases[-1]}.{self._connection.quote(path.load_id)}"
        return (
            f"select {self._dialect.literal(dataset.name)} as dataset_name, "
            f"{self._dialect.literal(table_name)} as table_name, {load_id} as load_id, count(*) as row_count "
            f"from {self._qualified(dataset, tables[0])} t0{joins} "
            f"where {load_id} >= {self._dialect.literal(since)} group by {load_id}"
        )

    def _rows(self, branches: Sequence[Branch]) -> Iterator[Row]:
        return self._read(branches, self._connection.rows)

    def _tables(self, branches: Sequence[Branch], schema: pa.Schema) -> Iterator[pa.Table]:
        return self._read(branches, lambda sql: self._connection.arrow(sql, schema))

    def _read(self, branches: Sequence[Branch], ask: Callable[[str], Iterator[Result]]) -> Iterator[Result]:
        return read_branches(branches, self._counted(ask), self._tell, self._dialect.max_branches)

    def _counted(self, ask: Callable[[str], Iterator[Result]]) -> Callable[[str], Iterator[Result]]:
        def asked(sql: str) -> Iterator[Result]:
            with self._counting:
                self.query_count += 1
            return ask(sql)

        return asked

    def _tell(self, branch: Branch, error: CollectionError) -> None:
        cause: Cause = "forbidden" if isinstance(error, DestinationForbiddenError) else "gone"
        message = f"table {branch.table_name} could not be read: {error}"
        problem = Problem(branch.dataset.name, branch.kind, message, cause)
        if problem not in self.problems:
            self.problems.append(problem)

    def _catalogue_rows(self, question: Question, physical_names: Sequence[str] = ()) -> Iterator[Row]:
        ask = self._counted(self._connection.rows)
        if not isinstance(question, str):
            yield from question(ask, physical_names)
        elif question:
            first, rest = _begun(ask, question)
            yield from first
            yield from rest

    def _column(self, table: SystemTable, name: str, type_name: str | None = None) -> str:
        """Returns the column as it is called in this dataset, or a null where this version of dlt has none."""
        physical = table.columns.get(name)
        return self._connection.quote(physical) if physical else f"cast(null as {type_name or self._dialect.text})"

    def _as_text(self, table: SystemTable, name: str) -> str:
        return f"cast({self._column(table, name)} as {self._dialect.text})"

    def _of_loads(self, kept: KeptTable, boundaries: Boundaries) -> str:
        loads = kept.dataset.tables["loads"]
        since = self._from(self._moment(loads, "inserted_at"), boundaries, kept.dataset)
        load_ids = f"select {self._column(loads, 'load_id')} from {self._name(kept.dataset, loads)}{since}"
        return f"{self._connection.quote(kept.columns['_dlt_load_id'])} in ({load_ids})"

    def _nested_in(self, table: SystemTable, ids: Sequence[str]) -> str:
        return f"{self._column(table, '_dlt_parent_id')} in ({', '.join(map(self._dialect.literal, ids))})"

    def _integer(self, table: SystemTable, name: str) -> str:
        return f"cast({self._column(table, name, self._dialect.integer)} as {self._dialect.integer})"

    def _moment(self, table: SystemTable, name: str) -> str:
        """Returns a time stamp; where it was stored without its zone, it is in UTC, which is the session's zone."""
        physical = table.columns.get(name)
        return f"cast({self._connection.quote(physical) if physical else 'null'} as {self._dialect.timestamp})"

    def _name(self, dataset: Dataset, table: SystemTable) -> str:
        return self._qualified(dataset, table.name)

    def _qualified(self, dataset: Dataset, table_name: str) -> str:
        if self._dialect.qualified:
            return self._dialect.qualified(_physical(dataset), table_name)
        return f"{self._connection.quote(_physical(dataset))}.{self._connection.quote(table_name)}"

    def _from(self, column: str, boundaries: Boundaries, dataset: Dataset) -> str:
        boundary = boundaries.get(dataset.name)
        # A row without a time stamp is on no side of the boundary: it is read every time.
        return f" where {column} >= {self._dialect.moment(boundary)} or {column} is null" if boundary else ""

    def _settled(self, moment: str, status: str, boundary: datetime | None, name: str) -> str:
        """Returns how many rows lie before a boundary, and the sum of their status."""
        counted, summed = "0", "0"
        if boundary is not None:
            before = f"case when {moment} < {self._dialect.moment(boundary)} then"
            counted, summed = f"{before} 1 end", f"{before} {status} end"
        return f"{self._total(counted)} as {name}_rows, {self._total(summed)} as {name}_status_sum"

    def _total(self, value: str) -> str:
        return f"cast(coalesce(sum({value}), 0) as {self._dialect.integer})"


def read_branches(
    branches: Sequence[Branch],
    ask: Callable[[str], Iterator[Result]],
    tell: Callable[[Branch, CollectionError], None],
    max_branches: int = MAX_BRANCHES,
) -> Iterator[Result]:
    """Yields what as few queries as hold all branches give.

    Args:
        branches: What is asked of each table.
        ask: Sends a query.
        tell: Is told of the tables that are gone, or may not be read; the others are read all the same.
        max_branches: Most branches of one query.
    """
    for together in _queries(branches, max_branches):
        yield from _read_together(together, ask, tell)


def _read_together(
    branches: Sequence[Branch],
    ask: Callable[[str], Iterator[Result]],
    tell: Callable[[Branch, CollectionError], None],
) -> Iterator[Result]:
    """Yields the result of one query; where a table of it cannot be read, of two halves of it.

    A warehouse names one such table at best, and refuses the query before its first row: halving finds them all.
    """
    try:
        first, rest = _begun(ask, "\nunion all ".join(branch.sql for branch in branches))
    except (TableMissingError, DestinationForbiddenError) as error:
        if len(branches) == 1:
            tell(branches[0], error)
            return
        middle = len(branches) // 2
        yield from _read_together(branches[:middle], ask, tell)
        yield from _read_together(branches[middle:], ask, tell)
        return
    yield from first
    yield from rest


@tried_again
def _begun(ask: Callable[[str], Iterator[Result]], sql: str) -> tuple[list[Result], Iterator[Result]]:
    """Sends a query, again where that fails in passing, and returns the first of its result and the rest.

    What breaks off later is not tried again: what has been yielded cannot be taken back.
    """
    result = ask(sql)
    return list(islice(result, 1)), result


def _queries(branches: Sequence[Branch], max_branches: int) -> Iterator[list[Branch]]:
    """Yields the branches that fit into one query and can be read by one."""
    ordered = sorted(branches, key=lambda branch: branch.dataset.location)
    for _, located in groupby(ordered, key=lambda branch: branch.dataset.location):
        together: list[Branch] = []
        length = 0
        for branch in located:
            if len(together) == max_branches or (together and length + len(branch.sql) > MAX_CHARACTERS):
                yield together
                together, length = [], 0
            together.append(branch)
            length += len(branch.sql) + len("\nunion all ")
        yield together


def _branches(kind: Kind, datasets: Iterable[Dataset], branch: Callable[[Dataset, SystemTable], str]) -> list[Branch]:
    found = ((dataset, dataset.tables[kind]) for dataset in datasets if kind in dataset.tables)
    return [Branch(dataset, kind, table.name, branch(dataset, table)) for dataset, table in found]


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _physical(dataset: Dataset) -> str:
    return dataset.physical_name or dataset.name


def _logical_names(physical_names: Collection[str], dialect: Dialect) -> dict[str, str]:
    """Returns the names as dlt knows them; where two would become one, they stay as they are."""
    taken = set(physical_names)
    folded = {name: dialect.logical_name(name) for name in physical_names}
    return {name: name if logical in taken else logical for name, logical in folded.items()}
