"""What collecting asks of a destination, whatever kind it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

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
    """

    name: str
    columns: Mapping[str, str]
    is_readable: bool = True


@dataclass(frozen=True)
class Dataset:
    """A dataset that holds a loads table.

    Args:
        name: Name of the dataset (schema, folder).
        tables: The system tables that are there.
    """

    name: str
    tables: Mapping[Kind, SystemTable] = field(default_factory=dict)

    @property
    def forbidden_tables(self) -> list[str]:
        """Returns the system tables that may be listed but not read."""
        return [table.name for table in self.tables.values() if not table.is_readable]


@dataclass(frozen=True)
class Summary:
    """What a system table holds, told without reading its rows.

    Args:
        rows: Number of rows.
        last: Latest time stamp (commit of a load, creation of a state or version); null where there is no row.
        status_sum: Sum of the loads' status; 0 for the other tables.
        settled_rows: Rows before the boundary that was asked for.
        settled_status_sum: Sum of their status.
    """

    rows: int
    last: datetime | None
    status_sum: int = 0
    settled_rows: int = 0
    settled_status_sum: int = 0


@dataclass(frozen=True)
class Problem:
    """A record that could not be read.

    Args:
        dataset_name: Dataset it stands in.
        kind: System table it stands in; its cursor does not move past the record.
        message: What it is and what is wrong with it.
    """

    dataset_name: str
    kind: Kind
    message: str


Boundaries = Mapping[str, datetime | None]
"""By dataset the time stamp from which rows are asked for; None asks for all rows."""


class Warehouse(Protocol):
    """An open destination. Every method reads all datasets that are named in as few queries as possible."""

    destination_type: str
    query_count: int
    problems: list[Problem]

    def discover(self) -> list[Dataset]:
        """Returns every dataset that holds a loads table, sorted by name."""

    def summarize(self, kind: Kind, datasets: Sequence[Dataset], boundaries: Boundaries) -> dict[str, Summary]:
        """Returns by dataset what a system table holds; datasets without the table are left out."""

    def loads(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[pa.Table]:
        """Yields loads: dataset_name, load_id, schema_name, status, inserted_at, schema_version_hash."""

    def versions(self, datasets: Sequence[Dataset]) -> Iterator[pa.Table]:
        """Yields stored schema versions without content.

        Columns: dataset_name, schema_name, version_hash, version, engine_version, inserted_at.
        """

    def contents(self, datasets: Sequence[Dataset], wanted: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
        """Yields version hash and stored schema of the versions wanted by dataset."""

    def states(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[pa.Table]:
        """Yields stored states.

        Columns: dataset_name, pipeline_name, load_id, version, engine_version, version_hash, created_at, state.
        """

    def statistics(self, datasets: Sequence[Dataset]) -> pa.Table:
        """Returns what the catalogue says of the tables.

        Columns: dataset_name, table_name, row_count, byte_count, is_estimate.
        """

    def count_rows(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[pa.Table]:
        """Yields rows by load id, from the given load id on: dataset_name, table_name, load_id, row_count."""

    def close(self) -> None:
        """Closes the connection."""
