"""What dlt needs of the servers that stand for warehouses: every way to write, to come back, and to fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from tests.fixtures.stand_in_servers import BigQueryServer, SnowflakeServer

Destination = Any
INSTALL = Path(__file__).parents[2] / "stand_ins" / "install.py"

FIRST = [{"id": 1, "name": "a", "items": [{"sku": "x"}]}, {"id": 2, "name": "b", "items": []}]
SECOND = [{"id": 2, "name": "B", "items": [{"sku": "y"}]}, {"id": 3, "name": "C", "items": []}]
FIRST_ROWS, SECOND_ROWS = [(1, "a"), (2, "b")], [(2, "B"), (3, "C")]
MERGED_ROWS = [(1, "a"), (2, "B"), (3, "C")]
WRITTEN: dict[str, tuple[Any, list[tuple[int, str]]]] = {
    "append": ("append", sorted([*FIRST_ROWS, *SECOND_ROWS])),
    "replace": ("replace", SECOND_ROWS),
    "delete_insert": ({"disposition": "merge", "strategy": "delete-insert"}, MERGED_ROWS),
    "upsert": ({"disposition": "merge", "strategy": "upsert"}, MERGED_ROWS),
    "insert_only": ({"disposition": "merge", "strategy": "insert-only"}, [*FIRST_ROWS, (3, "C")]),
}

pytestmark = pytest.mark.filterwarnings("ignore:Cannot create BigQuery Storage client")


@pytest.fixture(
    params=[
        pytest.param("snowflake", marks=pytest.mark.xdist_group("snowflake")),
        pytest.param("bigquery", marks=[pytest.mark.xdist_group("bigquery"), pytest.mark.long]),
    ]
)
def destination(request: pytest.FixtureRequest) -> Destination:
    server: SnowflakeServer | BigQueryServer = request.getfixturevalue(f"{request.param}_server")
    return getattr(dlt.destinations, request.param)(credentials=server.credentials("stand"))


@pytest.fixture
def pipeline(destination: Destination, tmp_path: Path) -> Callable[[str], dlt.Pipeline]:
    def fresh(working_folder: str) -> dlt.Pipeline:
        folder = str(tmp_path / working_folder)
        return dlt.pipeline("tried", destination=destination, dataset_name="tried", pipelines_dir=folder)

    return fresh


def _rows(pipeline: dlt.Pipeline, table: str) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as client:
        name = client.make_qualified_table_name(table)
        return sorted(tuple(row) for row in client.execute_sql(f"select id, name from {name}") or ())


@pytest.mark.parametrize("file_format", [pytest.param("jsonl", marks=pytest.mark.long), "parquet"])
def test_dlt_writes_in_all_its_ways(pipeline: Callable[[str], dlt.Pipeline], file_format: Any) -> None:
    for folder, rows in (("first", FIRST), ("second", SECOND)):
        tables = [
            dlt.resource(rows, name=f"{name}_{file_format}", primary_key="id", write_disposition=disposition)
            for name, (disposition, _) in WRITTEN.items()
        ]
        pipeline(folder).run(tables, loader_file_format=file_format)
    found = {name: _rows(pipeline("second"), f"{name}_{file_format}") for name in WRITTEN}
    assert found == {name: rows for name, (_, rows) in WRITTEN.items()}


def test_dlt_finds_its_state_again(pipeline: Callable[[str], dlt.Pipeline]) -> None:
    @dlt.resource(name="runs")
    def runs() -> Any:
        state = dlt.current.resource_state()
        state["count"] = state.get("count", 0) + 1
        yield [{"id": state["count"], "name": "run"}]

    pipeline("one runner").run(runs)
    pipeline("another runner").run(runs)
    assert [row[0] for row in _rows(pipeline("another runner"), "runs")] == [1, 2]


def test_a_table_that_is_not_there_is_told_as_that(pipeline: Callable[[str], dlt.Pipeline]) -> None:
    pipeline("any").run([{"id": 1}], table_name="there")
    with pipeline("any").sql_client() as client, pytest.raises(DatabaseUndefinedRelation):
        client.execute_sql(f"select 1 from {client.make_qualified_table_name('not_there')}")


def test_without_a_fitting_python_it_is_said_and_nothing_fails(tmp_path: Path) -> None:
    run = f"runpy.run_path({str(INSTALL)!r}, run_name='__main__')"
    script = f"import runpy, sys; sys.executable = 'none'; sys.argv[1:] = ['bigquery']; {run}"
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "needs Python 3.13 to 3.14" in result.stderr
    assert "none was found" in result.stderr
