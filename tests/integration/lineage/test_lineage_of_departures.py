"""A project of every kind of query, on the demo's departures: its edges as one reads them there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import dlt
import pytest

from meta_pipeline.collect.dbt_lineage import NOT_SQL
from meta_pipeline.demo.pipelines import airport_operations
from meta_pipeline.demo.schedule import window_until
from meta_pipeline.demo.systems import AirportSystems
from tests.fixtures.collected import Site, clear_environment
from tests.fixtures.dbt_shop import write_project

PROJECT = Path(__file__).parents[2] / "fixtures" / "departures_project"
NOW = datetime(2026, 3, 6, 12, tzinfo=timezone.utc)

pytestmark = pytest.mark.xdist_group("dbt_lineage")


@pytest.fixture(name="site", scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("departures")
    database, project = folder / "warehouse.duckdb", folder / "project"
    destination = dlt.destinations.duckdb(str(database), destination_name="warehouse")
    pipeline = dlt.pipeline(
        "jfk_departures", destination=destination, dataset_name="ops", pipelines_dir=str(folder / "pipelines")
    )
    pipeline.run(airport_operations(AirportSystems(window_until(NOW, days=1), lambda: NOW), "JFK"))
    write_project(PROJECT, project, database)
    # Only the second time the incremental model looks at itself.
    for _ in range(2):
        dbt = [sys.executable, "-c", "from dbt.cli.main import cli; cli()"]
        subprocess.run([*dbt, "build", "--no-version-check", "--quiet"], cwd=project, check=True)
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        (folder / "site").mkdir()
        patch.chdir(folder / "site")
        environment = {
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "duckdb",
            "DESTINATION__WAREHOUSE__CREDENTIALS": str(database),
        }
        site = Site(folder / "site", patch).configure(
            environment, destinations='["warehouse"]', dbt_artifacts=f'["{project / "target"}"]'
        )
        assert site.collect().failures == []
        yield site


EXPECTED = {
    # A star without some columns, and a name in quotes.
    "stg_departures": {
        "departures.carrier -> carrier: identity",
        "departures.flight_number -> flight_number: identity",
        "departures.tail_number -> tail_number: identity",
        "departures.origin -> origin: identity",
        "departures.destination -> destination: identity",
        "departures.scheduled_at -> scheduled_at: identity",
        "departures.departed_at -> departed_at: identity",
        "departures.delay_minutes -> delay_minutes: identity",
        "departures.distance_miles -> distance km: derived",
    },
    # Windows, one of which decides on rows.
    "delays": {
        "stg_departures.carrier -> carrier: identity",
        "stg_departures.flight_number -> flight_number: identity",
        "stg_departures.departed_at -> departed_at: identity",
        "stg_departures.scheduled_at -> delay_minutes: derived",
        "stg_departures.departed_at -> delay_minutes: derived",
        "stg_departures.departed_at -> before: derived",
        "stg_departures.carrier -> before: derived",
        "stg_departures.flight_number -> before: derived",
        "stg_departures.carrier -> *: filter",
        "stg_departures.flight_number -> *: filter",
        "stg_departures.departed_at -> *: filter",
        "stg_departures.origin -> *: filter",
    },
    # A union, by place.
    "movements": {
        "stg_departures.origin -> airport: identity",
        "stg_departures.destination -> airport: identity",
        "stg_departures.tail_number -> tail_number: identity",
        "stg_departures.departed_at -> moved_at: identity",
    },
    # A pivot.
    "by_airport": {
        "stg_departures.carrier -> carrier: identity",
        "stg_departures.flight_number -> ewr: aggregated",
        "stg_departures.flight_number -> jfk: aggregated",
        "stg_departures.origin -> ewr: derived",
        "stg_departures.origin -> jfk: derived",
    },
    # A list of structs, and what is taken out of it again.
    "legs_of_aircraft": {
        "stg_departures.tail_number -> tail_number: identity",
        "stg_departures.destination -> legs: aggregated",
        "stg_departures.distance km -> legs: aggregated",
        "stg_departures.departed_at -> legs: aggregated",
        "stg_departures.tail_number -> *: filter",
    },
    "unnested_legs": {
        "legs_of_aircraft.tail_number -> tail_number: identity",
        "legs_of_aircraft.legs -> destination: derived",
    },
    # A table joined with itself.
    "next_legs": {
        "stg_departures.tail_number -> tail_number: identity",
        "stg_departures.departed_at -> departed_at: identity",
        "stg_departures.departed_at -> next_departed_at: aggregated",
        "stg_departures.tail_number -> *: filter",
        "stg_departures.departed_at -> *: filter",
    },
    # A recursive CTE.
    "chains": {
        "next_legs.tail_number -> tail_number: identity",
        "next_legs.departed_at -> began_at: identity",
        "next_legs.next_departed_at -> reached_at: aggregated",
        "next_legs.tail_number -> *: filter",
        "next_legs.departed_at -> *: filter",
        "next_legs.next_departed_at -> *: filter",
    },
    # An incremental model, which compares with what it has.
    "daily": {
        "stg_departures.departed_at -> day: derived",
        "stg_departures.tail_number -> aircraft: aggregated",
        "stg_departures.tail_number -> fingerprint: aggregated masked",
        "stg_departures.departed_at -> *: filter",
    },
    # What reads a model in Python.
    "after_counted": {
        "counted.airport -> airport: identity",
        "counted.movements -> movements: identity",
    },
}


def test_columns_of_every_kind_of_query_are_traced_as_one_reads_them(site: Site) -> None:
    found: dict[str, set[str]] = {}
    for model, source, column, made, transformation, is_masked in site.rows(
        "select node_name, from_identifier, from_column, to_column, transformation, is_masked"
        " from dbt_nodes join dbt_column_edges using (analysis_hash)"
    ):
        masked = " masked" if is_masked else ""
        found.setdefault(model, set()).add(f"{source}.{column} -> {made}: {transformation}{masked}")

    assert found == EXPECTED


def test_a_model_in_python_is_a_node_that_says_why_its_columns_are_not_known(site: Site) -> None:
    analyses = "select node_name, error from dbt_nodes join dbt_analyses using (analysis_hash)"

    assert site.rows(f"{analyses} where error is not null") == [("counted", NOT_SQL)]
    assert site.column("select count(*) from dbt_output_columns where state = 'unknown'") == [0]
    assert site.column("select parent_id from dbt_dependencies join dbt_nodes using (node_hash) "
                       "where node_name = 'counted'") == ["model.departures.movements"]  # fmt: skip
