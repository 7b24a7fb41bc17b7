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

_CAPTURE = Column("capture_id", TEXT, "The capture: name of its file, or hash of the row or folder it was found in.")
_STEP_NUMBER = Column("step_number", INTEGER, "Place of the step in the trace, from 1.")
_ORDINAL = Column("ordinal_position", INTEGER, "Place in the step's list, from 1.")
_STEP_LOAD_ID = Column("load_id", TEXT, "Load package concerned; null where dlt does not tell.")
_PLACES = (
    _CAPTURE,
    _STEP_NUMBER,
    _ORDINAL,
    _STEP_LOAD_ID,
    Column("resource_name", TEXT, "dlt resource that read or was loaded."),
    Column("location_kind", TEXT, "What the place is, in dlt's words: `dataset`, `database`, `filesystem`, `api` ..."),
    Column("location", TEXT, "Its address without user, password and query string."),
    Column("destination_name", TEXT, "Name of the dlt destination there, as the pipeline knows it."),
    Column("destination_type", TEXT, "dlt's type of it; a module's full name where it is not one of dlt's."),
    Column("dataset_name", TEXT, "Dataset, as the pipeline names it."),
    Column("physical_dataset_name", TEXT, "Dataset, as the warehouse names it."),
    Column("database_name", TEXT, "Database of the place."),
    Column("database_schema", TEXT, "Schema in the database."),
    Column("table_name", TEXT, "Table there; null where the row is about an endpoint, or nothing is told."),
    Column("endpoint", TEXT, "Endpoint there; null where the row is about a table."),
    _COLLECTED,
)

CAPTURED_RUNS = RawTable(
    "captured_runs",
    "One row per capture: the start or the end of a call to run, extract, normalize or load, as one way of capturing "
    "saw it. Captures of one call have the same transaction_id.",
    ("capture_id",),
    "delete-insert",
    (
        _CAPTURE,
        Column(
            "captured_by",
            TEXT,
            "`plugin`, `receiver`, `working_folder`, `trace_table` or `load_info_table`, from the one that tells most "
            "to the one that tells least.",
        ),
        Column("event", TEXT, "`start` or `end`; a transaction without an end was killed, or has not ended yet."),
        Column(
            "transaction_id",
            TEXT,
            "dlt's id of the call; of a `load_info_table`, which has none, the capture's own id.",
        ),
        Column("called_step", TEXT, "What was called: `run`, `extract`, `normalize` or `load`; null where not told."),
        Column("captured_at", TIMESTAMP, "When it was captured."),
        _PIPELINE,
        Column("started_at", TIMESTAMP, "When the call began."),
        Column("finished_at", TIMESTAMP, "When the call ended; null in a start."),
        Column(
            "outcome",
            TEXT,
            "`succeeded`, `empty`, `with_failed_jobs`, `failed` or `interrupted`; null in a start.",
        ),
        Column("destination_name", TEXT, "Name of the dlt destination, as the pipeline knows it."),
        Column("destination_type", TEXT, "dlt's type of it; a module's full name where it is not one of dlt's."),
        Column("dataset_name", TEXT, "Dataset, as the pipeline names it."),
        Column("orchestrator", TEXT, "What ran the pipeline (github_actions, airflow, ...); null where not known."),
        Column("run_url", TEXT, "Page of the run at the orchestrator."),
        Column("orchestrator_run_id", TEXT, "The orchestrator's id of the run."),
        Column("attempt", INTEGER, "The orchestrator's count of attempts, from 1."),
        Column("job_name", TEXT, "The orchestrator's name of what it ran."),
        Column("exec_info", TEXT, "JSON list of dlt's names of the environment."),
        Column("dlt_version", TEXT, "Version of dlt."),
        Column("python_version", TEXT, "Version of Python."),
        Column("os_name", TEXT, "Operating system."),
        Column("found_destination_name", TEXT, "Destination in whose tables it was found; null elsewhere."),
        Column("found_dataset_name", TEXT, "Dataset in whose tables it was found; null elsewhere."),
        _COLLECTED,
    ),
)

