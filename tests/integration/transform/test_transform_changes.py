"""A transform builds what changed, and the marts come out as if it had built everything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import duckdb
import pytest

from meta_pipeline.exceptions import TransformError
from meta_pipeline.transform import stage, transform
from meta_pipeline.transform.project import project_folder
from meta_pipeline.transform.runner import DbtPaths, parse_project, run_dbt
from meta_pipeline.transform.selection import Project, read_project, tables
from tests.fixtures.captures import start
from tests.fixtures.clocks import modules_go_by
from tests.fixtures.raw_dataset import RawDataset, coverage, load
from tests.integration.transform import fleet
from tests.integration.transform.fleet import FleetHome
from tests.integration.transform.test_transform_marts import marts_of

pytestmark = pytest.mark.xdist_group("transform fleet")

BUILT_AT = datetime(2026, 1, 21, 12, 30, tzinfo=timezone.utc)

# What judges by the moment, and what is made of that.
TIMELY = {
    "alerts",
    "clock",
    "governance_findings",
    "int_complete_days",
    "int_dataset_readings",
    "int_pipeline_anomalies",
    "int_pipeline_health",
    "int_pipeline_statuses",
    "int_schema_findings",
    "int_stitched_calls",
    "int_waiting_packages",
    "destination_coverage",
    "pipeline_health",
    "pipeline_health_history",
    "runs",
    "volume_anomalies",
}


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Lets dbt believe that it is a certain time."""
    import dbt.tracking

    with modules_go_by(lambda _: moment, dbt.tracking):
        yield


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the models that were selected, as transforms go on."""
    selected: set[str] = set()

    def run(command: Sequence[str], *rest: object) -> int:
        if "--select" in command:
            selected.update(
                name for name in command[command.index("--select") + 1 :] if not name.startswith(("-", "{"))
            )
        return run_dbt(command, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "run_dbt", run)
    return selected


@pytest.fixture(scope="module")
def project(fleet_home: FleetHome) -> Project:
    work = fleet_home.home.work_folder / "dbt"
    paths = DbtPaths(project_folder(), work, work / "target_parsed", work / "logs")
    return read_project(parse_project([], paths, {stage.FINGERPRINT_VARIABLE: "", stage.SETTINGS_VARIABLE: ""}))


@pytest.fixture(scope="module")
def _running(fleet_home: FleetHome) -> None:
    """Saves marts that were built while a run was going on."""
    raw = fleet_home.restore("second collection")
    raw.write(**start("shop", "2026-01-21 12:10", dataset="shop", collected=fleet.SECOND))
    _date_back(raw)
    with duckdb.connect(str(raw.path)) as connection:
        # the fleet was looked at on the day of the test
        connection.execute("drop table observability_models.int_pipeline_statuses cascade")
    with at(BUILT_AT):
        everything_anew(fleet_home)
    assert outcome_of_last_run(raw) is None
    fleet_home.save("a run is going on")


def _date_back(raw: RawDataset) -> None:
    """Lets rows whose collection does not matter elsewhere be of the second one."""
    tables_with_times = raw.query(
        "select table_name from information_schema.columns "
        "where table_schema = 'observability' and column_name = 'collected_at'"
    )
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for (table,) in tables_with_times:
            connection.execute(
                f"update observability.{table} set collected_at = ? where collected_at > ?", [fleet.SECOND] * 2
            )


def everything_anew(fleet_home: FleetHome) -> dict[str, list[str]]:
    with duckdb.connect(str(fleet_home.raw.path)) as connection:
        connection.execute("drop table observability_models.clock")
    assert transform(fleet_home.home).full_refresh
    return marts_of(fleet_home.raw)


def find_nothing(raw: RawDataset, collected: datetime) -> None:
    """Writes what a collection leaves that found nothing new."""
    until = f"{collected:%Y-%m-%d %H:%M}"
    raw.write(
        coverage=[
            coverage("crm", "2026-01-14 12:00", until),
            coverage("shared", fleet.SECOND, until, "locked", error="close the other program"),
            coverage("unclaimed", "2026-01-14 12:00", until),
            coverage("shop", "2026-01-14 12:00", until),
            coverage("events", fleet.SECOND, until, destination_name="lake"),
        ]
    )
    for destination in ("warehouse", "lake"):
        raw.finish_collection(until, destination=destination)


def let_dbt_fail(monkeypatch: pytest.MonkeyPatch, words: str) -> list[Sequence[str]]:
    """Lets dbt build nothing from now on, and returns the commands that it is given."""
    commands: list[Sequence[str]] = []

    def fail(command: Sequence[str], *_: object) -> int:
        commands.append(command)
        raise TransformError(words)

    monkeypatch.setattr(stage, "run_dbt", fail)
    return commands


def outcome_of_last_run(raw: RawDataset) -> object:
    ((outcome,),) = raw.query("select outcome from observability_marts.runs where started_at = '2026-01-21 12:10'")
    return outcome


def find_a_load(raw: RawDataset, collected: datetime) -> None:
    find_nothing(raw, collected)
    until = f"{collected:%Y-%m-%d %H:%M}"
    raw.write(loads=[load(until, schema_version_hash="v2", collected_at=until)])


def find_a_destination(raw: RawDataset, collected: datetime) -> None:
    until = f"{collected:%Y-%m-%d %H:%M}"
    raw.write(coverage=[coverage("old", until, until, destination_name="attic")])
    find_nothing(raw, collected)


@pytest.mark.usefixtures("_running")
def test_marts_are_as_if_everything_was_built(fleet_home: FleetHome, built: set[str]) -> None:
    raw = fleet_home.restore("a run is going on")
    steps = [
        ("nothing new", 0.1, find_nothing, set[str]()),
        ("a load", 0.2, find_a_load, {"loads", "lineage_edges", "int_pipeline_rhythm"}),
        ("a destination", 0.3, find_a_destination, {"pipelines", "int_flow_nodes"}),
        ("a day later", 12, find_nothing, {"int_volume_observations", "volume_scores", "run_steps"}),
    ]
    for name, hours, find, others in steps:
        now = BUILT_AT + timedelta(hours=hours)
        find(raw, now - timedelta(minutes=1))
        built.clear()
        with at(now):
            assert not transform(fleet_home.home).full_refresh
        assert built >= {*TIMELY, "int_destinations"} | others, name
        # dbt's code is as it was
        assert "int_pii_names" not in built or name in ("a load", "a destination"), name
        if name == "nothing new":
            assert built == {*TIMELY, "int_destinations"}
    step_by_step = marts_of(raw)

    with at(now):
        assert step_by_step == everything_anew(fleet_home)


@pytest.mark.usefixtures("_running")
def test_a_run_that_never_ended_is_told_though_nothing_new_was_collected(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("a run is going on")
    with at(BUILT_AT + timedelta(days=1)):
        transform(fleet_home.home)
    assert outcome_of_last_run(raw) == "unfinished"
    health = {row["pipeline_name"]: row["status"] for row in raw.rows("pipeline_health")}
    assert health["shop"] == "stalled"


@pytest.mark.usefixtures("_running")
def test_what_a_transform_noticed_that_broke_off_is_not_forgotten(
    fleet_home: FleetHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = fleet_home.restore("a run is going on")

    def break_off(command: Sequence[str], *rest: object) -> int:
        if "clock" in command:
            raise TransformError("broken off")
        return run_dbt(command, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "run_dbt", break_off)
    with at(BUILT_AT + timedelta(days=1)), pytest.raises(TransformError):
        transform(fleet_home.home)
    assert outcome_of_last_run(raw) == "unfinished"

    monkeypatch.setattr(stage, "run_dbt", run_dbt)
    with at(BUILT_AT + timedelta(days=1, minutes=1)):
        transform(fleet_home.home)
        made_up_for = marts_of(raw)
        fleet_home.restore("a run is going on")
        transform(fleet_home.home)
    assert made_up_for == marts_of(raw)


@pytest.mark.usefixtures("_running")
def test_a_first_model_that_fails_keeps_no_other_from_being_built(
    fleet_home: FleetHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet_home.restore("a run is going on")
    commands = let_dbt_fail(monkeypatch, "'runs' could not be built")
    with pytest.raises(TransformError, match="'runs' could not be built"):
        transform(fleet_home.home)
    assert ["--select" in command for command in commands] == [True, False]


def test_a_table_that_somebody_dropped_comes_back(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    before = marts_of(raw)
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute("drop table observability_marts.column_lineage")

    # rows of a table that grows cannot be told from those of the last time
    assert transform(fleet_home.home).full_refresh
    assert marts_of(raw) == before


def test_other_settings_are_followed_at_once(fleet_home: FleetHome, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = fleet_home.restore("second transform")
    promised = {"crm_*": 3.0}
    assert not transform(fleet_home.home, expected_within_hours=promised).full_refresh
    assert raw.query(
        "select expected_by from observability_marts.pipeline_health where pipeline_name = 'crm_daily'"
    ) == [(datetime(2026, 1, 21, 9, tzinfo=timezone.utc),)]

    commands = let_dbt_fail(monkeypatch, "broken off")
    # the second time the settings are those of the last finished one, but the first has built some models
    for settings in ({}, promised):
        with pytest.raises(TransformError):
            transform(fleet_home.home, expected_within_hours=settings)
    assert ["--exclude" in command for command in commands] == [True, True]


def test_the_first_glob_that_matches_counts(fleet_home: FleetHome, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet_home.restore("second transform")
    told: list[str] = []

    def stop(options: Sequence[str], *_: object) -> None:
        told.append(options[options.index("--vars") + 1])
        raise TransformError("no more is wanted")

    monkeypatch.setattr(stage, "parse_project", stop)
    with pytest.raises(TransformError):
        transform(fleet_home.home, expected_within_hours={"crm_*": 6.0, "*": 48.0})
    assert list(json.loads(told[0])["expected_within_hours"]) == ["crm_*", "*"]


@pytest.mark.usefixtures("_running")
def test_a_collection_that_ends_meanwhile_is_not_missed(fleet_home: FleetHome, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = fleet_home.restore("a run is going on")
    now = BUILT_AT + timedelta(hours=1)

    def collect_then_run(command: Sequence[str], *rest: object) -> int:
        monkeypatch.setattr(stage, "run_dbt", run_dbt)
        find_a_load(raw, now - timedelta(minutes=1))
        return run_dbt(command, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "run_dbt", collect_then_run)
    with at(now):
        transform(fleet_home.home)
    assert raw.query("select count(*) from observability_marts.loads where committed_at > '2026-01-21 13:00'") == [(1,)]


def test_the_clock_is_built_after_every_table(project: Project) -> None:
    # else a table whose building failed would be taken for built
    before = {"clock"}
    while parents := {parent for name in before for parent in project.models[name].models} - before:
        before |= parents
    assert set(tables(project, project.models)) <= before


def test_what_goes_by_the_moment_is_read_from_the_project(project: Project) -> None:
    assert {name for name, model in project.models.items() if model.judges_by_moment} <= TIMELY
    assert {name for name, model in project.models.items() if model.holds_only_news} == {
        "int_loads_to_count",
        "int_empty_loads",
        "int_moved_datasets",
        "int_cursor_changes",
        "int_stitched_calls",
    }
    assert {name for name, model in project.models.items() if model.keeps_unchanged_rows} == {
        "int_complete_days",
        "int_destinations",
        "runs",
    }
    assert project.pulses == {"coverage", "collections"}
    assert "loads" in project.sources
