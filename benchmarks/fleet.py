"""What a fleet of dlt datasets consists of: the rows of dlt's system tables, deterministic for a shape and an end."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from random import Random

from dlt.common.pipeline import TPipelineState
from dlt.common.versioned_state import compress_state
from dlt.pipeline.state_sync import PIPELINE_STATE_ENGINE_VERSION, generate_pipeline_state_version_hash

from benchmarks.schemas import SchemaVersion, schema_versions

LOAD_INTERVAL = timedelta(hours=1)
CURSORS_PER_STATE = 12

LoadRow = tuple[str, str, int, datetime, str]
VersionRow = tuple[int, int, datetime, str, str, str]
StateRow = tuple[int, int, str, str, datetime, str, str, str]


@dataclass(frozen=True)
class Shape:
    """How large a fleet is.

    Args:
        name: The fleet's name, also the beginning of each dataset's name.
        datasets: Number of datasets.
        loads: Loads of each dataset, one an hour.
        captured: How many of the last loads of each dataset the plugin captured.
        versions: Stored schema versions of each dataset.
        states: Stored states of each dataset's pipeline.
        tables: Tables in the first schema version, dlt's own not counted.
        columns: Columns of each of those tables.
        shared_schema: Whether all datasets have one and the same schema, as tenants do.
        has_user_tables: Whether the tables that the schema describes exist too; they are empty.
    """

    name: str
    datasets: int
    loads: int = 5_000
    captured: int = 250
    versions: int = 20
    states: int = 20
    tables: int = 50
    columns: int = 20
    shared_schema: bool = False
    has_user_tables: bool = True


@dataclass(frozen=True)
class Dataset:
    """One dataset of a fleet.

    Args:
        name: Its name.
        pipeline_name: The pipeline that loads it.
        versions: Its schema versions, the oldest first.
        shape: The fleet's shape.
        ends_at: The fleet's last loads are within the hour before this.
    """

    name: str
    pipeline_name: str
    versions: tuple[SchemaVersion, ...]
    shape: Shape
    ends_at: datetime

    def load_rows(self) -> Iterator[LoadRow]:
        """Yields the rows of `_dlt_loads`, the oldest first."""
        random = Random(self.name)
        started_at = self.ends_at - self.shape.loads * LOAD_INTERVAL
        for index in range(self.shape.loads):
            begin = started_at + index * LOAD_INTERVAL + timedelta(seconds=random.uniform(0, 600))
            committed_at = begin + timedelta(seconds=random.uniform(2, 120))
            version = self.versions[self._share(index, len(self.versions))]
            yield f"{begin.timestamp():.6f}", version.schema_name, 0, committed_at, version.version_hash

    def version_rows(self, loads: list[LoadRow]) -> Iterator[VersionRow]:
        """Yields the rows of `_dlt_version`, each stored by the first load that uses it.

        Args:
            loads: The rows of `_dlt_loads`.
        """
        for index, version in enumerate(self.versions):
            load = loads[self._first_of_share(index, len(self.versions))]
            stored_at = load[3] - timedelta(seconds=1)
            yield (
                version.version,
                version.engine_version,
                stored_at,
                version.schema_name,
                version.version_hash,
                version.content,
            )

    def state_rows(self, loads: list[LoadRow]) -> Iterator[StateRow]:
        """Yields the rows of `_dlt_pipeline_state`: the cursors advance from one to the next.

        Args:
            loads: The rows of `_dlt_loads`.
        """
        for index in range(self.shape.states):
            load_id, schema_name, _, committed_at, _ = loads[self._first_of_share(index, self.shape.states)]
            state = _state(self, schema_name, index + 1, committed_at)
            yield (
                state["_state_version"],
                state["_state_engine_version"],
                self.pipeline_name,
                compress_state(state),
                committed_at - timedelta(seconds=1),
                state["_version_hash"],
                load_id,
                _row_id(self.name, index),
            )

    def _share(self, index: int, shares: int) -> int:
        return index * shares // self.shape.loads

    def _first_of_share(self, share: int, shares: int) -> int:
        return -(-share * self.shape.loads // shares)


def dataset(shape: Shape, index: int, ends_at: datetime) -> Dataset:
    """Returns one dataset of a fleet.

    Args:
        shape: How large the fleet is.
        index: Which of its datasets, from 0.
        ends_at: When the fleet's last loads are.
    """
    name = f"{shape.name}_{index:04d}"
    versions = _shared_versions(shape) if shape.shared_schema else tuple(_versions(shape, name))
    return Dataset(name, name, versions, shape, ends_at)


def this_hour() -> datetime:
    """Returns the beginning of the present hour: a fleet ends there, as real ones do."""
    return datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)


@cache
def _shared_versions(shape: Shape) -> tuple[SchemaVersion, ...]:
    return tuple(_versions(shape, shape.name))


def _versions(shape: Shape, schema_name: str) -> Iterator[SchemaVersion]:
    return schema_versions(schema_name, shape.versions, shape.tables, shape.columns)


def _state(dataset: Dataset, schema_name: str, version: int, now: datetime) -> TPipelineState:
    resources = {f"resource_{index}": _resource_state(dataset, index, now) for index in range(CURSORS_PER_STATE)}
    state: TPipelineState = {
        "_state_version": version,
        "_state_engine_version": PIPELINE_STATE_ENGINE_VERSION,
        "pipeline_name": dataset.pipeline_name,
        "dataset_name": dataset.name,
        "default_schema_name": schema_name,
        "schema_names": [schema_name],
        "destination_type": "dlt.destinations.postgres",
        "destination_name": None,
        "sources": {schema_name: {"resources": resources}},
    }
    state["_version_hash"] = generate_pipeline_state_version_hash(state)
    return state


def _resource_state(dataset: Dataset, index: int, now: datetime) -> dict[str, object]:
    """Returns an incremental cursor: on two resources of three a time stamp, on the third a growing number."""
    first = dataset.ends_at - dataset.shape.loads * LOAD_INTERVAL
    is_number = index % 3 == 2
    cursor = {
        "initial_value": 0 if is_number else first,
        "last_value": int((now - first).total_seconds()) if is_number else now,
        "unique_hashes": [_row_id(dataset.name, index, now)],
    }
    return {"incremental": {"id" if is_number else "updated_at": cursor}}


def _row_id(*parts: object) -> str:
    """Returns fourteen characters as dlt's `_dlt_id` has them."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return base64.b64encode(digest[:10]).decode()[:14]
