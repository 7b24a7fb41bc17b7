"""What is asked of warehouses that are not here, as text: it must be right by the parser of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest
import sqlglot

from meta_pipeline.collect.generic import CATALOGUE, DIALECTS, separated_catalogue
from meta_pipeline.collect.sql import Ask, Catalogue, Dialect, SqlWarehouse
from meta_pipeline.collect.warehouse import Cost

BOUNDARY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
PARSERS = {
    "fabric": "fabric",
    "mariadb": "mysql",
    "mssql": "tsql",
    "postgresql": "postgres",
    "synapse": "tsql",
}
COLUMNS = {
    "_dlt_loads": ("load_id", "schema_name", "status", "inserted_at"),
    "_dlt_version": ("schema_name", "version_hash", "version", "engine_version", "inserted_at", "schema"),
    "_dlt_pipeline_state": ("pipeline_name", "version", "engine_version", "created_at", "state", "_dlt_load_id"),
}
LINKS = {"orders": ("_dlt_id", "_dlt_load_id"), "orders__items": ("_dlt_id", "_dlt_parent_id")}


class Recorder:
    """A connection that answers nothing and keeps what it is asked."""

    def __init__(self, kind: str) -> None:
        self.destination_type = kind
        self.asked: list[str] = []

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        self.asked.append(sql)
        yield schema.empty_table()

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        self.asked.append(sql)
        yield from ()

    def quote(self, identifier: str) -> str:
        left, right = {"mysql": "``", "mariadb": "``", "databricks": "``", "mssql": "[]"}.get(
            self.destination_type, '""'
        )
        return f"{left}{identifier}{right}"

    def cost(self) -> Cost:
        return Cost()

    def close(self) -> None: ...


def _catalogue() -> Catalogue:
    system = [("it's", table, column, True) for table, columns in COLUMNS.items() for column in columns]
    links = [("it's", table, column) for table, columns in LINKS.items() for column in columns]
    return replace(CATALOGUE, system_columns=lambda _, __: system, user_columns=lambda _, __: links)


def _asked(kind: str, dialect: Dialect) -> list[str]:
    """Returns every query that reading a dataset may take."""
    connection = Recorder(kind)
    warehouse = SqlWarehouse(connection, _catalogue(), dialect)
    datasets = warehouse.discover()
    boundaries, since = {"it's": BOUNDARY}, {"it's": "1767225600.5"}
    for system in ("loads", "versions", "states"):
        warehouse.summarize(system, datasets, boundaries, boundaries)  # type: ignore[arg-type]
    list(warehouse.loads(datasets, boundaries))
    list(warehouse.versions(datasets))
    list(warehouse.contents(datasets, {"it's": ["a+b/c="]}))
    list(warehouse.states(datasets, boundaries))
    list(warehouse.load_ids(datasets, since))
    list(warehouse.count_rows(datasets, since))
    return connection.asked


@pytest.mark.parametrize("kind", DIALECTS)
def test_every_query_is_right_by_the_warehouses_own_grammar(kind: str) -> None:
    queries = _asked(kind, DIALECTS[kind])

    assert len(queries) == 3 + 6
    for query in queries:
        parsed = sqlglot.parse_one(query, dialect=PARSERS.get(kind, kind), error_level=sqlglot.ErrorLevel.RAISE)
        assert not list(parsed.find_all(sqlglot.exp.Command)), "understood, not passed through"


@pytest.mark.parametrize(
    ("kind", "moment", "name"),
    [
        ("athena", "cast('2026-01-02 03:04:05.000000' as timestamp(6))", "'it''s'"),
        ("clickhouse", "cast('2026-01-02 03:04:05.000000' as Nullable(DateTime64(6, 'UTC')))", "'it''s'"),
        ("databricks", "cast('2026-01-02T03:04:05+00:00' as timestamp)", "'it''s'"),
        ("fabric", "cast('2026-01-02 03:04:05.000000' as datetime2(6))", "N'it''s'"),
        ("mssql", "cast('2026-01-02T03:04:05+00:00' as datetimeoffset)", "N'it''s'"),
        ("mysql", "cast('2026-01-02 03:04:05.000000' as datetime(6))", "'it''s'"),
        ("redshift", "cast('2026-01-02T03:04:05+00:00' as timestamp with time zone)", "'it''s'"),
    ],
)
def test_time_stamps_and_names_are_written_as_the_warehouse_reads_them(kind: str, moment: str, name: str) -> None:
    loads = _asked(kind, DIALECTS[kind])[3]

    assert moment in loads
    assert f"select {name} as dataset_name" in loads


@pytest.mark.parametrize("kind", ["clickhouse", "databricks", "mysql"])
def test_a_backslash_stays_one(kind: str) -> None:
    assert DIALECTS[kind].literal("a\\b'c") == "'a\\\\b''c'"


def test_datasets_are_told_from_tables_by_the_separator() -> None:
    tables = {
        "crm____dlt_loads": ["load_id"],
        "crm_eu____dlt_loads": ["load_id", "status"],
        "crm____dlt_version": ["schema"],
        "_dlt_loads": ["load_id"],
        "not_dlts_dlt_loads": ["id"],
    }
    system_columns = separated_catalogue("___").system_columns
    assert not isinstance(system_columns, str)

    found = list(system_columns(_answering(tables), ()))

    assert found == [
        ("crm", "_dlt_loads", "load_id", True),
        ("crm_eu", "_dlt_loads", "load_id", True),
        ("crm_eu", "_dlt_loads", "status", True),
        ("crm", "_dlt_version", "schema", True),
    ]


def test_a_user_table_belongs_to_the_dataset_with_the_longest_name() -> None:
    tables = {
        "crm___orders": ["_dlt_load_id"],
        "crm___eu___orders": ["_dlt_load_id"],
        "other___orders": ["_dlt_load_id"],
    }
    user_columns = separated_catalogue("___").user_columns
    assert not isinstance(user_columns, str)

    found = list(user_columns(_answering(tables), ["crm", "crm___eu"]))

    assert found == [("crm", "orders", "_dlt_load_id"), ("crm___eu", "orders", "_dlt_load_id")]


def test_tables_of_kept_traces_belong_to_their_datasets() -> None:
    tables = {"crm____trace": ["transaction_id"], "crm____trace__steps": ["step"]}
    asked: list[str] = []
    kept_columns = separated_catalogue("___").kept_columns
    assert not isinstance(kept_columns, str)

    def answer(sql: str) -> Iterator[tuple[str, ...]]:
        asked.append(sql)
        return iter([("crm____trace",)]) if "group by" in sql else _answering(tables)(sql)

    assert list(kept_columns(answer, ["crm"])) == [
        ("crm", "_trace", "transaction_id"),
        ("crm", "_trace__steps", "step"),
    ]
    assert "startsWith(table, 'crm____trace')" in asked[1]


def _answering(tables: dict[str, list[str]]) -> Ask:
    return lambda _: iter([(table, column) for table, columns in tables.items() for column in columns])
