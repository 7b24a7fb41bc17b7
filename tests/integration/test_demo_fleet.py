"""What the demo leaves in its destinations, read without meta-pipeline and without dlt, and what its marts then say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from meta_pipeline.config import HOME_FILE
from meta_pipeline.demo import Fleet, build_fleet, stop_fleet
from meta_pipeline.demo.folder import INBOX_FOLDER, LAKE_FOLDER, PIPELINES_FOLDER, WAREHOUSE_FILE
from meta_pipeline.demo.schedule import window_until
from meta_pipeline.demo.systems import AirportSystems
from tests.fixtures.command import run, run_on_terminal

# Of the six weeks, as many days as show the storm and the change of schema.
DAYS = 24
NOW = datetime(2026, 3, 6, 12, tzinfo=timezone.utc)

# One worker runs them all, so that the fleet is built once (needs `--dist loadgroup`).
pytestmark = pytest.mark.xdist_group("demo fleet")

Rows = list[tuple[Any, ...]]
Query = Callable[[str], Rows]


@dataclass(frozen=True)
class Built:
    """A fleet and what was said while it was built."""

    fleet: Fleet
    messages: list[str]
    query: dict[str, Query]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("demo") / "demo-fleet"
    messages: list[str] = []
    with ExitStack() as stack:
        fleet = build_fleet(folder, messages.append, now=NOW, days=DAYS)
        stack.callback(stop_fleet, folder)
        warehouse = stack.enter_context(duckdb.connect(str(folder / WAREHOUSE_FILE), read_only=True))
        lake = stack.enter_context(duckdb.connect())
        _create_views(lake, folder / LAKE_FOLDER)
        postgres = stack.enter_context(closing(psycopg2.connect(fleet.server.url)))
        yield Built(
            fleet,
            messages,
            {
                "warehouse": lambda text: warehouse.execute(text).fetchall(),
                "finance_pg": lambda text: _fetch(postgres, text),
                "lake": lambda text: lake.execute(text).fetchall(),
            },
        )


def _create_views(connection: duckdb.DuckDBPyConnection, lake: Path) -> None:
    for dataset in lake.iterdir():
        connection.execute(f"create schema {dataset.name}")
        for table in dataset.iterdir():
            if files := sorted(str(file) for file in table.glob("*.jsonl*")):
                reading = f"read_json({files!r}, format='newline_delimited', union_by_name=true)"
                connection.execute(f"create view {dataset.name}.{table.name} as from {reading}")


def _fetch(connection: Any, text: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(text)
        rows: Rows = cursor.fetchall()
        return rows


LOADS = {
    ("warehouse", "ops"): 2 * DAYS,
    ("finance_pg", "finance"): DAYS - 10,
    ("finance_pg", "reference"): DAYS - 2,
    ("finance_pg", "maintenance"): DAYS,
    ("lake", "maintenance"): 3,
    ("lake", "weather"): 2 * DAYS - 2,
}


@pytest.mark.parametrize(("destination", "dataset"), LOADS)
def test_load_ids_agree_with_commits(built: Built, destination: str, dataset: str) -> None:
    loads = built.query[destination](f"select load_id, inserted_at, status from {dataset}._dlt_loads")
    assert len(loads) == LOADS[destination, dataset]
    assert len({load_id for load_id, _, _ in loads}) == len(loads)
    assert {status for _, _, status in loads} == {0}
    for load_id, inserted_at, _ in loads:
        created_at = datetime.fromtimestamp(float(load_id), timezone.utc)
        assert timedelta(seconds=5) < _utc(inserted_at) - created_at < timedelta(minutes=3)
        assert built.fleet.window.first_day < created_at < built.fleet.window.now


@pytest.mark.parametrize(("destination", "dataset"), LOADS)
def test_states_and_schema_versions_are_of_the_time_of_their_loads(
    built: Built, destination: str, dataset: str
) -> None:
    query = built.query[destination]
    commits = [_utc(moment) for (moment,) in query(f"select inserted_at from {dataset}._dlt_loads")]
    written = [
        *query(f"select created_at from {dataset}._dlt_pipeline_state"),
        *query(f"select inserted_at from {dataset}._dlt_version"),
    ]
    for (moment,) in written:
        assert min(abs(commit - _utc(moment)) for commit in commits) < timedelta(minutes=2)


def test_departures_fall_with_the_storm(built: Built) -> None:
    rows = built.query["warehouse"](
        "select origin, inserted_at, count(*) from ops.departures join ops._dlt_loads on load_id = _dlt_load_id"
        " group by all"
    )
    # What departs on one day is loaded on the next.
    days = {
        (origin, (_utc(at) - timedelta(days=1) - built.fleet.window.shift).date()): count for origin, at, count in rows
    }
    assert [days["EWR", date(2013, 2, day)] for day in (7, 8, 9, 10)] == [341, 164, 98, 287]
    assert [days["JFK", date(2013, 2, day)] for day in (7, 8, 9, 10)] == [301, 145, 132, 284]


def test_no_departure_is_loaded_twice(built: Built) -> None:
    for table, key in {
        "ops.departures": "carrier, flight_number, origin, scheduled_at",
        "finance.chargeable_departures": "carrier, flight_number, origin, departed_at",
    }.items():
        query = built.query["warehouse" if table.startswith("ops") else "finance_pg"]
        assert query(f"select count(*) from {table}") == query(
            f"select count(*) from (select distinct {key} from {table}) as keys"
        )


def test_one_pipeline_has_been_silent_for_ten_days(built: Built) -> None:
    ((last_load_at,),) = built.query["finance_pg"]("select max(inserted_at) from finance._dlt_loads")
    assert timedelta(days=10) < built.fleet.window.now - last_load_at < timedelta(days=11)
    for destination, dataset in LOADS.keys() - {("finance_pg", "finance"), ("lake", "maintenance")}:
        ((last_load_at,),) = built.query[destination](f"select max(inserted_at) from {dataset}._dlt_loads")
        failed = timedelta(days=2 if dataset == "reference" else 0)
        assert built.fleet.window.now - _utc(last_load_at) < timedelta(days=1) + failed


def test_two_pipelines_share_a_dataset_and_a_schema(built: Built) -> None:
    query = built.query["warehouse"]
    assert query("select distinct schema_name from ops._dlt_loads") == [("ops",)]
    assert query("select distinct pipeline_name from ops._dlt_pipeline_state order by 1") == [
        ("ewr_departures",),
        ("jfk_departures",),
    ]
    assert query("select count(*) from ops._dlt_version") == [(1,)]


def test_the_weather_gains_a_column_in_the_fourth_week(built: Built) -> None:
    versions = built.query["lake"]("select inserted_at, schema from weather._dlt_version order by inserted_at")
    columns = [set(_schema(schema)["tables"]["observations"]["columns"]) for _, schema in versions]
    assert len(versions) == 2
    assert columns[1] - columns[0] == {"wind_gust"}
    assert columns[0] < columns[1]
    changed_at = _utc(versions[1][0])
    assert timedelta(0) < changed_at - built.fleet.window.first_day - timedelta(weeks=3) < timedelta(days=1)
    ((before, after),) = built.query["lake"](
        "select count(wind_gust) filter (_dlt_load_id::double < $changed), count(wind_gust)"
        " from weather.observations".replace("$changed", str(changed_at.timestamp() - 120))
    )
    assert before == 0
    assert after > 0


def test_a_column_is_tagged_as_personal(built: Built) -> None:
    ((schema,),) = built.query["finance_pg"]("select schema from maintenance._dlt_version")
    assert _schema(schema)["tables"]["rotations"]["columns"]["tail_number"]["x-annotation-pii"] is True


def test_rotations_have_every_leg_nested(built: Built) -> None:
    query, window = built.query["finance_pg"], built.fleet.window
    ((rotations, legs, orphans),) = query(
        "select count(distinct r._dlt_id), count(*), count(*) filter (where r._dlt_id is null)"
        " from maintenance.rotations__legs l left join maintenance.rotations r on r._dlt_id = l._dlt_parent_id"
    )
    ((last_load_id,),) = query("select max(load_id) from maintenance._dlt_loads")
    loaded_at = datetime.fromtimestamp(float(last_load_id), timezone.utc)
    assert legs == len(AirportSystems(window, lambda: loaded_at).departures(carrier="B6"))
    assert 0 < rotations < legs
    assert orphans == 0


def test_reference_data_is_merged_by_key(built: Built) -> None:
    query = built.query["finance_pg"]
    assert query("select count(*), count(distinct carrier) from reference.airlines") == [(16, 16)]
    assert query("select count(*) = count(distinct faa), count(distinct _dlt_load_id) from reference.airports") == [
        (True, 1)
    ]
    assert query("select count(*) from reference._dlt_pipeline_state") == [(1,)]


def test_only_the_last_register_of_aircraft_is_kept(built: Built) -> None:
    query = built.query["lake"]
    assert query("select count(*), count(distinct _dlt_load_id) from maintenance.planes") == [(3322, 1)]


def test_dlt_works_within_the_folder(built: Built) -> None:
    names = sorted(path.name for path in (built.fleet.folder / PIPELINES_FOLDER).iterdir())
    assert "weather" in names
    assert len(names) == 7


def test_progress_fits_a_terminal_and_a_log(built: Built) -> None:
    assert built.fleet.window == window_until(NOW, DAYS)
    assert all(len(message) < 80 for message in built.messages)
    assert len(built.messages) == 1 + 3 * 3 + 3 + 1


# Each run leaves a start and an end, the one that is killed a start.
EVENTS = 2 * (sum(LOADS.values()) + 2) + 1
REFUSAL = "the register of airlines takes no connections"


def test_every_run_is_captured_at_its_own_time(built: Built) -> None:
    names = sorted(path.name for path in (built.fleet.folder / INBOX_FOLDER).iterdir())
    moments = [datetime.strptime(f"{name[:22]}+0000", "%Y%m%dT%H%M%S.%f%z") for name in names]
    assert len(names) == EVENTS
    assert built.fleet.window.first_day < moments[0] < moments[-1] < built.fleet.window.now


@pytest.fixture(name="marts", scope="module")
def _marts(built: Built) -> Iterator[Query]:
    """Collects, and builds the marts as they would have been when the replay ends."""
    folder = built.fleet.folder
    for command in (("collect",), ("transform", "--as-of", NOW.isoformat())):
        done = run(folder, *command)
        assert done.code == 0, done.err
    with duckdb.connect(str(folder / HOME_FILE), read_only=True) as home:
        home.execute("set timezone = 'UTC'; set schema = 'observability_marts'")
        yield lambda text: home.execute(text).fetchall()


def test_each_pipeline_has_its_orchestrator(marts: Query) -> None:
    assert dict(marts("select pipeline_name, orchestrators from pipelines")) == {
        "ewr_departures": "github_actions",
        "jfk_departures": "gitlab_ci",
        "airport_charges": "airflow",
        "reference_data": "dagster",
        "aircraft_rotations": "prefect",
        "fleet_register": None,
        "weather": "kubernetes",
    }


def test_every_load_is_attributed_and_counted_by_its_trace(marts: Query) -> None:
    assert marts("select attribution, count_method, count(*) from loads group by all") == [
        ("trace", "traced", sum(LOADS.values()))
    ]
    assert marts(
        "select runs.started_at <= loads.started_at and loads.committed_at <= runs.finished_at, count(*)"
        " from runs join loads using (run_id) group by all"
    ) == [(True, sum(LOADS.values()))]


def test_what_did_not_load_is_told_by_runs(marts: Query) -> None:
    assert marts(
        "select pipeline_name, outcome, failed_step, exception_type, message, count(*) from runs"
        " where outcome is distinct from 'succeeded' group by all order by all"
    ) == [
        *[("reference_data", "failed", "extract", "ConnectionRefusedError", REFUSAL, 2)],
        *[("weather", "unfinished", None, None, None, 1)],
    ]


def test_the_status_shows_what_is_wrong(built: Built, marts: Query) -> None:
    ((killed_at,),) = marts("select strftime(started_at, '%Y-%m-%d %H:%M') from runs where outcome = 'unfinished'")
    done = run(built.fleet.folder, "status", "--json")
    pipelines = {item["pipeline_name"]: (item["status"], item["reason"]) for item in done.json["pipelines"]}
    troubles = {name: found for name, found in pipelines.items() if found[0] != "healthy"}

    assert len(pipelines) == len(LOADS) + 1
    assert {name: status for name, (status, _) in troubles.items()} == {
        "reference_data": "failing",
        "weather": "stalled",
        "airport_charges": "late",
        # Three weeks are three loads of a weekly pipeline, too few for a rhythm.
        "fleet_register": "new",
    }
    assert troubles["reference_data"][1].endswith(f"failed, the last one in extract: ConnectionRefusedError: {REFUSAL}")
    assert troubles["weather"][1] == f"its run of {killed_at} UTC began and never ended"
    assert done.json["dataset_count"] == len(LOADS)


@pytest.fixture(name="lineage", scope="module")
def _lineage(built: Built, marts: Query, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """Builds the marts as they are now: when the replay ended, dbt had not run yet."""
    folder = tmp_path_factory.mktemp("lineage")
    shutil.copy(built.fleet.folder / HOME_FILE, folder)
    done = run(folder, "transform")
    assert done.code == 0, done.err
    with duckdb.connect(str(folder / HOME_FILE), read_only=True) as home:
        home.execute("set schema = 'observability_marts'")
        yield lambda text: home.execute(text).fetchall()


def test_dbt_had_not_run_when_the_replay_ended(marts: Query) -> None:
    assert marts("select count(*) from column_lineage where method = 'inferred'") == [(0,)]


def test_the_tagged_column_is_inherited_by_what_dbt_builds(lineage: Query) -> None:
    rows = lineage(
        "with recursive downstream as ("
        " select 'maintenance.rotations' as relation, 'tail_number' as column_name, false as is_masked union"
        " select to_relation, to_column, downstream.is_masked or column_lineage.is_masked"
        " from column_lineage join downstream on from_relation = relation and from_column = column_name"
        " where transformation in ('identity', 'derived')"
        ") select relation, column_name, materialization, is_masked from downstream"
        " join lineage_nodes on relation = dataset_name || '.' || node_name where node_type in ('model', 'snapshot')"
    )
    assert {relation: found for relation, *found in rows} == {
        "analytics.stg_rotations": ["tail_number", "view", False],
        "analytics.aircraft_legs": ["tail_number", "incremental", False],
        "analytics.aircraft_usage": ["tail_number", "table", False],
        "analytics.aircraft_history": ["tail_number", "snapshot", False],
        "analytics.shared_usage": ["aircraft_key", "table", True],
    }


# Every column that dbt makes, as one reads it in the demo's project.
COLUMN_EDGES = {
    "maintenance.rotations -> stg_rotations": {
        "_dlt_id -> rotation_id: identity",
        "tail_number -> tail_number: derived",
        "last_departed_at -> last_departed_at: identity",
    },
    "maintenance.rotations__legs -> stg_legs": {
        "_dlt_parent_id -> rotation_id: identity",
        "departed_at -> departed_at: identity",
        "flight_number -> flight_number: identity",
        "origin -> origin: identity",
        "destination -> destination: identity",
        "distance_miles -> distance_miles: identity",
    },
    "analytics.stg_rotations -> aircraft_legs": {"tail_number -> tail_number: identity", "rotation_id -> *: filter"},
    "analytics.stg_legs -> aircraft_legs": {
        "departed_at -> departed_at: identity",
        "flight_number -> flight_number: identity",
        "origin -> origin: identity",
        "destination -> destination: identity",
        "distance_miles -> distance_miles: identity",
        "rotation_id -> *: filter",
    },
    "analytics.aircraft_legs -> aircraft_usage": {
        "tail_number -> tail_number: identity",
        "distance_miles -> miles: aggregated",
        "departed_at -> last_departed_at: aggregated",
        "tail_number -> *: filter",
    },
    "analytics.aircraft_legs -> shared_usage": {
        "tail_number -> aircraft_key: derived masked",
        "departed_at -> week: derived",
        "distance_miles -> miles: aggregated",
        "tail_number -> *: filter",
        "departed_at -> *: filter",
    },
    "analytics.aircraft_legs -> airport_traffic": {
        "origin -> faa: identity",
        "destination -> faa: identity",
        "tail_number -> aircraft: aggregated",
        "origin -> *: filter",
        "destination -> *: filter",
    },
    "reference.airports -> airport_traffic": {
        "name -> airport_name: identity",
        "faa -> *: filter",
        "name -> *: filter",
    },
    "analytics.aircraft_usage -> aircraft_history": {
        "tail_number -> tail_number: identity",
        "miles -> miles: identity",
    },
}


def test_columns_are_traced_as_one_reads_them_in_the_project(lineage: Query) -> None:
    found: dict[str, set[str]] = {}
    for source, column, target, made, transformation, is_masked in lineage(
        "select from_relation, from_column, to_relation, to_column, transformation, is_masked from column_lineage"
        " where method = 'inferred'"
    ):
        edge = f"{column} -> {made}: {transformation}{' masked' if is_masked else ''}"
        found.setdefault(f"{source} -> {target.removeprefix('analytics.')}", set()).add(edge)

    assert found == COLUMN_EDGES
    assert lineage("select model_count, analysed_count, source_count, matched_source_count from lineage_coverage") == [
        (7, 7, 4, 4)
    ]
    assert lineage("select * from lineage_gaps") == []


def test_a_count_of_personal_values_is_no_personal_value_and_a_hash_of_one_is(lineage: Query) -> None:
    origin = "origin_relation = 'maintenance.rotations' and origin_column = 'tail_number'"

    assert dict(lineage(f"select relation || '.' || column_name, status from pii_columns where {origin}")) == {
        "maintenance.rotations.tail_number": "declared",
        "analytics.stg_rotations.tail_number": "inherited",
        "analytics.aircraft_legs.tail_number": "inherited",
        "analytics.aircraft_usage.tail_number": "inherited",
        "analytics.aircraft_history.tail_number": "inherited",
        "analytics.shared_usage.aircraft_key": "inherited",
        "analytics.airport_traffic.aircraft": "declassified",
    }


def test_the_deletion_plan_says_where_to_act_and_what_waits_for_it(lineage: Query) -> None:
    plan = lineage(
        "select relation, materialization, is_propagated, is_action_needed, is_masked, held_up_by from deletion_plan"
        " order by step, relation"
    )

    assert plan == [
        ("analytics.stg_rotations", "view", True, False, False, None),
        ("maintenance.rotations__legs", "dlt append", False, True, False, None),
        ("analytics.aircraft_legs", "incremental", False, True, False, None),
        ("analytics.aircraft_usage", "table", False, False, False, "analytics.aircraft_legs"),
        ("analytics.shared_usage", "table", False, False, True, "analytics.aircraft_legs"),
        ("analytics.aircraft_history", "snapshot", False, True, False, "analytics.aircraft_usage"),
    ]


def test_what_dbt_builds_is_where_the_fleet_loads(built: Built, lineage: Query) -> None:
    assert lineage("select distinct location from lineage_nodes where dataset_name = 'analytics'") == [
        (f"127.0.0.1:{built.fleet.server.port}/postgres",)
    ]


def test_what_shows_the_tables_to_people_is_at_the_end(lineage: Query) -> None:
    assert lineage(
        "select source.node_name, target.node_name from lineage_edges"
        " join lineage_nodes as source on source.node_id = from_node_id"
        " join lineage_nodes as target on target.node_id = to_node_id"
        " where edge_type = 'exposes' order by all"
    ) == [
        ("aircraft_usage", "usage_dashboard"),
        ("airport_traffic", "usage_dashboard"),
        ("shared_usage", "manufacturer_feed"),
    ]


@pytest.mark.parametrize(
    ("pipeline", "status", "rule"),
    [
        ("reference_data", "failing", "no load of its own came after"),
        ("weather", "stalled", "began and never ended"),
        ("airport_charges", "late", "is later than"),
        ("fleet_register", "new", "3 loads in 13 d"),
        ("ewr_departures", "healthy", "none of the rules above holds"),
    ],
)
def test_each_status_is_explained(built: Built, marts: Query, pipeline: str, status: str, rule: str) -> None:
    found = run(built.fleet.folder, "explain", pipeline, "--json")

    assert found.code == 0, found.err
    assert found.json["pipeline"]["status"] == status
    (decisive,) = [item for item in found.json["rules"] if item["decides"]]
    assert decisive["status"] == status
    assert rule in decisive["because"]
    sources = {fact["source"] for step in found.json["steps"] for fact in step["facts"]}
    assert {"loads.attribution", "int_firing_gaps.gap_seconds"} <= sources


def test_a_pipeline_is_shown_from_near(built: Built, marts: Query) -> None:
    found = run(built.fleet.folder, "status", "reference_data", "--json")

    assert found.code == 1
    (shown,) = found.json["pipelines"]
    assert shown["orchestrators"] == "dagster"
    assert [item["outcome"] for item in shown["runs"]][:3] == ["failed", "failed", "succeeded"]
    assert shown["last_failure"]["message"] == REFUSAL
    volume = [item["row_count"] for item in shown["volume"]]
    assert volume[-2:] == [None, None], "nothing came on the last two days"
    assert set(volume[-20:-2]) == {104}, "16 airlines and 88 airports a day"


def test_a_glob_shows_each_pipeline(built: Built, marts: Query) -> None:
    found = run(built.fleet.folder, "status", "*_departures")

    assert found.code == 0, found.err
    lines = [line.split("\t") for line in found.out.splitlines()]
    assert {line[0] for line in lines[1:]} == {"warehouse.ops.ewr_departures", "warehouse.ops.jfk_departures"}
    assert sum(line[1] == "Run" for line in lines) == 2 * 8


def test_a_job_summary_tells_what_is_wrong(built: Built, marts: Query) -> None:
    found = run(built.fleet.folder, "status", "--markdown", "--fail-on", "never")

    assert found.code == 0, found.err
    assert [line.split(" | ")[0] for line in found.out.splitlines() if line.startswith("| ")][2:5] == [
        "| failing",
        "| stalled",
        "| late",
    ]


def test_the_fleet_is_watched_until_somebody_interrupts(built: Built, marts: Query) -> None:
    code, shown = run_on_terminal(
        built.fleet.folder, "status", "--watch", "--interval", "1", interrupt_after="Ctrl-C ends"
    )

    assert code == 130
    assert shown.count("airport_charges") >= 2
    assert "\x1b[2J" not in shown, "it is drawn over, not wiped: nothing flickers"
    assert shown.index("\x1b[?1049h") < shown.index("airport_charges") < shown.index("\x1b[?1049l")


@pytest.mark.parametrize("command", [("status",), ("status", "weather"), ("explain", "weather")])
def test_it_is_shown_without_dlt_and_dbt(built: Built, marts: Query, command: tuple[str, ...]) -> None:
    program = (
        "import sys\nfrom meta_pipeline.cli import main\n"
        f"try:\n    main({list(command)!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'dlt', 'dbt', 'psycopg2'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=built.fleet.folder, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "weather" in done.stdout


def _utc(moment: datetime | str) -> datetime:
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _schema(stored: str | dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(stored) if isinstance(stored, str) else stored
    return schema
