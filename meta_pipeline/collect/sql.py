"""Reads dlt's system tables from a destination that speaks SQL: one query per kind of table for all datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from meta_pipeline.collect.nesting import LINK_COLUMNS, CountPath, count_paths
from meta_pipeline.collect.warehouse import (
    COUNT_RESULT,
    LOAD_RESULT,
    STATISTICS_RESULT,
    SYSTEM_TABLES,
    Boundaries,
    Dataset,
    Kind,
    Problem,
    StoredState,
    StoredVersion,
    Summary,
    SystemTable,
)

MAX_BRANCHES = 1_000
"""Most branches of one UNION ALL; above, planning (quadratic in DuckDB) costs more than a second query."""


def text_literal(value: str) -> str:
    """Returns a string as an SQL literal (standard quoting, which leaves backslashes alone)."""
    return "'" + value.replace("'", "''") + "'"


SYSTEM_NAMES = ", ".join(text_literal(name) for name in SYSTEM_TABLES.values())
"""dlt's system tables, as a catalogue query lists them."""

LINK_NAMES = ", ".join(text_literal(name) for name in LINK_COLUMNS)
"""The columns that link rows to loads, as a catalogue query lists them."""


class SqlConnection(Protocol):
    """A read-only connection to a warehouse."""

    destination_type: str

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query in batches of a schema."""

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query; no more of them than needed are in memory."""

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""

    def close(self) -> None:
        """Closes the connection."""


@dataclass(frozen=True)
class Catalogue:
    """The queries that each family of warehouses words in its own way.

    Args:
        system_columns: dataset_name, table_name, column_name, is_readable of all tables whose lower-case name is one of
            dlt's system tables.
        statistics: dataset_name, table_name, row_count, byte_count of all tables.
        user_columns: dataset_name, table_name, column_name of all columns that link rows to loads.
        forbidden_tables: dataset_name, table_name of the user tables whose rows may not be counted; None in a family
            that has no rights of its own.
        is_estimate: Whether ``statistics`` only estimates the rows.
    """

    system_columns: str
    statistics: str
    user_columns: str
    is_estimate: bool
    forbidden_tables: str | None = None


