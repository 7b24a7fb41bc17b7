"""What BI tools find in the warehouse: descriptions of tables and columns, and keys to join on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import dlt
import psycopg2
import pytest
import yaml

from meta_pipeline.transform.project import project_folder
from tests.integration.transform.fleet import FleetHome
from tests.integration.transform.test_transform_marts import CONTRACT
from tests.integration.transform.warehouses import Warehouse, new_postgres

# A table, one that is kept and added to, and a view.
BUILT_ON_POSTGRES = ("pipelines", "loads", "alert_history")

DUCKDB_COMMENTS = """
    select table_name, null, comment from duckdb_tables() where schema_name = 'observability_marts'
    union all
    select view_name, null, comment from duckdb_views() where schema_name = 'observability_marts'
    union all
    select table_name, column_name, comment from duckdb_columns() where schema_name = 'observability_marts'
"""
POSTGRES_COMMENTS = """
    select relname, attname, description
    from pg_description
    join pg_class on pg_class.oid = objoid
    left join pg_attribute on attrelid = objoid and attnum = objsubid and attnum > 0
    where relnamespace = 'observability_marts'::regnamespace and classoid = 'pg_class'::regclass
"""

Comments = dict[tuple[str, str | None], str]


def _descriptions() -> Comments:
    found: Comments = {}
    for path in (project_folder() / "models" / "marts").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text()).get("models", []):
            found[model["name"], None] = model["description"].strip()
            found.update(
                {(model["name"], column["name"]): column["description"].strip() for column in model["columns"]}
            )
    return found


def _comments(rows: Iterable[tuple[Any, ...]]) -> Comments:
    return {(table, column): comment and comment.strip() for table, column, comment in rows}


def test_duckdb_has_them_after_what_is_new_was_added(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    assert _comments(raw.query(DUCKDB_COMMENTS)) == _descriptions()


def test_postgres_has_them_after_what_is_new_was_added(
    postgres_url: str, fleet_home: FleetHome, tmp_path: Path
) -> None:
    credentials, output = new_postgres(postgres_url)
    destination = dlt.destinations.postgres(credentials=credentials)
    pipeline = dlt.pipeline("raw", destination=destination, dataset_name="observability", pipelines_dir=str(tmp_path))
    warehouse = Warehouse(pipeline, output, tmp_path / "dbt")
    warehouse.load(fleet_home.restore("second transform"))
    selection = ("--select", *(f"+{mart}" for mart in BUILT_ON_POSTGRES))
    warehouse.dbt("run", "--full-refresh", *selection)
    warehouse.dbt("run", *selection)

    with closing(psycopg2.connect(credentials)) as connection, connection.cursor() as cursor:
        cursor.execute(POSTGRES_COMMENTS)
        found = _comments(cursor.fetchall())
    expected = {key: text for key, text in _descriptions().items() if key[0] in BUILT_ON_POSTGRES}
    assert {key: text for key, text in found.items() if key[0] in BUILT_ON_POSTGRES} == expected


@pytest.mark.parametrize(
    ("key", "mart_of_key", "names"),
    [
        ("pipeline_id", "pipelines", ("destination_name", "dataset_name", "pipeline_name")),
        ("relation_id", "observed_tables", ("destination_name", "dataset_name", "table_name")),
    ],
)
def test_marts_join_on_one_key(fleet_home: FleetHome, key: str, mart_of_key: str, names: tuple[str, ...]) -> None:
    raw = fleet_home.restore("second transform")
    known = {row[key]: row for row in raw.rows(mart_of_key)}
    joined = [
        (mart, row)
        for mart in sorted(CONTRACT)
        for row in raw.rows(mart)
        if mart != mart_of_key and row.get(key) in known
    ]
    assert len({mart for mart, _ in joined}) >= 5
    for mart, row in joined:
        assert {name: row[name] for name in names if name in row} == {
            name: known[row[key]][name] for name in names if name in row
        }, mart
