"""The dashboard in a real Superset, on marts in DuckDB and PostgreSQL, as a browser shows it."""

from __future__ import annotations

from pathlib import Path

import dlt
import pytest

from bi.superset.build import CHARTS
from tests.fixtures.superset_server import look, running_superset
from tests.integration.transform.fleet import FleetHome
from tests.integration.transform.warehouses import Warehouse, new_postgres

pytestmark = pytest.mark.bi

TITLES = {chart.title for chart in CHARTS}


@pytest.fixture(params=["duckdb", "postgres"])
def uri(request: pytest.FixtureRequest, fleet_home: FleetHome, tmp_path: Path) -> str:
    """Returns the URL of marts."""
    raw = fleet_home.restore("second transform")
    if request.param == "duckdb":
        return f"duckdb:///{raw.path}?access_mode=read_only"
    credentials, output = new_postgres(request.getfixturevalue("postgres_url"))
    destination = dlt.destinations.postgres(credentials=credentials)
    pipeline = dlt.pipeline("raw", destination=destination, dataset_name="observability", pipelines_dir=str(tmp_path))
    warehouse = Warehouse(pipeline, output, tmp_path / "dbt")
    warehouse.load(raw)
    warehouse.dbt("run")
    return credentials.replace("postgresql://", "postgresql+psycopg2://")


def test_every_chart_shows_what_the_marts_hold(uri: str, fleet_home: FleetHome, tmp_path: Path) -> None:
    with running_superset(uri, tmp_path) as superset:
        seen = look(superset, len(CHARTS))

    assert seen.errors == []
    assert set(seen.texts) == TITLES
    assert len(seen.answers) == len(CHARTS)
    assert all(answer["status"] == "success" and answer["rowcount"] > 0 for answer in seen.answers)
    (pipelines,) = fleet_home.raw.query("select count(*) from observability_marts.pipeline_health")
    assert seen.texts["Pipelines"].split() == ["Pipelines", str(pipelines[0])]
    assert "late_comer" in seen.texts["Each pipeline"]
    assert seen.hosts == {superset.address.removeprefix("http://")}