class SqlWarehouse:
    """A warehouse behind a SQL connection.

    Args:
        connection: The open connection.
        catalogue: The catalogue queries of its family.
    """

    def __init__(self, connection: SqlConnection, catalogue: Catalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self.destination_type = connection.destination_type
        self.query_count = 0
        self.problems: list[Problem] = []

    def discover(self) -> list[Dataset]:
        """Returns every dataset that holds a loads table, sorted by name."""
        kinds = {name: kind for kind, name in SYSTEM_TABLES.items()}
        found: dict[str, dict[Kind, tuple[str, dict[str, str], bool]]] = {}
        for dataset_name, table_name, column_name, is_readable in self._catalogue_rows(self._catalogue.system_columns):
            kind = kinds[table_name.lower()]
            _, columns, _ = found.setdefault(dataset_name, {}).setdefault(kind, (table_name, {}, bool(is_readable)))
            columns[column_name.lower()] = column_name
        return [
            Dataset(name, {kind: SystemTable(*parts) for kind, parts in tables.items()})
            for name, tables in sorted(found.items())
            if "loads" in tables
        ]

    def summarize(
        self, kind: Kind, datasets: Sequence[Dataset], boundaries: Boundaries, next_boundaries: Boundaries
    ) -> dict[str, Summary]:
        """Returns by dataset what a system table holds at one moment; datasets without the table are left out."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            moment = self._column(table, "created_at" if kind == "states" else "inserted_at", "timestamp")
            status = self._column(table, "status", "bigint") if kind == "loads" else "0"
            settled = (_settled(moment, status, asked.get(dataset.name)) for asked in (boundaries, next_boundaries))
            return (
                f"select {text_literal(dataset.name)} as dataset_name, count(*) as row_count, "
                f"max({moment}) as last_at, {_total(status)} as status_sum, {', '.join(settled)} "
                f"from {self._name(dataset, table)}"
            )

        queries = self._queries(_branches(kind, datasets, branch))
        return {name: Summary(*values) for query in queries for name, *values in self._connection.rows(query)}

    def loads(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[pa.Table]:
        """Yields loads, each load id once per dataset even where a crash left it twice."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            inserted_at = self._column(table, "inserted_at", "timestamp")
            return (
                f"select {text_literal(dataset.name)} as dataset_name, {self._column(table, 'load_id')} as load_id, "
                f"min({self._column(table, 'schema_name')}) as schema_name, "
                f"max(cast({self._column(table, 'status', 'bigint')} as bigint)) as status, "
                f"min({inserted_at}) as inserted_at, "
                f"max({self._column(table, 'schema_version_hash')}) as schema_version_hash "
                f"from {self._name(dataset, table)}{_from(inserted_at, boundaries, dataset)} "
                f"group by {self._column(table, 'load_id')}"
            )

        for query in self._queries(_branches("loads", datasets, branch)):
            yield from self._connection.arrow(query, LOAD_RESULT)

    def versions(self, datasets: Sequence[Dataset]) -> Iterator[StoredVersion]:
        """Yields the stored schema versions, each once per dataset and schema."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            schema_name, version_hash = self._column(table, "schema_name"), self._column(table, "version_hash")
            return (
                f"select {text_literal(dataset.name)} as dataset_name, {schema_name} as schema_name, "
                f"{version_hash} as version_hash, "
                f"max(cast({self._column(table, 'version', 'bigint')} as bigint)) as version, "
                f"max(cast({self._column(table, 'engine_version', 'bigint')} as bigint)) as engine_version, "
                f"min({self._column(table, 'inserted_at', 'timestamp')}) as inserted_at "
                f"from {self._name(dataset, table)} group by {schema_name}, {version_hash}"
            )

        for query in self._queries(_branches("versions", datasets, branch)):
            yield from (StoredVersion(*row) for row in self._connection.rows(query))

    def contents(
        self, datasets: Sequence[Dataset], wanted: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[str, str | None]]:
        """Yields version hash and stored schema of the versions wanted by dataset."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            version_hash = self._column(table, "version_hash")
            hashes = ", ".join(text_literal(item) for item in wanted[dataset.name])
            return (
                f"select {version_hash} as version_hash, {self._column(table, 'schema')} as content "
                f"from {self._name(dataset, table)} where {version_hash} in ({hashes})"
            )

        asked = [dataset for dataset in datasets if wanted.get(dataset.name)]
        for query in self._queries(_branches("versions", asked, branch)):
            yield from ((version_hash, content) for version_hash, content in self._connection.rows(query))

    def states(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[StoredState]:
        """Yields stored states."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            created_at = self._column(table, "created_at", "timestamp")
            return (
                f"select {text_literal(dataset.name)} as dataset_name, "
                f"{self._column(table, 'pipeline_name')} as pipeline_name, "
                f"{self._column(table, '_dlt_load_id')} as load_id, "
                f"cast({self._column(table, 'version', 'bigint')} as bigint) as version, "
                f"cast({self._column(table, 'engine_version', 'bigint')} as bigint) as engine_version, "
                f"{self._column(table, 'version_hash')} as version_hash, {created_at} as created_at, "
                f"{self._column(table, 'state')} as state "
                f"from {self._name(dataset, table)}{_from(created_at, boundaries, dataset)}"
            )

        for query in self._queries(_branches("states", datasets, branch)):
            yield from (StoredState(*row) for row in self._connection.rows(query))

    def statistics(self, datasets: Sequence[Dataset]) -> pa.Table:
        """Returns what the catalogue says of the tables of the datasets."""
        names = {dataset.name for dataset in datasets}
        rows = [row for row in self._catalogue_rows(self._catalogue.statistics) if row[0] in names]
        columns: list[Any] = [*zip(*rows, strict=True)] or [(), (), (), ()]
        return pa.table([*columns, [self._catalogue.is_estimate] * len(rows)], schema=STATISTICS_RESULT)

    def load_ids(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yields dataset and load id of the loads from the given load id on."""

        def branch(dataset: Dataset, table: SystemTable) -> str:
            load_id = self._column(table, "load_id")
            return (
                f"select {text_literal(dataset.name)} as dataset_name, {load_id} as load_id "
                f"from {self._name(dataset, table)} where {load_id} >= {text_literal(since[dataset.name])}"
            )

        for query in self._queries(_branches("loads", datasets, branch)):
            yield from ((dataset_name, load_id) for dataset_name, load_id in self._connection.rows(query))

    def forbidden_tables(self) -> dict[str, list[str]]:
        """Returns by dataset the user tables whose rows may not be counted."""
        forbidden: dict[str, list[str]] = {}
        for dataset_name, table_name in self._catalogue_rows(self._catalogue.forbidden_tables or ""):
            forbidden.setdefault(dataset_name, []).append(table_name)
        return forbidden

    def count_rows(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[pa.Table]:
        """Yields rows by load id, nested rows through their root."""
        columns: dict[str, dict[str, dict[str, str]]] = {}
        for dataset_name, table_name, column_name in self._catalogue_rows(self._catalogue.user_columns):
            columns.setdefault(dataset_name, {}).setdefault(table_name, {})[column_name.lower()] = column_name
        branches = [
            self._count(dataset.name, path, since[dataset.name])
            for dataset in datasets
            for path in count_paths(columns.get(dataset.name, {}))
        ]
        for query in self._queries(branches):
            yield from self._connection.arrow(query, COUNT_RESULT)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _count(self, dataset_name: str, path: CountPath, since: str) -> str:
        """Returns the query that counts one table's rows by the load id of the row at the top of its chain."""
        schema = self._connection.quote(dataset_name)
        aliases = [f"t{number}" for number in range(len(path.steps) + 1)]
        tables = [path.table, *(step.table for step in path.steps)]
        joins = "".join(
            f" join {schema}.{self._connection.quote(step.table)} {above} on {below}."
            f"{self._connection.quote(step.link)} = {above}.{self._connection.quote(step.key)}"
            for step, below, above in zip(path.steps, aliases, aliases[1:], strict=False)
        )
        load_id = f"{aliases[-1]}.{self._connection.quote(path.load_id)}"
        return (
            f"select {text_literal(dataset_name)} as dataset_name, {text_literal(path.table)} as table_name, "
            f"{load_id} as load_id, count(*) as row_count from {schema}.{self._connection.quote(tables[0])} t0{joins} "
            f"where {load_id} >= {text_literal(since)} group by {load_id}"
        )

    def _queries(self, branches: Sequence[str]) -> Iterator[str]:
        """Yields as few queries as hold all branches, counting them."""
        for start in range(0, len(branches), MAX_BRANCHES):
            self.query_count += 1
            yield "\nunion all ".join(branches[start : start + MAX_BRANCHES])

    def _catalogue_rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        for query in self._queries([sql] if sql else []):
            yield from self._connection.rows(query)

    def _column(self, table: SystemTable, name: str, type_name: str = "varchar") -> str:
        """Returns the column as it is called in this dataset, or a null where this version of dlt has none."""
        physical = table.columns.get(name)
        if type_name == "timestamp":
            # Where a time stamp was stored without its zone, it is in UTC, which is the session's zone.
            return f"cast({self._connection.quote(physical) if physical else 'null'} as timestamp with time zone)"
        return self._connection.quote(physical) if physical else f"cast(null as {type_name})"

    def _name(self, dataset: Dataset, table: SystemTable) -> str:
        return f"{self._connection.quote(dataset.name)}.{self._connection.quote(table.name)}"


def timestamp_literal(value: datetime) -> str:
    """Returns a UTC time stamp as an SQL literal."""
    return f"cast('{value.isoformat()}' as timestamp with time zone)"


def _from(column: str, boundaries: Boundaries, dataset: Dataset) -> str:
    boundary = boundaries.get(dataset.name)
    # A row without a time stamp is on no side of the boundary: it is read every time.
    return f" where {column} >= {timestamp_literal(boundary)} or {column} is null" if boundary else ""


def _settled(moment: str, status: str, boundary: datetime | None) -> str:
    """Returns how many rows lie before a boundary, and the sum of their status."""
    if boundary is None:
        return f"{_total('0')}, {_total('0')}"
    before = f"case when {moment} < {timestamp_literal(boundary)} then"
    return f"{_total(f'{before} 1 end')}, {_total(f'{before} {status} end')}"


def _total(value: str) -> str:
    return f"cast(coalesce(sum({value}), 0) as bigint)"


def _branches(kind: Kind, datasets: Iterable[Dataset], branch: Callable[[Dataset, SystemTable], str]) -> list[str]:
    return [branch(dataset, dataset.tables[kind]) for dataset in datasets if kind in dataset.tables]
