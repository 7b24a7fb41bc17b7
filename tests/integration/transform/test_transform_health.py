"""When silence is told, and what is kept of a pipeline's statuses."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from benchmarks.detection.schedules import SCHEDULES, Schedule, measure
from meta_pipeline.transform import transform
from tests.fixtures.raw_dataset import RawDataset, Row, load
from tests.integration.transform.fleet import FleetHome

pytestmark = pytest.mark.xdist_group("transform fleet")


def history(raw: RawDataset, pipeline: str = "crm_daily") -> list[Row]:
    rows = [row for row in raw.rows("pipeline_health_history") if row["pipeline_name"] == pipeline]
    return sorted(rows, key=lambda row: str(row["noticed_at"]))


def bring_back(raw: RawDataset) -> None:
    """Lets the pipeline load again, now."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    at = f"{now:%Y-%m-%d %H:%M:%S}"
    raw.write(loads=[load(at, schema_version_hash="v2", collected_at=at)])
    raw.finish_collection(at)


def test_a_change_of_status_is_kept_once(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    (before,) = history(raw)
    bring_back(raw)

    transform(fleet_home.home)
    transform(fleet_home.home)

    first, last = history(raw)
    # it is back, with the anomaly that it had before
    assert (before["status"], last["status"]) == ("unreachable", "anomalous")
    ended_at = last["changed_at"]
    duration = pytest.approx((ended_at - before["changed_at"]).total_seconds())
    assert first == {**before, "next_status": "anomalous", "ended_at": ended_at, "duration_seconds": duration}
    assert (last["previous_status"], last["next_status"]) == ("unreachable", None)
    assert last["ended_at"] is None
    assert before["noticed_at"] <= last["changed_at"] <= last["noticed_at"], (
        "it was unreachable when it was last looked at"
    )
    health = {row["pipeline_name"]: row for row in raw.rows("pipeline_health")}
    assert health["crm_daily"]["status_since"] == last["changed_at"]


@pytest.mark.usefixtures("past")
def test_the_past_neither_writes_nor_loses_statuses(fleet_home: FleetHome) -> None:
    before = fleet_home.restore("second transform").rows("pipeline_health_history")

    raw = fleet_home.restore("the past")
    assert raw.rows("pipeline_health_history") == []
    health = {row["pipeline_name"]: row for row in raw.rows("pipeline_health")}
    assert health["crm_daily"]["status"] == "healthy"
    assert health["crm_daily"]["status_since"] == datetime(2026, 1, 15, 6, tzinfo=timezone.utc)

    transform(fleet_home.home)
    assert sorted(map(str, raw.rows("pipeline_health_history"))) == sorted(map(str, before))


def test_a_rebuild_keeps_what_raw_data_cannot_tell(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    bring_back(raw)
    transform(fleet_home.home)
    before = history(raw)
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute("drop table observability_models.clock")

    assert transform(fleet_home.home).full_refresh
    assert len(before) == 2
    assert history(raw) == before


def test_a_transform_that_is_killed_and_repeated_notices_once(fleet_home: FleetHome) -> None:
    raw = fleet_home.restore("second transform")
    bring_back(raw)
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute("create table clock_before as from observability_models.clock")
    transform(fleet_home.home)
    # killed before its last model, it would have left the clock as it was
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute("create or replace table observability_models.clock as from clock_before")

    assert not transform(fleet_home.home).full_refresh
    assert [row["status"] for row in history(raw)] == ["unreachable", "anomalous"]


@pytest.mark.parametrize(
    "name",
    ["weekdays, 06:00 Berlin", pytest.param("every 15 min, weekdays 8-18, Berlin", marks=pytest.mark.long)],
)
def test_weekends_nights_and_changes_of_clocks_are_no_silence(name: str, tmp_path: Path) -> None:
    (firings,) = (schedule.firings for schedule in SCHEDULES if schedule.name == name)
    schedule = Schedule(name, firings, sampled=40)

    verdicts = measure([schedule], tmp_path)[name]

    assert verdicts["ours"].false_alarms == 0
    assert verdicts["ours"].prompt_share > 0.85
    assert verdicts["former"].false_alarms >= 52