RUN_STEPS = RawTable(
    "run_steps",
    "One row per capture and step in its trace.",
    ("capture_id", "step_number"),
    "delete-insert",
    (
        _CAPTURE,
        _STEP_NUMBER,
        Column("step_name", TEXT, "`extract`, `normalize` or `load`; `run` or `sync` only where it failed."),
        Column("started_at", TIMESTAMP, "When the step began."),
        Column("finished_at", TIMESTAMP, "When the step ended; null where it was cut off."),
        Column("is_first_run", BOOLEAN, "Whether the pipeline had never loaded before."),
        _COLLECTED,
    ),
)

RUN_PACKAGES = RawTable(
    "run_packages",
    "One row per capture, step and load package that the step worked on; calls made step by step, each with a "
    "transaction_id of its own, have the load id in common.",
    ("capture_id", "step_number", "load_id"),
    "delete-insert",
    (
        _CAPTURE,
        _STEP_NUMBER,
        _LOAD_ID,
        Column("package_state", TEXT, "`new`, `extracted`, `normalized`, `loaded` or `aborted`, after the step."),
        Column("completed_at", TIMESTAMP, "When the package was loaded or aborted."),
        _SCHEMA,
        Column("schema_version_hash", TEXT, "Hash of the schema version used."),
        Column("refresh", TEXT, "What was dropped before: `drop_sources`, `drop_resources`, `drop_data` or null."),
        _COLLECTED,
    ),
)

RUN_JOBS = RawTable(
    "run_jobs",
    "One row per capture, step, load package and job (file) in it.",
    ("capture_id", "step_number", "load_id", "job_id"),
    "delete-insert",
    (
        _CAPTURE,
        _STEP_NUMBER,
        _LOAD_ID,
        Column("job_id", TEXT, "dlt's id of the job: the name of its file."),
        _TABLE,
        Column("file_format", TEXT, "Format of its file."),
        Column("job_state", TEXT, "`new_jobs`, `started_jobs`, `completed_jobs` or `failed_jobs`, after the step."),
        Column("failed_message", TEXT, "Why it failed, redacted; null where it did not."),
        Column("row_count", INTEGER, "Items in its file (extract and normalize)."),
        Column("byte_count", INTEGER, "Size of its file."),
        Column("retry_count", INTEGER, "How often it was tried again."),
        Column("created_at", TIMESTAMP, "When its file was made."),
        Column("started_at", TIMESTAMP, "When loading it began (load)."),
        Column("finished_at", TIMESTAMP, "When loading it ended (load)."),
        Column("elapsed_seconds", NUMBER, "From its creation to its end."),
        _COLLECTED,
    ),
)

RUN_TABLE_METRICS = RawTable(
    "run_table_metrics",
    "One row per capture, step (extract, normalize), load package and table. Normalize's counts are the rows that are "
    "loaded, before a merge; dlt's own tables are among them.",
    ("capture_id", "step_number", "load_id", "table_name"),
    "delete-insert",
    (
        _CAPTURE,
        _STEP_NUMBER,
        _LOAD_ID,
        _TABLE,
        Column("row_count", INTEGER, "Items that were extracted, or rows that were normalized."),
        Column("byte_count", INTEGER, "Size of its files."),
        _COLLECTED,
    ),
)

RUN_INPUTS = RawTable(
    "run_inputs",
    "One row per capture, step, place that data was read from, and table or endpoint there.",
    ("capture_id", "step_number", "ordinal_position"),
    "delete-insert",
    _PLACES,
)

RUN_OUTPUTS = RawTable(
    "run_outputs",
    "One row per capture, step, place that data was written to, and table there.",
    ("capture_id", "step_number", "ordinal_position"),
    "delete-insert",
    _PLACES,
)

RUN_EXCEPTIONS = RawTable(
    "run_exceptions",
    "One row per capture, step and exception in its chain; the step that failed is the first one that has any.",
    ("capture_id", "step_number", "ordinal_position"),
    "delete-insert",
    (
        _CAPTURE,
        _STEP_NUMBER,
        Column("ordinal_position", INTEGER, "Place in the chain: 1 was raised last, its cause comes after it."),
        Column("exception_type", TEXT, "Its class with its module."),
        Column("message", TEXT, "Its message, redacted."),
        Column("frames", TEXT, "JSON list of stack frames as `module:function:line`, outermost first."),
        _STEP_LOAD_ID,
        Column("job_id", TEXT, "Job concerned."),
        Column("source_name", TEXT, "Name of the dlt source concerned."),
        Column("resource_name", TEXT, "Name of the dlt resource concerned."),
        Column("is_terminal", BOOLEAN, "Whether dlt says that trying again is of no use."),
        _COLLECTED,
    ),
)

