"""The marts of a small fleet: built at once, step by step, for a past moment, and again after a failure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import duckdb
import pytest

from meta_pipeline.exceptions import TransformError
from meta_pipeline.transform import TransformResult, stage, transform
from meta_pipeline.transform.profile import home_profile
from meta_pipeline.transform.project import project_folder
from meta_pipeline.transform.runner import DbtPaths, run_dbt
from tests.fixtures.captures import call
from tests.fixtures.raw_dataset import RawDataset, load
from tests.integration.transform import fleet
from tests.integration.transform.fleet import FleetHome

pytestmark = pytest.mark.xdist_group("transform fleet")

# The columns that DESIGN.md promises.
CONTRACT = {
    "pipelines": "pipeline_id, destination_name, destination_type, dataset_name, pipeline_name, schema_names, "
    "orchestrators, first_load_at, last_load_at",
    "pipeline_health": "pipeline_id, destination_name, dataset_name, pipeline_name, status, reason, last_load_at, "
    "expected_interval_seconds, expected_by, status_since",
    "pipeline_health_history": "pipeline_id, destination_name, dataset_name, pipeline_name, status, previous_status, "
    "reason, changed_at, noticed_at, ended_at, duration_seconds, next_status",
    "loads": "destination_name, dataset_name, load_id, schema_name, pipeline_name, attribution, started_at, "
    "committed_at, duration_seconds, rows_loaded, is_complete",
    "runs": "run_id, pipeline_name, orchestrator, run_url, started_at, finished_at, outcome, failed_step, "
    "exception_type, message",
    "run_steps": "run_id, step_number, step_name, started_at, finished_at, duration_seconds, load_ids",
    "table_loads": "destination_name, dataset_name, load_id, table_name, row_count, count_method",
    "table_volume_daily": "destination_name, dataset_name, table_name, load_date, row_count, load_count",
    "volume_scores": "destination_name, dataset_name, table_name, grain, observed_at, load_id, observed_rows, "
    "expected_rows, lower_bound, upper_bound, score, is_anomalous, method, history_count",
    "volume_anomalies": "destination_name, dataset_name, table_name, grain, observed_at, load_id, pipeline_id, "
    "pipeline_name, observed_rows, expected_rows, lower_bound, upper_bound, score, direction, is_latest",
    "incremental_cursors": "pipeline_name, source_name, resource_name, cursor_path, last_value, last_advanced_at, "
    "is_stuck, has_regressed",
    "orphaned_loads": "destination_name, dataset_name, load_id, evidence",
    "observed_tables": "destination_name, dataset_name, schema_name, table_name, resource_name, parent_table, "
    "write_disposition",
    "observed_columns": "destination_name, dataset_name, schema_name, table_name, column_name, data_type, is_nullable, "
    "hints",
    "schema_changes": "destination_name, dataset_name, schema_name, changed_at, change_type, table_name, column_name, "
    "old_value, new_value, load_id, pipeline_name",
    "lineage_nodes": "node_id, node_type",
    "lineage_edges": "from_node_id, to_node_id, edge_type, method, confidence",
    "column_lineage": "from_relation, from_column, to_relation, to_column, transformation, is_masked",
    "lineage_coverage": "project_name, model_count, analysed_count, unknown_column_count, coverage",
    "lineage_gaps": "project_name, gap_type, subject, column_name, reason",
    "pii_columns": "relation, column_name, status, origin_relation, origin_column, hops, is_masked, category, reason",
    "deletion_plan": "origin_relation, origin_column, relation, materialization, is_propagated, is_masked, step, "
    "action",
    "governance_findings": "finding_key, finding_type, severity, relation, column_name, pipeline_name, summary, "
    "suggestion, is_excepted, exception_reason",
    "destination_coverage": "destination_name, dataset_name, last_collected_at, outcome, error, schemas_seen",
    "alerts": "alert_key, alert_type, severity, is_event, destination_name, dataset_name, pipeline_id, pipeline_name, "
    "table_name, subject, summary, opened_at, cause_key, run_url",
}
# What the raw tables do not decide, but what was told.
VIEWS = {"alert_history"}

# Columns that say when a mart was built rather than what it shows.
TIMES_OF_BUILDING = {"built_at", "judged_at", "noticed_at"}


def marts_of(raw: RawDataset) -> dict[str, list[str]]:
    return {
        mart: sorted(
            str({name: value for name, value in row.items() if name not in TIMES_OF_BUILDING}) for row in raw.rows(mart)
        )
        for mart in CONTRACT
    }


def test_marts_have_the_columns_that_users_rely_on(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    for mart, columns in CONTRACT.items():
        assert raw.rows(mart, columns), mart


def test_marts_are_all_that_is_public(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    tables = raw.query("select table_name from information_schema.tables where table_schema = 'observability_marts'")
    assert {name for (name,) in tables} == {*CONTRACT, *VIEWS}


def test_dbt_build_passes_with_all_unit_and_data_tests(fleet_home: FleetHome) -> None:
    fleet_home.restore("second collection")
    work = fleet_home.folder / "build"
    profile = home_profile(fleet_home.home)
    profile.write(work)
    paths = DbtPaths(project_folder(), work, fleet_home.folder / "work" / "dbt" / "target", work / "logs")
    assert run_dbt(["build", "--full-refresh"], paths, profile.variables) > 200


def test_captured_runs_say_what_no_system_table_does(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    runs = {
        (row["pipeline_name"], row["started_at"].day, row["started_at"].hour): (row["outcome"], row["rows_loaded"])
        for row in raw.rows("runs")
    }
    assert {key: value for key, value in runs.items() if key[1] >= 15} == {
        ("shop", 15, 5): ("succeeded", 30),
        ("shop", 15, 8): ("failed", 0),
        ("copier", 15, 6): ("empty", 0),
        ("shop", 16, 5): ("succeeded", 4),
        ("shop", 17, 5): ("succeeded", 4),
        ("shop", 18, 5): ("succeeded", 4),
        ("shop", 19, 5): ("with_failed_jobs", 30),
        ("shop", 20, 5): ("succeeded", 30),
        ("shop", 21, 5): ("unfinished", None),
    }
    traced = raw.query("select count(*), count(run_id) from observability_marts.loads where attribution = 'trace'")
    assert traced == [(11, 11)]
    counts = raw.query(
        "select count_method, count(*), sum(row_count) from observability_marts.table_loads "
        "where dataset_name = 'shop' group by all"
    )
    # on the days with separate steps the nested table got nothing, although it normally does
    assert counts == [("traced", 8 * 2 + 3 * 2, 8 * 30 + 3 * 4)]
    assert {"evidence": "trace", "pipeline_names": "shop"} in raw.rows("orphaned_loads", "evidence, pipeline_names")
    assert raw.query(
        "select source.node_name, source.dataset_name, target.resource_name, edge.method "
        "from observability_marts.lineage_edges as edge "
        "join observability_marts.lineage_nodes as source on source.node_id = edge.from_node_id "
        "join observability_marts.lineage_nodes as target on target.node_id = edge.to_node_id "
        "where edge.edge_type = 'reads' and target.dataset_name = 'copy' and source.destination_name = 'warehouse'"
    ) == [("orders", "shop", "orders", "traced")]


def test_a_call_that_a_better_way_tells_again_is_one_run_still(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    at = "2026-01-20 05:00"
    weak = {"captured_by": "load_info_table", "step": "load", "dataset": "shop"}
    raw.write(**call("shop", "2026-01-22 05:00", **weak, package_at="2026-01-22 05:00", collected="2026-01-22 12:00"))
    raw.finish_collection("2026-01-22 12:00")
    transform(fleet_home.home)
    assert len(raw.rows("runs", "run_id")) == 16
    # the plugin's files come late, and one call is told by the receiver too
    raw.write(**call("shop", "2026-01-22 05:00", dataset="shop", counts={"orders": 2}, collected="2026-01-23 12:00"))
    raw.write(**call("shop", at, dataset="shop", captured_by="receiver", collected="2026-01-23 12:00"))
    raw.finish_collection("2026-01-23 12:00")
    assert not transform(fleet_home.home).full_refresh
    step_by_step = marts_of(raw)
    last = raw.query(
        "select captured_by, load_count, rows_loaded from observability_marts.runs where started_at > '2026-01-22'"
    )
    assert last == [("plugin", 1, 2)]
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute("drop table observability_models.clock")
    assert transform(fleet_home.home).full_refresh
    assert marts_of(raw) == step_by_step


def test_a_call_that_arrives_late_becomes_the_first_of_its_run(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    hours = {"extract": "05", "normalize": "06", "load": "07"}
    for day, steps in ((22, ("normalize", "load")), (23, ("extract",))):
        collected = f"2026-01-{day} 12:00"
        for step in steps:
            at, package = f"2026-01-22 {hours[step]}:00", "2026-01-22 05:00"
            raw.write(**call("stepwise", at, dataset="crm", step=step, package_at=package, collected=collected))
        raw.finish_collection(collected)
        assert not transform(fleet_home.home).full_refresh

    told = raw.query("select started_at, call_count from observability_marts.runs where pipeline_name = 'stepwise'")
    assert told == [(datetime(2026, 1, 22, 5, tzinfo=timezone.utc), 3)]
    step_by_step = marts_of(raw)
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute("drop table observability_models.clock")
    assert transform(fleet_home.home).full_refresh
    assert marts_of(raw) == step_by_step


def test_building_step_by_step_equals_building_at_once(fleet_home: FleetHome) -> None:
    step_by_step = marts_of(fleet_home.restore("second transform"))
    with duckdb.connect(str(fleet_home.raw.path)) as connection:
        connection.execute("drop table observability_models.clock")
    assert transform(fleet_home.home).full_refresh
    assert marts_of(fleet_home.raw) == step_by_step


def test_nothing_new_rewrites_nothing(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    before = marts_of(raw)
    last = raw.query("select max(built_at) from observability_marts.loads")
    assert not transform(fleet_home.home).full_refresh
    assert raw.query("select max(built_at) from observability_marts.loads") == last
    assert raw.query("select max(built_at) from observability_marts.runs") == last
    assert marts_of(raw) == before


def test_a_collection_that_is_not_finished_is_read_again_when_it_is(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    late = "2026-01-22 12:00"
    raw.write(loads=[load("2026-01-22 06:00", collected_at=late)])
    raw.finish_collection(late, status=1)
    transform(fleet_home.home)
    assert len(raw.rows("loads")) == len(_loads_in(fleet_home, "second transform")) + 1
    # dlt carries on with the rest of the package
    raw.write(loads=[load("2026-01-22 07:00", collected_at=late)])
    raw.finish_collection(late)
    transform(fleet_home.home)
    assert len(raw.rows("loads")) == len(_loads_in(fleet_home, "second transform")) + 2


def test_the_past_is_what_had_been_committed_by_then_and_the_present_comes_back(
    fleet_home: FleetHome, past: TransformResult
) -> None:
    present = marts_of(fleet_home.restore("second transform"))
    assert (past.full_refresh, past.as_of) == (True, fleet.PAST)
    raw = fleet_home.restore("the past")
    committed = marts_of(raw)
    health = {row["pipeline_name"]: row["status"] for row in raw.rows("pipeline_health")}
    assert health == {
        **{None: "late", "crm_daily": "healthy", "visits": "healthy", "clicks": "healthy"},
        **{"shop": "failing", "copier": "new"},
    }

    assert transform(fleet_home.home).full_refresh
    assert marts_of(raw) == present
    fleet_home.restore("first transform")
    transform(fleet_home.home, as_of=fleet.PAST)
    known_then = marts_of(raw)
    # a status is known as it was read last, so the one that moved since is told as it is now
    assert len(set(committed.pop("loads")) ^ set(known_then.pop("loads"))) == 2
    assert committed == known_then


def test_before_the_first_collection_everything_is_judged_as_if_read(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    transform(fleet_home.home, as_of=datetime(2026, 1, 10, 12))
    health = {row["pipeline_name"]: row["status"] for row in raw.rows("pipeline_health")}
    assert health == dict.fromkeys([None, "crm_daily", "visits", "clicks", "shop"], "healthy")
    assert raw.rows("destination_coverage") == []
    assert max(row["committed_at"] for row in raw.rows("loads")) == datetime(2026, 1, 10, 9, tzinfo=timezone.utc)


def test_a_past_that_broke_off_is_not_taken_for_the_present(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    present = marts_of(raw)
    _rename(raw, "observability.schema_columns", "hidden")
    with pytest.raises(TransformError) as failure:
        transform(fleet_home.home, as_of=datetime(2026, 1, 10, 12, tzinfo=timezone.utc))
    assert "stg_observability__schema_columns" in str(failure.value)
    assert "does not exist" in str(failure.value)
    assert "run `meta-pipeline transform` again" in str(failure.value)

    _rename(raw, "observability.hidden", "schema_columns")
    assert transform(fleet_home.home).full_refresh
    assert marts_of(raw) == present


def test_a_transform_that_broke_off_is_made_up_for(fleet_home: FleetHome) -> None:
    whole = marts_of(fleet_home.restore("second transform"))
    raw = fleet_home.restore("first transform")
    fleet.write_second(raw)
    _rename(raw, "observability.schema_columns", "hidden")
    with pytest.raises(TransformError):
        transform(fleet_home.home)
    assert len(raw.rows("loads")) == len(_loads_in(fleet_home, "second transform"))

    _rename(raw, "observability.hidden", "schema_columns")
    assert not transform(fleet_home.home).full_refresh
    assert marts_of(raw) == whole


def test_what_dbt_remembers_of_another_version_is_not_trusted(
    fleet_home: FleetHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet_home.restore("second transform")
    asked: list[Sequence[str]] = []

    def break_off(options: Sequence[str], *_: object) -> None:
        asked.append(options)
        raise TransformError("broken off")

    monkeypatch.setattr(stage, "parse_project", break_off)
    parsed = fleet_home.home.work_folder / "dbt" / "target" / stage.PARSED_FILE
    this_version = parsed.read_text()
    for version in (this_version, "another version"):
        parsed.write_text(version)
        with pytest.raises(TransformError):
            transform(fleet_home.home)
    assert parsed.read_text() == "another version"
    parsed.write_text(this_version)

    assert ["--no-partial-parse" in options for options in asked] == [False, True]


def test_the_project_is_only_read(fleet_home: FleetHome) -> None:
    fleet_home.restore("second transform")
    folder = project_folder()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    transform(fleet_home.home)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_empty_observability_dataset_gives_empty_marts(fleet_home: FleetHome) -> None:
    fleet_home.raw.path.unlink()
    fleet_home.raw.create()
    transform(fleet_home.home)
    assert all(rows == [] for rows in marts_of(fleet_home.raw).values())
    assert not transform(fleet_home.home).full_refresh


def _loads_in(fleet_home: FleetHome, name: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(fleet_home.saved(name)), read_only=True) as connection:
        return connection.execute("select load_id from observability_marts.loads").fetchall()


def _rename(raw: RawDataset, table: str, name: str) -> None:
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute(f"alter table {table} rename to {name}")
