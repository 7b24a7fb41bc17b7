"""ClickHouse's own engine answers what would be asked of a server; how dlt's client reaches one is not shown here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest

from meta_pipeline.collect.generic import CLICKHOUSE_SESSION, DIALECTS, separated_catalogue
from meta_pipeline.collect.kept import find_kept, read_kept
from meta_pipeline.collect.moments import as_moment
from meta_pipeline.collect.sql import SqlWarehouse
from meta_pipeline.collect.warehouse import Cost, StoredState, StoredVersion, Summary

chdb_session = pytest.importorskip(
    "chdb.session", reason="ClickHouse's engine is not installed; pip install chdb brings it, in 150 MB"
)

OLD, NEW = "1767225600.5", "1767312000.5"
FIRST, SECOND = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 2, tzinfo=timezone.utc)
BOUNDARY = {"crm": datetime(2026, 1, 1, 12, tzinfo=timezone.utc)}
# As dlt's clickhouse destination creates them.
TABLES = {
    "_dlt_loads": "load_id String, schema_name Nullable(String), status Nullable(Int64), inserted_at "
    "Nullable(DateTime64(6, 'UTC')), schema_version_hash Nullable(String)",
    "_dlt_version": "version Nullable(Int64), engine_version Nullable(Int64), inserted_at "
    "Nullable(DateTime64(6, 'UTC')), schema_name Nullable(String), version_hash String, schema Nullable(String)",
    "_dlt_pipeline_state": "version Nullable(Int64), engine_version Nullable(Int64), pipeline_name String, "
    "state Nullable(String), created_at Nullable(DateTime64(6, 'UTC')), _dlt_load_id String",
    "orders": "id Int64, _dlt_load_id String, _dlt_id String",
    "orders__items": "sku String, _dlt_parent_id String, _dlt_id String",
    "how_it_went": "transaction_id Nullable(String), pipeline_name Nullable(String), started_at "
    "Nullable(DateTime64(6, 'UTC')), _dlt_load_id String, _dlt_id String",
    "how_it_went__steps": "span_id Nullable(String), step Nullable(String), started_at "
    "Nullable(DateTime64(6, 'UTC')), _dlt_parent_id String, _dlt_list_idx Int64, _dlt_id String",
}
ROWS = {
    "_dlt_loads": f"('{OLD}', 'shop', 0, '2026-01-01', 'h'), ('{NEW}', 'shop', 0, '2026-01-02', 'h')",
    "_dlt_version": "(1, 11, '2026-01-01', 'shop', 'h+/=', '{}')",
    "_dlt_pipeline_state": f"(1, 4, 'crm', 'x', '2026-01-01', '{OLD}')",
    "orders": f"(1, '{OLD}', 'a'), (2, '{OLD}', 'b'), (3, '{NEW}', 'c')",
    "orders__items": "('x', 'a', '1'), ('y', 'a', '2')",
    "how_it_went": f"('t1', 'crm', '2026-01-01', '{OLD}', 'r1'), ('t2', 'crm', '2026-01-02', '{NEW}', 'r2')",
    "how_it_went__steps": "('s1', 'load', '2026-01-01', 'r1', 0, 's1'), ('s2', 'load', '2026-01-02', 'r2', 1, 's3'), "
    "('s2', 'extract', '2026-01-02', 'r2', 0, 's2')",
}


class EngineConnection:
    """A connection to the engine within this process."""

    destination_type = "clickhouse"

    def __init__(self, session: Any) -> None:
        self._session = session

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        rows = list(self.rows(sql))
        yield pa.table([*zip(*rows, strict=True)] or [()] * len(schema), schema=schema)

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        answer = json.loads(str(self._session.query(sql, "JSONCompact")))
        types = [column["type"] for column in answer["meta"]]
        for row in answer["data"]:
            yield tuple(_typed(value, name) for value, name in zip(row, types, strict=True))

    def quote(self, identifier: str) -> str:
        return f"`{identifier}`"

    def cost(self) -> Cost:
        return Cost()

    def close(self) -> None: ...


def _typed(value: Any, type_name: str) -> Any:
    if value is None:
        return None
    if "DateTime" in type_name:
        return as_moment(value)
    return int(value) if "Int" in type_name else value


@pytest.fixture
def session() -> Iterator[Any]:
    session = chdb_session.Session()
    session.query("create database db")
    session.query("use db")
    for name, columns in TABLES.items():
        session.query(f"create table `crm___{name}` ({columns}) engine = MergeTree order by tuple()")
        session.query(f"insert into `crm___{name}` values {ROWS[name]}")
    session.query(CLICKHOUSE_SESSION)
    yield session
    session.close()


@pytest.fixture
def warehouse(session: Any) -> SqlWarehouse:
    dialect = replace(DIALECTS["clickhouse"], qualified=lambda dataset, table: f"`db`.`{dataset}___{table}`")
    return SqlWarehouse(EngineConnection(session), separated_catalogue("___"), dialect)


def test_clickhouse_answers_every_query(warehouse: SqlWarehouse) -> None:
    datasets = warehouse.discover()

    assert [dataset.name for dataset in datasets] == ["crm"]
    assert warehouse.summarize("loads", datasets, BOUNDARY, BOUNDARY) == {
        "crm": Summary(2, SECOND, settled_rows=1, next_settled_rows=1)
    }
    assert warehouse.summarize("states", datasets, {}, {}) == {"crm": Summary(1, FIRST)}
    assert [load for batch in warehouse.loads(datasets, BOUNDARY) for load in batch["load_id"].to_pylist()] == [NEW]
    assert list(warehouse.versions(datasets)) == [StoredVersion("crm", "shop", "h+/=", 1, 11, FIRST)]
    assert list(warehouse.contents(datasets, {"crm": ["h+/="]})) == [("h+/=", "{}")]
    assert list(warehouse.states(datasets, {})) == [StoredState("crm", "crm", OLD, 1, 4, None, FIRST, "x")]
    assert list(warehouse.states(datasets, BOUNDARY)) == []
    assert list(warehouse.load_ids(datasets, {"crm": NEW})) == [("crm", NEW)]
    counts = [row for batch in warehouse.count_rows(datasets, {"crm": OLD}) for row in batch.to_pylist()]
    assert sorted((row["table_name"], row["load_id"], row["row_count"]) for row in counts) == [
        ("how_it_went", OLD, 1),
        ("how_it_went", NEW, 1),
        ("how_it_went__steps", OLD, 1),
        ("how_it_went__steps", NEW, 2),
        ("orders", OLD, 2),
        ("orders", NEW, 1),
        ("orders__items", OLD, 2),
    ]


def test_kept_traces_of_new_loads_are_read(warehouse: SqlWarehouse) -> None:
    (crm,) = warehouse.discover()

    tables = find_kept(warehouse.kept_tables([crm], BOUNDARY))
    (captures,) = read_kept(warehouse, tables, BOUNDARY, "src")

    assert [(table.name, table.path) for table in tables] == [("how_it_went", ""), ("how_it_went__steps", "steps")]
    (capture,) = captures
    assert capture.event["trace"]["transaction_id"] == "t2"
    assert [step["step"] for step in capture.event["trace"]["steps"]] == ["extract", "load"]


def test_where_nobody_keeps_traces_one_query_tells_so(warehouse: SqlWarehouse, session: Any) -> None:
    session.query("drop table `crm___how_it_went`")
    (crm,) = warehouse.discover()
    before = warehouse.query_count

    assert warehouse.kept_tables([crm], BOUNDARY) == []
    assert warehouse.query_count == before + 1