CAPTURED_FILES = RawTable(
    "captured_files",
    "One row per file of the inbox.",
    ("file_name",),
    "delete-insert",
    (
        Column("file_name", TEXT, "Its name in the inbox; of one that was read, the capture's id."),
        Column("byte_count", INTEGER, "Its size."),
        Column(
            "outcome",
            TEXT,
            "`read`; or why not: `broken` (not whole, or not JSON), `not_a_trace`, `unknown_version`, `too_large`, "
            "`forbidden`.",
        ),
        Column("error", TEXT, "What is wrong with it and what to do next; null where it was read."),
        _COLLECTED,
    ),
)

_ARTIFACT = Column("artifact_path", TEXT, "Where the project's manifest is, without user, password and query string.")
_NODE_HASH = Column("node_hash", TEXT, "Hash of all that is kept of the node.")
_ANALYSIS_HASH = Column("analysis_hash", TEXT, "Hash of a model's code and of the columns of all that it reads.")

DBT_ARTIFACTS = RawTable(
    "dbt_artifacts",
    "One row per manifest of a dbt project and change of how it is read.",
    ("artifact_path", "since"),
    "delete-insert",
    (
        _ARTIFACT,
        Column("since", TIMESTAMP, "Since when it is like this: when dbt wrote it, or the start of the collection."),
        Column("project_name", TEXT, "Name of the project; null where it was never read."),
        Column("adapter_type", TEXT, "dbt's name of the warehouse that it builds in."),
        Column("manifest_version", INTEGER, "Version of the manifest's format."),
        Column("dbt_version", TEXT, "Version of dbt that wrote it."),
        Column("generated_at", TIMESTAMP, "When it was written that was read last."),
        Column("has_catalog", BOOLEAN, "Whether dbt's catalog was found beside it."),
        Column(
            "outcome",
            TEXT,
            "`read`; or why not: `unreadable` (not JSON, not a manifest, an unknown version, too large), `missing` "
            "(read before, not there any more), `excluded` (not configured any more). What was read before is kept.",
        ),
        Column("error", TEXT, "What is wrong with it and what to do next; null where it was read."),
        _COLLECTED,
    ),
)

DBT_NODES = RawTable(
    "dbt_nodes",
    "One row per dbt node and change of it: a source, model, seed, snapshot or exposure of a project.",
    ("artifact_path", "unique_id", "changed_at"),
    "delete-insert",
    (
        _ARTIFACT,
        Column("unique_id", TEXT, "dbt's name of it, such as `model.shop.orders`."),
        Column(
            "changed_at",
            TIMESTAMP,
            "When the manifest was written that first had it like this; where only what it reads changed, the start of "
            "the collection.",
        ),
        _NODE_HASH,
        Column("analysis_hash", TEXT, "Which analysis of its code holds; null where there is nothing to analyse."),
        Column("is_removed", BOOLEAN, "Whether the manifest does not have it any more."),
        Column("project_name", TEXT, "Name of the project."),
        Column("adapter_type", TEXT, "dbt's name of the warehouse."),
        Column("resource_type", TEXT, "`source`, `model`, `seed`, `snapshot` or `exposure`."),
        Column("package_name", TEXT, "Package that it stands in."),
        Column("node_name", TEXT, "Its name; of a source, that of the source and the table."),
        Column("database_name", TEXT, "Database, project or catalogue of its table or view."),
        Column("schema_name", TEXT, "Schema or dataset of its table or view; null where it has none."),
        Column("identifier", TEXT, "Name of its table or view; null where it has none."),
        Column("materialization", TEXT, "How it is built (table, view, incremental, ephemeral, ...)."),
        Column("language", TEXT, "`sql` or `python`; null where there is no code."),
        Column("tags", TEXT, "JSON list of its tags."),
        Column("meta", TEXT, "JSON object of what is kept of its `meta`: listed keys only."),
        Column("description", TEXT, "Description, as written by its authors."),
        _COLLECTED,
    ),
    is_marked_with_load=True,
)

