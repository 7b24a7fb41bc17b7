"""What the dataset held before this collection, and the schemas that pass on their way into it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.pipeline.exceptions import PipelineConfigMissing

from meta_pipeline.collect.batches import Batch
from meta_pipeline.collect.column_lineage import Relation
from meta_pipeline.collect.tables import SCHEMA_COLUMNS, SCHEMA_VERSION_TABLES, SCHEMA_VERSIONS

_AT_ONCE = 500


class StoredDataset:
    """The dataset of the pipeline that is running, as its last load left it."""

    def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Returns the rows of a query; none where nothing was collected yet.

        Args:
            sql: The query, with ``{name}`` for each table and ``%s`` for each value.
            values: The values.
        """
        try:
            with dlt.current.pipeline().sql_client() as client:
                names = _QualifiedNames(client.make_qualified_table_name)
                return client.execute_sql(sql.format_map(names), *values) or ()
        except (DatabaseUndefinedRelation, PipelineConfigMissing, ConfigurationException):
            return ()

    def rows_of(self, sql: str, values: Iterable[str]) -> list[Sequence[Any]]:
        """Returns the rows of a query that ends in an open list of values, some of which are sent at a time.

        Args:
            sql: The query, which ends in ``in``.
            values: The values.
        """
        found: list[Sequence[Any]] = []
        waiting = sorted(values)
        while waiting:
            some, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            found += self.rows(f"{sql} ({', '.join(['%s'] * len(some))})", *some)
        return found


class _QualifiedNames(dict[str, str]):
    def __init__(self, qualified: Any) -> None:
        super().__init__()
        self._qualified = qualified

    def __missing__(self, name: str) -> str:
        return str(self._qualified(name))


class ObservedSchemas:
    """The columns of observed tables: those that are stored, and those that this collection brings.

    Args:
        stored: The dataset before this collection.
    """

    def __init__(self, stored: StoredDataset) -> None:
        self.stored = stored
        self._passed: dict[str, list[pa.Table]] = defaultdict(list)

    @property
    def has_changed(self) -> bool:
        """Returns whether this collection brought a version of any schema."""
        return any(rows.num_rows for rows in self._passed[SCHEMA_VERSIONS.name])

    def notice(self, batch: Batch) -> Batch:
        """Returns a batch that passes, after a look at it."""
        if batch.table in (SCHEMA_VERSIONS, SCHEMA_VERSION_TABLES, SCHEMA_COLUMNS):
            self._passed[batch.table.name].append(batch.rows)
        return batch

    def columns(self, names: Collection[str]) -> dict[Relation, list[str]]:
        """Returns the columns of the tables in some datasets, in lower case, by dataset and table.

        Datasets of one name, on several destinations, count as one: their tables have the columns of all.

        Args:
            names: Names that datasets of interest may have, in lower case.
        """
        versions = self._newest_versions(names)
        tables: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for version_hash, table_name, table_hash in self._version_tables(versions):
            tables[table_hash] += [(dataset, table_name) for dataset in versions[version_hash]]
        found: dict[Relation, list[str]] = defaultdict(list)
        rows = self._columns(tables)
        for table_hash, _, column_name in sorted(rows, key=lambda row: (row[0], row[1])):
            for dataset, table_name in tables[table_hash]:
                found[Relation("", dataset, table_name.lower())].append(column_name.lower())
        return {relation: list(dict.fromkeys(columns)) for relation, columns in found.items()}

    def _newest_versions(self, names: Collection[str]) -> Mapping[str, Collection[str]]:
        """Returns the versions that no other one descends from, with the datasets that have them."""
        listed = self.stored.rows("select distinct dataset_name from {schema_versions}")
        known = {str(name) for (name,) in listed if str(name).lower() in names}
        columns = ("destination_name", "dataset_name", "schema_name", "version_hash", "parent_hash")
        rows = self.stored.rows_of(f"select {', '.join(columns)} from {{schema_versions}} where dataset_name in", known)
        rows += [row for row in self._rows(SCHEMA_VERSIONS.name, columns) if str(row[1]).lower() in names]
        parents = {(*row[:3], row[4]) for row in rows if row[4] != row[3]}
        found: dict[str, set[str]] = defaultdict(set)
        for destination, dataset, schema, version_hash, _ in rows:
            if (destination, dataset, schema, version_hash) not in parents:
                found[version_hash].add(dataset.lower())
        return found

    def _version_tables(self, versions: Collection[str]) -> set[tuple[str, str, str]]:
        columns = ("version_hash", "table_name", "table_hash")
        rows = self.stored.rows_of(
            f"select {', '.join(columns)} from {{schema_version_tables}} where version_hash in", versions
        )
        rows += [row for row in self._rows(SCHEMA_VERSION_TABLES.name, columns) if row[0] in versions]
        return {(str(row[0]), str(row[1]), str(row[2])) for row in rows}

    def _columns(self, tables: Collection[str]) -> set[tuple[str, int, str]]:
        columns = ("table_hash", "ordinal_position", "column_name", "data_type")
        rows = self.stored.rows_of(f"select {', '.join(columns)} from {{schema_columns}} where table_hash in", tables)
        rows += [row for row in self._rows(SCHEMA_COLUMNS.name, columns) if row[0] in tables]
        # A column without a type is not in the table.
        return {(str(row[0]), int(row[1]), str(row[2])) for row in rows if row[3]}

    def _rows(self, table: str, columns: Sequence[str]) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = []
        for rows in self._passed[table]:
            found += zip(*(rows.column(name).to_pylist() for name in columns), strict=True)
        return found
