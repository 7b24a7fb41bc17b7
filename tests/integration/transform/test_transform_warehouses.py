"""The same fleet gives the same marts in every warehouse, built step by step, with all tests of the project.

The servers that stand for Snowflake and BigQuery forgive what the real ones refuse: test_transform_statements.py looks
at that.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
import pytest

from meta_pipeline.transform import transform
from tests.fixtures.raw_dataset import RawDataset
from tests.integration.transform.fleet import FleetHome
from tests.integration.transform.test_transform_marts import CONTRACT, TIMES_OF_BUILDING
from tests.integration.transform.warehouses import Rows, Warehouse, comparable, new_postgres

pytestmark = [
    pytest.mark.xdist_group("transform fleet"),
    # Of the first reader's absence, and of dbt-snowflake's way to connect.
    pytest.mark.filterwarnings("ignore:Cannot create BigQuery Storage client"),
    pytest.mark.filterwarnings("ignore:The 'insecure_mode' connection property"),
]

MOMENT = "2026-01-15T12:00:00+00:00"


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.long),
        pytest.param("snowflake", marks=[pytest.mark.long, pytest.mark.xdist_group("snowflake")]),
        pytest.param("bigquery", marks=[pytest.mark.long, pytest.mark.xdist_group("bigquery")]),
    ]
)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    if request.param == "postgres":
        credentials, output = new_postgres(request.getfixturevalue("postgres_url"))
    else:
        server: Any = request.getfixturevalue(f"{request.param}_server")
        credentials, output = server.credentials("fleet"), server.dbt_output("fleet")
    destination = getattr(dlt.destinations, request.param)(credentials=credentials)
    folder = str(tmp_path / "pipelines")
    pipeline = dlt.pipeline("raw", destination=destination, dataset_name="observability", pipelines_dir=folder)
    return Warehouse(pipeline, output, tmp_path / "dbt")


def test_marts_are_the_same_in_every_warehouse(warehouse: Warehouse, fleet_home: FleetHome) -> None:
    warehouse.load(RawDataset(fleet_home.saved("first transform")))
    warehouse.dbt("run")
    assert _marts(warehouse) == _duckdb_marts(fleet_home, "first transform")

    warehouse.load(RawDataset(fleet_home.saved("second transform")))
    assert warehouse.dbt("build") > 200
    assert _marts(warehouse) == _duckdb_marts(fleet_home, "second transform")


@pytest.mark.long
def test_the_past_is_the_same_in_every_warehouse(warehouse: Warehouse, fleet_home: FleetHome) -> None:
    fleet_home.restore("second transform")
    transform(fleet_home.home, as_of=datetime.fromisoformat(MOMENT))
    fleet_home.save("past")
    warehouse.load(RawDataset(fleet_home.saved("past")))
    warehouse.dbt("run", "--full-refresh", "--vars", json.dumps({"as_of": MOMENT}))
    assert _marts(warehouse) == _duckdb_marts(fleet_home, "past")


def _marts(warehouse: Warehouse) -> dict[str, list[str]]:
    return {mart: comparable(_lasting(warehouse.rows(mart))) for mart in CONTRACT}


def _duckdb_marts(fleet_home: FleetHome, step: str) -> dict[str, list[str]]:
    raw = RawDataset(fleet_home.saved(step))
    return {mart: comparable(_lasting(raw.rows(mart))) for mart in CONTRACT}


def _lasting(rows: Rows) -> Rows:
    # What began at no known time is told from when it was noticed.
    changing = {*TIMES_OF_BUILDING, "status_since", "changed_at", "ended_at", "duration_seconds"}
    return [{name: value for name, value in row.items() if name not in changing} for row in rows]