DBT_DEPENDENCIES = RawTable(
    "dbt_dependencies",
    "One row per content of a dbt node and node that it depends on.",
    ("node_hash", "parent_id"),
    "insert-only",
    (_NODE_HASH, Column("parent_id", TEXT, "dbt's name of the node that it depends on."), _COLLECTED),
)

DBT_COLUMNS = RawTable(
    "dbt_columns",
    "One row per content of a dbt node and column, as its authors declare it or dbt's catalog lists it.",
    ("node_hash", "column_name"),
    "insert-only",
    (
        _NODE_HASH,
        Column("column_name", TEXT, "Name of the column."),
        Column("ordinal_position", INTEGER, "Place among the columns, from 1."),
        Column("data_type", TEXT, "Its type in the warehouse; null where nobody tells."),
        Column("tags", TEXT, "JSON list of its tags."),
        Column("meta", TEXT, "JSON object of what is kept of its `meta`: listed keys only."),
        Column("description", TEXT, "Description, as written by its authors."),
        _COLLECTED,
    ),
)

DBT_ANALYSES = RawTable(
    "dbt_analyses",
    "One row per analysis of a model's code.",
    ("analysis_hash",),
    "insert-only",
    (
        _ANALYSIS_HASH,
        Column("error", TEXT, "Why it failed, without a word of the code; null where it did not."),
        _COLLECTED,
    ),
)

DBT_OUTPUT_COLUMNS = RawTable(
    "dbt_output_columns",
    "One row per analysis and column that the model makes.",
    ("analysis_hash", "ordinal_position"),
    "insert-only",
    (
        _ANALYSIS_HASH,
        Column("ordinal_position", INTEGER, "Place among the columns, from 1."),
        Column("column_name", TEXT, "Name of the column, in lower case; `*` for a star whose columns are not known."),
        Column(
            "state",
            TEXT,
            "`traced`, `without_input` (a literal, a count of rows), or `unknown`: not all that it is made of was "
            "found.",
        ),
        _COLLECTED,
    ),
)

DBT_COLUMN_EDGES = RawTable(
    "dbt_column_edges",
    "One row per analysis, column that the model reads, column that it makes of it, and transformation.",
    ("analysis_hash", "from_database", "from_schema", "from_identifier", "from_column", "to_column", "transformation"),
    "insert-only",
    (
        _ANALYSIS_HASH,
        Column("from_database", TEXT, "Database of the table, in lower case; empty where the code does not say."),
        Column("from_schema", TEXT, "Schema of the table, in lower case; empty where the code does not say."),
        Column("from_identifier", TEXT, "The table, in lower case."),
        Column("from_column", TEXT, "Its column, in lower case."),
        Column("to_column", TEXT, "Column of the model, in lower case; `*`: all of them, by deciding on the rows."),
        Column("transformation", TEXT, "`identity`, `derived`, `aggregated` or `filter`."),
        Column("is_masked", BOOLEAN, "Whether the value is hashed or masked on every way that it takes."),
        Column("functions", TEXT, "Functions that it passes through, sorted, with commas between."),
        Column("is_declared", BOOLEAN, "Whether dbt knows that the model reads the table, by ref or source."),
        _COLLECTED,
    ),
)

DESTINATION_DATABASES = RawTable(
    "destination_databases",
    "One row per observed destination whose configuration names a database. Only read where dbt artifacts are.",
    ("destination_name",),
    "delete-insert",
    (
        _DESTINATION,
        Column("database_name", TEXT, "Database, project or catalogue that its datasets stand in."),
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
    CAPTURED_RUNS,
    RUN_STEPS,
    RUN_PACKAGES,
    RUN_JOBS,
    RUN_TABLE_METRICS,
    RUN_INPUTS,
    RUN_OUTPUTS,
    RUN_EXCEPTIONS,
    CAPTURED_FILES,
    DBT_ARTIFACTS,
    DBT_NODES,
    DBT_DEPENDENCIES,
    DBT_COLUMNS,
    DBT_ANALYSES,
    DBT_OUTPUT_COLUMNS,
    DBT_COLUMN_EDGES,
    DESTINATION_DATABASES,
    COVERAGE,
    COLLECTIONS,
)
