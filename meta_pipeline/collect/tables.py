"""The raw tables of the observability dataset: what each row stands for, its key and its columns.

This is the one place where a raw table is defined. The dlt resources take their hints from here, the dbt project
declares the same tables as sources, and ``docs/dataset.md`` describes them for readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

if TYPE_CHECKING:
    from dlt.common.data_types import TDataType
    from dlt.common.schema.typing import TColumnSchema

Strategy = Literal["delete-insert", "insert-only"]

TEXT = pa.string()
INTEGER = pa.int64()
NUMBER = pa.float64()
BOOLEAN = pa.bool_()
TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Column:
    """A column of a raw table.

    Args:
        name: The column's name.
        type: Its Arrow type; every time stamp is in UTC.
        description: What it holds, in one sentence.
    """

    name: str
    type: pa.DataType
    description: str


@dataclass(frozen=True)
class RawTable:
    """A raw table of the observability dataset.

    Args:
        name: The table's name.
        description: What one row stands for ("One row per ...").
        key: The columns that identify a row; a row read again replaces or keeps the stored one.
        strategy: ``delete-insert`` lets the row read last win, ``insert-only`` lets the first one stand.
        columns: All columns, the key included.
        is_marked_with_load: Whether rows also carry dlt's `_dlt_load_id` of the collection.
    """

    name: str
    description: str
    key: tuple[str, ...]
    strategy: Strategy
    columns: tuple[Column, ...]
    is_marked_with_load: bool = False

    @property
    def arrow_schema(self) -> pa.Schema:
        """Returns the Arrow schema that every batch of this table has."""
        return pa.schema(
            [pa.field(column.name, column.type, nullable=column.name not in self.key) for column in self.columns]
        )


_DLT_TYPES: dict[pa.DataType, TDataType] = {
    TEXT: "text",
    INTEGER: "bigint",
    NUMBER: "double",
    BOOLEAN: "bool",
    TIMESTAMP: "timestamp",
}


def column_hints(table: RawTable) -> list[TColumnSchema]:
    """Returns the columns of a raw table as dlt wants them.

    Args:
        table: The raw table.
    """
    return [
        {
            "name": column.name,
            "data_type": _DLT_TYPES[column.type],
            "nullable": column.name not in table.key,
            "description": column.description,
        }
        for column in table.columns
    ]


_DESTINATION = Column("destination_name", TEXT, "Name of the dlt destination that was read.")
_DATASET = Column("dataset_name", TEXT, "Name of the dataset (schema, folder) within the destination.")
_COLLECTED = Column("collected_at", TIMESTAMP, "Start of the collection that wrote this row last.")
_LOAD_ID = Column("load_id", TEXT, "dlt's load id: the unix time, in seconds, at which the load package was created.")
_PIPELINE = Column("pipeline_name", TEXT, "Name of the observed dlt pipeline.")
_SCHEMA = Column("schema_name", TEXT, "Name of the dlt schema.")
_VERSION_HASH = Column("version_hash", TEXT, "dlt's hash of the schema's content.")
_TABLE_HASH = Column("table_hash", TEXT, "Hash of this table's definition.")
_TABLE = Column("table_name", TEXT, "Name of the table, as normalized by dlt.")

LOADS = RawTable(
    "loads",
    "One row per committed load of an observed dataset.",
    ("destination_name", "dataset_name", "load_id"),
    "delete-insert",
    (
        _DESTINATION,
        _DATASET,
        _LOAD_ID,
        _SCHEMA,
        Column("status", INTEGER, "Status as read last: 0 loaded, higher where transformations advanced it."),
        Column("inserted_at", TIMESTAMP, "Time of the commit."),
        Column("schema_version_hash", TEXT, "Hash of the schema version used; null before dlt 0.3.6."),
        _COLLECTED,
    ),
)

COUNTED_LOADS = RawTable(
    "counted_loads",
    'One row per load whose rows were counted in the user tables (`row_counts = "scan"`).',
    ("destination_name", "dataset_name", "load_id"),
    "insert-only",
    (_DESTINATION, _DATASET, _LOAD_ID, Column("counted_at", TIMESTAMP, "When its rows were counted."), _COLLECTED),
)

ROW_COUNTS = RawTable(
    "row_counts",
    "One row per load and table in which rows with that load id were found. Rows are counted once, when the load is "
    "first seen committed; rows of a load that is not committed are counted again until it is.",
    ("destination_name", "dataset_name", "load_id", "table_name"),
    "delete-insert",
    (
        _DESTINATION,
        _DATASET,
        _LOAD_ID,
        _TABLE,
        Column("row_count", INTEGER, "Rows that carry the load id, nested rows through their root."),
        Column("counted_at", TIMESTAMP, "When they were counted."),
        _COLLECTED,
    ),
)

PIPELINE_STATES = RawTable(
    "pipeline_states",
    "One row per stored state of a pipeline; dlt stores one only when the state changed.",
    ("destination_name", "dataset_name", "pipeline_name", "load_id"),
    "delete-insert",
    (
        _DESTINATION,
        _DATASET,
        _PIPELINE,
        Column("load_id", TEXT, "Load package that carried the state."),
        Column("version", INTEGER, "Version of the state, as dlt counts it."),
        Column("engine_version", INTEGER, "Version of dlt's state format as stored."),
        Column("version_hash", TEXT, "dlt's hash of the state; null before dlt 0.4.1."),
        Column("default_schema_name", TEXT, "The pipeline's default schema."),
        Column("schema_names", TEXT, "JSON list of the pipeline's schemas."),
        Column("created_at", TIMESTAMP, "When the state was created."),
        _COLLECTED,
    ),
)

PIPELINE_SCHEMAS = RawTable(
    "pipeline_schemas",
    "One row per stored state of a pipeline and schema that the state lists.",
    ("destination_name", "dataset_name", "pipeline_name", "load_id", "schema_name"),
    "delete-insert",
    (
        _DESTINATION,
        _DATASET,
        _PIPELINE,
        _LOAD_ID,
        _SCHEMA,
        Column("created_at", TIMESTAMP, "When the state was created."),
        _COLLECTED,
    ),
)

PIPELINE_CURSORS = RawTable(
    "pipeline_cursors",
    "One row per stored state of a pipeline and incremental cursor in it.",
    ("destination_name", "dataset_name", "pipeline_name", "load_id", "source_name", "resource_name", "cursor_path"),
    "delete-insert",
    (
        _DESTINATION,
        _DATASET,
        _PIPELINE,
        _LOAD_ID,
        Column("source_name", TEXT, "Name of the dlt source."),
        Column("resource_name", TEXT, "Name of the dlt resource."),
        Column("cursor_path", TEXT, "JSON path of the cursor in the resource's items."),
        Column("initial_value", TEXT, "Value the cursor started from."),
        Column("last_value", TEXT, "Value the cursor had reached; time stamps in ISO 8601."),
        Column("last_value_number", NUMBER, "The value as a number (time stamps as unix time); null where it is text."),
        Column("unique_hash_count", INTEGER, "How many hashes dlt keeps to deduplicate at the cursor."),
        Column("created_at", TIMESTAMP, "When the state was created."),
        _COLLECTED,
    ),
)

SCHEMA_VERSIONS = RawTable(
    "schema_versions",
    "One row per schema version stored in an observed dataset; of one that is dropped and stored again, the first time "
    "stands.",
    ("destination_name", "dataset_name", "schema_name", "version_hash"),
    "insert-only",
    (
        _DESTINATION,
        _DATASET,
        _SCHEMA,
        _VERSION_HASH,
        Column("parent_hash", TEXT, "Version that this one is compared with; null for the first one of its line."),
        Column(
            "parent_method",
            TEXT,
            "How the parent is known: `previous_hash` (named by the version), `order` (the one before, in formats that "
            "name none), `branch` (another line of versions in the same dataset), `none` (first version).",
        ),
        Column("version", INTEGER, "Version number; it repeats across branches."),
        Column("engine_version", INTEGER, "Version of dlt's schema format."),
        Column("inserted_at", TIMESTAMP, "When dlt stored the version."),
        _COLLECTED,
    ),
)

SCHEMA_VERSION_TABLES = RawTable(
    "schema_version_tables",
    "One row per schema version and table in it; a version that stands in many datasets is stored once.",
    ("version_hash", "table_name"),
    "insert-only",
    (
        _VERSION_HASH,
        _TABLE,
        _TABLE_HASH,
        Column("root_table", TEXT, "The table at the top of a nested table's chain of parents; else the table itself."),
        _COLLECTED,
    ),
)

SCHEMA_TABLES = RawTable(
    "schema_tables",
    "One row per distinct table definition.",
    ("table_hash",),
    "insert-only",
    (
        _TABLE_HASH,
        _TABLE,
        Column("parent_table", TEXT, "Table that this one is nested in."),
        Column("resource_name", TEXT, "dlt resource that fills the table; null on nested tables."),
        Column("write_disposition", TEXT, "append, replace, merge or skip; null on nested tables."),
        Column("description", TEXT, "Description in the schema."),
        Column("has_seen_data", BOOLEAN, "Whether dlt has marked the table as having received data."),
        Column("hints", TEXT, "JSON object of the table's other hints."),
        _COLLECTED,
    ),
)

SCHEMA_COLUMNS = RawTable(
    "schema_columns",
    "One row per distinct table definition and column.",
    ("table_hash", "column_name"),
    "insert-only",
    (
        _TABLE_HASH,
        Column("column_name", TEXT, "Name of the column, as normalized by dlt."),
        Column("ordinal_position", INTEGER, "Place of the column in the schema, from 1."),
        Column("data_type", TEXT, "dlt data type; null on a column that has not seen data."),
        Column("is_nullable", BOOLEAN, "Whether the column may be null."),
        Column("description", TEXT, "Description in the schema."),
        Column("hints", TEXT, "JSON object of the column's other hints, `x-annotation-...` among them."),
        _COLLECTED,
    ),
)

SCHEMA_REFERENCES = RawTable(
    "schema_references",
    "One row per distinct table definition and reference to another table.",
    ("table_hash", "ordinal_position"),
    "insert-only",
    (
        _TABLE_HASH,
        Column("ordinal_position", INTEGER, "Place of the reference in the table's list, from 1."),
        Column("referenced_table", TEXT, "Table that is referred to."),
        Column("columns", TEXT, "JSON list of the referring columns."),
        Column("referenced_columns", TEXT, "JSON list of the columns referred to, in the same order."),
        _COLLECTED,
    ),
)

SCHEMA_CHANGES = RawTable(
    "schema_changes",
    "One row per difference between a schema version and its parent; stored once for all datasets that took the step.",
    ("change_id",),
    "insert-only",
    (
        Column("change_id", TEXT, "Hash of what identifies the change."),
        _VERSION_HASH,
        Column("parent_hash", TEXT, "The version before; null where the version is the first one of its line."),
        Column(
            "change_type",
            TEXT,
            "`schema_added`, `schema_branched`, `table_added`, `table_removed`, `table_hint_changed`, `column_added`, "
            "`column_removed`, `data_type_changed`, `nullability_changed`, `column_hint_changed`.",
        ),
        Column("table_name", TEXT, "Table concerned; null where the schema as a whole is."),
        Column("column_name", TEXT, "Column concerned; null where the table as a whole is."),
        Column("hint_name", TEXT, "Hint concerned, for the two `_hint_changed` types."),
        Column("old_value", TEXT, "Value before."),
        Column("new_value", TEXT, "Value after."),
        _COLLECTED,
    ),
)

EXPORTED_SCHEMAS = RawTable(
    "exported_schemas",
    "One row per exported schema file and content that it had.",
    ("file_name", "version_hash"),
    "delete-insert",
    (
        Column("file_name", TEXT, "File's path: its folder, as configured, and its place below it."),
        _SCHEMA,
        Column("version_hash", TEXT, "dlt's hash of the content as it is in the file."),
        Column("version", INTEGER, "Version number in the file."),
        Column("engine_version", INTEGER, "Version of dlt's schema format in the file."),
        _COLLECTED,
    ),
)

TABLE_STATISTICS = RawTable(
    "table_statistics",
    "One row per table and collection at which the statistics of its dataset differed from the ones before.",
    ("destination_name", "dataset_name", "table_name", "collected_at"),
    "delete-insert",
    (
        _DESTINATION,
        _DATASET,
        Column("table_name", TEXT, "Name of the table in the warehouse."),
        Column("row_count", INTEGER, "Rows by the warehouse's catalogue; null where it does not say."),
        Column("byte_count", INTEGER, "Bytes by the warehouse's catalogue; null where it does not say."),
        Column("is_estimate", BOOLEAN, "Whether the catalogue only estimates the rows."),
        _COLLECTED,
    ),
)

COVERAGE = RawTable(
    "coverage",
    "One row per destination, dataset and unbroken stretch of collections with the same outcome.",
    ("coverage_id",),
    "delete-insert",
    (
        Column("coverage_id", TEXT, "Hash of destination, dataset and start of the stretch."),
        _DESTINATION,
        Column("destination_type", TEXT, "dlt's type of the destination (duckdb, postgres, filesystem, ...)."),
        Column(
            "dataset_name",
            TEXT,
            "Dataset; null where none is known: the destination could not be listed, or holds none to read.",
        ),
        Column(
            "outcome",
            TEXT,
            "`complete`, `partial` (some record could not be read), `unreachable`, `locked`, `forbidden`, "
            "`over_budget` (reading on would have cost more than is allowed), `misconfigured`, `missing` (known from "
            "before, no longer there), `excluded` (known from before, now left out by the configuration), `dev_mode` "
            "(a developer's leftover: counted, not read).",
        ),
        Column("error", TEXT, "What went wrong, where, and what to do next; null where the outcome is complete."),
        Column("schemas_seen", INTEGER, "Schemas known in the dataset; null where it could not be read."),
        Column("since", TIMESTAMP, "First collection of the stretch."),
        _COLLECTED,
    ),
    is_marked_with_load=True,
)

COLLECTIONS = RawTable(
    "collections",
    "One row per collection and destination.",
    ("destination_name", "collected_at"),
    "delete-insert",
    (
        _DESTINATION,
        Column("destination_type", TEXT, "dlt's type of the destination."),
        Column("outcome", TEXT, "Worst outcome of the destination's datasets, or of the destination itself."),
        Column("error", TEXT, "What went wrong with the destination as a whole; null where nothing did."),
        Column("dataset_count", INTEGER, "Datasets found."),
        Column("query_count", INTEGER, "Queries (file listings and reads where there is no SQL) that were sent."),
        Column("row_count", INTEGER, "Rows that were read."),
        Column("bytes_scanned", INTEGER, "Bytes that the queries read; null where the warehouse does not tell."),
        Column(
            "bytes_billed", INTEGER, "Bytes that were charged for; null where the warehouse does not bill by bytes."
        ),
        Column("duration_seconds", NUMBER, "How long the reading took."),
        _COLLECTED,
    ),
    is_marked_with_load=True,
)

RAW_TABLES: tuple[RawTable, ...] = (
    LOADS,
    COUNTED_LOADS,
    ROW_COUNTS,
    PIPELINE_STATES,
    PIPELINE_SCHEMAS,
    PIPELINE_CURSORS,
    SCHEMA_VERSIONS,
    SCHEMA_VERSION_TABLES,
    SCHEMA_TABLES,
    SCHEMA_COLUMNS,
    SCHEMA_REFERENCES,
    SCHEMA_CHANGES,
    EXPORTED_SCHEMAS,
    TABLE_STATISTICS,
    COVERAGE,
    COLLECTIONS,
)
