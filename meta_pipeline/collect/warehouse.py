"""What collecting asks of a destination, whatever kind it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol

import pyarrow as pa

Kind = Literal["loads", "versions", "states"]

SYSTEM_TABLES: Mapping[Kind, str] = {
    "loads": "_dlt_loads",
    "versions": "_dlt_version",
    "states": "_dlt_pipeline_state",
}


@dataclass(frozen=True)
class SystemTable:
    """One of dlt's own tables as it really is in a dataset.

    Args:
        name: Its physical name.
        columns: Physical column names by their lower-case form; older versions of dlt lack some.
        is_readable: Whether the credentials may read it.
        changed_at: When it changed last, in the catalogue's own words, where it tells that for free and the change is
            settled: a later one is bound to bear another time stamp.
    """

    name: str
    columns: Mapping[str, str]
    is_readable: bool = True
    changed_at: str | None = None


REQUIRED_COLUMNS: Mapping[Kind, frozenset[str]] = {
    "loads": frozenset({"load_id", "schema_name", "status", "inserted_at"}),
    "versions": frozenset({"schema_name", "version_hash", "version", "engine_version", "inserted_at", "schema"}),
    "states": frozenset({"pipeline_name", "version", "engine_version", "created_at", "state"}),
}
"""Columns that every supported version of dlt writes."""


@dataclass(frozen=True)
class Dataset:
    """A dataset that holds a loads table.

    Args:
        name: Name of the dataset (schema, folder), as dlt knows it.
        tables: The system tables that are there.
        physical_name: Its name in the warehouse, where that differs (Snowflake's capitals).
        location: Where it is stored; datasets of different locations cannot be read by one query.
    """

    name: str
    tables: Mapping[Kind, SystemTable] = field(default_factory=dict)
    physical_name: str | None = None
    location: str = ""

    @property
    def forbidden_tables(self) -> list[str]:
        """Returns the system tables that may be listed but not read."""
        return [table.name for table in self.tables.values() if not table.is_readable]

    def missing_columns(self, kind: Kind) -> list[str]:
        """Returns the columns that a system table must have and has not."""
        return sorted(REQUIRED_COLUMNS[kind] - self.tables[kind].columns.keys())


@dataclass(frozen=True)
class Summary:
    """What a system table holds, told without reading its rows.

    Args:
        rows: Number of rows.
        last: Latest time stamp (commit of a load, creation of a state or version); null where there is no row.
        status_sum: Sum of the loads' status; 0 for the other tables.
        settled_rows: Rows before the boundary.
        settled_status_sum: Sum of their status.
        next_settled_rows: Rows before the next boundary, where one was given.
        next_settled_status_sum: Sum of their status.
    """

    rows: int
    last: datetime | None
    status_sum: int = 0
    settled_rows: int = 0
    settled_status_sum: int = 0
    next_settled_rows: int = 0
    next_settled_status_sum: int = 0


Cause = Literal["record", "gone", "forbidden"]


@dataclass(frozen=True)
class Problem:
    """A record, or a whole table, that could not be read.

    Args:
        dataset_name: Dataset it stands in.
        kind: System table it stands in, whose cursor does not move past the record; None for the data.
        message: What it is and what is wrong with it.
        cause: Whether a record is broken, or the table went away or may not be read after it had been listed.
    """

    dataset_name: str
    kind: Kind | None
    message: str
    cause: Cause = "record"


@dataclass(frozen=True)
class Cost:
    """What reading a destination cost.

    Args:
        bytes_scanned: Bytes that its queries read; None where the warehouse does not tell.
        bytes_billed: Bytes that the warehouse charges for; None where it charges for something else.
    """

    bytes_scanned: int | None = None
    bytes_billed: int | None = None


TEXT, INTEGER, MOMENT = pa.string(), pa.int64(), pa.timestamp("us", "UTC")

LOAD_RESULT = pa.schema(
    {
        "dataset_name": TEXT,
        "load_id": TEXT,
        "schema_name": TEXT,
        "status": INTEGER,
        "inserted_at": MOMENT,
        "schema_version_hash": TEXT,
    }
)
STATISTICS_RESULT = pa.schema(
    {
        "dataset_name": TEXT,
        "table_name": TEXT,
        "row_count": INTEGER,
        "byte_count": INTEGER,
        "is_estimate": pa.bool_(),
    }
)
COUNT_RESULT = pa.schema({"dataset_name": TEXT, "table_name": TEXT, "load_id": TEXT, "row_count": INTEGER})


@dataclass(frozen=True)
class StoredVersion:
    """A row of ``_dlt_version`` without its content.

    Args:
        dataset_name: Dataset it stands in.
        schema_name: Name of the schema.
        version_hash: dlt's hash of the content.
        version: Version number.
        engine_version: Version of dlt's schema format.
        inserted_at: When dlt stored it.
    """

    dataset_name: str
    schema_name: str
    version_hash: str
    version: int | None
    engine_version: int | None
    inserted_at: datetime | None


@dataclass(frozen=True)
class StoredState:
    """A row of ``_dlt_pipeline_state``.

    Args:
        dataset_name: Dataset it stands in.
        pipeline_name: The pipeline.
        load_id: Load package that carried it.
        version: Version of the state, as dlt counts it.
        engine_version: Version of dlt's state format.
        version_hash: dlt's hash of the state; None before dlt 0.4.1.
        created_at: When it was created.
        state: The stored blob.
    """

    dataset_name: str
    pipeline_name: str
    load_id: str | None
    version: int | None
    engine_version: int | None
    version_hash: str | None
    created_at: datetime | None
    state: str | None


@dataclass(frozen=True, eq=False)
class KeptTable:
    """A table that may hold traces which somebody keeps, or what is nested in them.

    Args:
        dataset: Dataset it stands in.
        name: Its physical name.
        columns: Physical column names by their lower-case form.
        root: Name of the table at the top.
        path: Its place below that, in lower case; empty for the one at the top.
    """

    dataset: Dataset
    name: str
    columns: Mapping[str, str]
    root: str = ""
    path: str = ""

    def below(self, root: str, path: str) -> KeptTable:
        """Returns the table with its place."""
        return replace(self, root=root, path=path)


NESTED_IN_KEPT = ("__steps", "__loads_ids")
"""What is nested in every kept trace, and in every kept load info."""


def kept_names(names: Collection[str]) -> list[str]:
    """Returns the tables of a dataset that may hold kept traces, or what is nested in them, by their names, sorted.

    Args:
        names: Names of all its tables.
    """
    roots = [name for name in names if any(f"{name}{nested}" in names for nested in NESTED_IN_KEPT)]
    return sorted({*roots, *(name for name in names if name.startswith(tuple(f"{root}__" for root in roots)))})


@dataclass(frozen=True)
class KeptRow:
    """A row of a kept trace.

    Args:
        table: Its table.
        row_id: dlt's id of it.
        parent_id: dlt's id of the row it is nested in.
        load_id: The load that brought it; told by a row at the top.
        position: Its place in the list that it is an item of.
        values: What was asked of it by column, moments as such and all else as text.
    """

    table: KeptTable
    row_id: str
    parent_id: str
    load_id: str | None
    position: int
    values: Mapping[str, Any]


Boundaries = Mapping[str, datetime | None]
"""By dataset the time stamp from which rows are asked for; None asks for all rows."""


class Warehouse(Protocol):
    """An open destination. Every method reads all datasets that are named in as few queries as possible."""

    destination_type: str
    query_count: int
    problems: list[Problem]
    reads_at_once: bool
    """Whether schema versions may be read in one thread while all else is read in another."""

    def discover(self) -> list[Dataset]:
        """Returns every dataset that holds a loads table, sorted by name."""

    def describe(self, kind: Kind, datasets: Sequence[Dataset]) -> Sequence[Dataset]:
        """Returns the datasets with the columns of a system table, where discovering them did not tell."""

    def probe(self, kind: Kind, datasets: Sequence[Dataset]) -> None:
        """Tries for free whether a system table may be read; where not, that becomes a problem."""

    def summarize(
        self, kind: Kind, datasets: Sequence[Dataset], boundaries: Boundaries, next_boundaries: Boundaries
    ) -> dict[str, Summary]:
        """Returns by dataset what a system table holds at one moment; datasets without the table are left out."""

    def loads(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[pa.Table]:
        """Yields loads as ``LOAD_RESULT``, each load id once per dataset."""

    def versions(self, datasets: Sequence[Dataset]) -> Iterator[StoredVersion]:
        """Yields the stored schema versions, each once per dataset and schema."""

    def contents(
        self, datasets: Sequence[Dataset], wanted: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[str, str | None]]:
        """Yields version hash and stored schema of the versions wanted by dataset."""

    def states(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[StoredState]:
        """Yields stored states."""

    def kept_tables(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> list[KeptTable]:
        """Returns tables that have some columns of kept traces, and those that are nested in them.

        Those that got no row in a load from the boundaries on may be left out.
        """

    def kept_rows(
        self,
        tables: Sequence[KeptTable],
        columns: Sequence[str],
        *,
        boundaries: Boundaries | None = None,
        ids: Mapping[KeptTable, Sequence[str]] | None = None,
    ) -> Iterator[KeptRow]:
        """Yields rows of kept traces: of loads from the boundaries on, or those nested in rows with the given ids."""

    def statistics(self, datasets: Sequence[Dataset]) -> pa.Table:
        """Returns what the catalogue says of the tables as ``STATISTICS_RESULT``."""

    def load_ids(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yields dataset and load id of the loads from the given load id on."""

    def forbidden_tables(self) -> dict[str, list[str]]:
        """Returns by dataset the user tables whose rows may not be counted."""

    def count_rows(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[pa.Table]:
        """Yields rows by load id, from the given load id on, as ``COUNT_RESULT``."""

    def cost(self) -> Cost:
        """Returns what reading has cost so far."""

    def close(self) -> None:
        """Closes the connection."""
