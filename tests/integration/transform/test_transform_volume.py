"""Scores of volume over weeks of loads: step by step and at once, and on series that one can reason about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

import duckdb
import pytest

from meta_pipeline.home import Home
from meta_pipeline.transform import transform
from tests.fixtures.raw_dataset import RawDataset, Row, coverage, load_id

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
DAYS = 126
OUTAGE, SHIFT = 119, 98
INTERRUPTION = range(98, 102)
SCORED = (
    "grain, load_id, observed_at, observation_number, observed_rows, expected_rows, lower_bound, upper_bound, score, "
    "direction, method, history_count"
)


def noise(random: Random, share: float) -> float:
    return max(0.0, random.gauss(1, share))


SERIES: dict[str, Callable[[int, Random], float]] = {
    "noisy": lambda _, random: 1000 * noise(random, 0.2),
    "weekly": lambda day, random: (1000 if day % 7 < 5 else 100) * noise(random, 0.1),
    "growing": lambda day, random: 1000 * 1.01**day * noise(random, 0.1),
    "constant": lambda _, __: 10,
    "one": lambda _, __: 1,
    "tiny": lambda _, random: random.choice([0, 1, 2, 3, 4]),
    "sparse": lambda _, random: random.choice([0, 0, 0, 500]),
    "shifted": lambda day, random: (1000 if day < SHIFT else 4000) * noise(random, 0.1),
    "interrupted": lambda day, random: 0 if day in INTERRUPTION else 100 * noise(random, 0.1),
    "often wrong": lambda day, random: 0 if random.random() < 0.03 else 1000 * noise(random, 0.1),
}
WITH_OUTAGE = ("noisy", "weekly", "growing", "constant", "one", "often wrong")


def at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def loaded(dataset: str, rows: int, moment: datetime, collected: str) -> dict[str, list[Row]]:
    """Returns the raw rows of a load."""
    key = {"dataset_name": dataset, "load_id": load_id(at(moment)), "collected_at": collected}
    counted = {**key, "counted_at": collected}
    return {
        "loads": [{**key, "schema_name": dataset, "status": 0, "inserted_at": at(moment)}],
        "counted_loads": [counted],
        "row_counts": [{**counted, "table_name": "orders", "row_count": rows}] if rows else [],
    }


def collect(raw: RawDataset, moment: datetime, loads: list[tuple[str, int, datetime]]) -> None:
    collected = at(moment)
    tables: dict[str, list[Row]] = {"loads": [], "counted_loads": [], "row_counts": []}
    for dataset, rows, committed in loads:
        for name, found in loaded(dataset, rows, committed, collected).items():
            tables[name] += found
    raw.write(**tables)
    raw.write(coverage=[coverage(dataset, at(START), collected) for dataset in {dataset for dataset, *_ in loads}])
    raw.finish_collection(collected)


def scores(raw: RawDataset) -> list[tuple[object, ...]]:
    return raw.query(f"select {SCORED} from observability_marts.volume_scores order by all")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> RawDataset:
    """Four months of daily loads of each series, with an outage of one day in the last week."""
    folder = tmp_path_factory.mktemp("judged")
    raw = RawDataset(folder / "home.duckdb").create()
    loads = []
    for name, rows_of in SERIES.items():
        random = Random(name)
        for day in range(DAYS):
            rows = 0 if day == OUTAGE and name in WITH_OUTAGE else round(rows_of(day, random))
            loads.append((name, rows, START + timedelta(days=day, hours=6)))
    collect(raw, START + timedelta(days=DAYS), loads)
    transform(Home("duckdb", str(raw.path), folder / "work"))
    return raw


def flagged(raw: RawDataset, name: str, grain: str = "load") -> dict[int, object]:
    found = raw.query(
        "select observed_at, direction from observability_marts.volume_anomalies "
        f"where dataset_name = '{name}' and grain = '{grain}'"
    )
    return {(moment - START).days: direction for moment, direction in found}  # type: ignore[operator]


@pytest.mark.parametrize("grain", ["load", "day"])
@pytest.mark.parametrize("name", WITH_OUTAGE)
def test_an_outage_is_found(judged: RawDataset, name: str, grain: str) -> None:
    assert flagged(judged, name, grain)[OUTAGE] == "low"


@pytest.mark.parametrize("grain", ["load", "day"])
def test_rows_that_come_again_after_an_outage_are_what_was_expected(judged: RawDataset, grain: str) -> None:
    found = flagged(judged, "interrupted", grain)
    assert {day: found[day] for day in found if day >= INTERRUPTION[0]} == dict.fromkeys(INTERRUPTION, "low")


@pytest.mark.parametrize("name", ["noisy", "weekly", "growing", "tiny", "sparse"])
def test_what_varies_by_itself_is_left_alone(judged: RawDataset, name: str) -> None:
    assert len(flagged(judged, name).keys() - {OUTAGE}) <= 0.06 * DAYS


@pytest.mark.parametrize("name", ["constant", "one"])
def test_what_never_varies_is_left_alone(judged: RawDataset, name: str) -> None:
    assert set(flagged(judged, name)) == {OUTAGE}


def test_a_new_level_is_told_and_soon_accepted(judged: RawDataset) -> None:
    found = flagged(judged, "shifted")
    assert found[SHIFT] == "high"
    assert max(found) <= SHIFT + 14


def test_every_number_is_finite_and_in_order(judged: RawDataset) -> None:
    assert judged.query(
        "select count(*) from observability_marts.volume_scores where not (isfinite(score) and score >= 0 "
        "and lower_bound between 0 and expected_rows and expected_rows <= upper_bound and isfinite(upper_bound)) "
        "or is_anomalous <> (score > 1)"
    ) == [(0,)]


def hourly(until: datetime) -> Iterator[tuple[str, int, datetime]]:
    """Yields hourly loads with a season of the day, and none at night, from the start to a moment."""
    random = Random("hourly")
    for hour in range(24 * 40):
        moment = START + timedelta(hours=hour, minutes=5)
        rows = round((0 if moment.hour < 6 else 100 * moment.hour) * noise(random, 0.2))
        if moment < until:
            yield ("shop", rows, moment)


@pytest.mark.long
def test_scoring_step_by_step_equals_scoring_at_once(tmp_path: Path) -> None:
    raw = RawDataset(tmp_path / "home.duckdb").create()
    home = Home("duckdb", str(raw.path), tmp_path / "work")
    steps = [START + timedelta(days=days, hours=hours) for days, hours in ((30, 0), (30, 9), (32, 7), (36, 12))]
    seen = START
    for moment in steps:
        collect(raw, moment, [one for one in hourly(moment) if one[2] >= seen])
        transform(home)
        seen = moment
    before = len(scores(raw))
    # a retry committed late, and nothing was loaded for three days
    collect(raw, steps[-1] + timedelta(days=3), [("shop", 7, START + timedelta(days=35, hours=3, minutes=30))])
    assert not transform(home).full_refresh
    step_by_step = scores(raw)
    assert len(step_by_step) == before + 1 + 3
    with duckdb.connect(str(raw.path)) as connection:
        connection.execute("drop table observability_models.clock")
    assert transform(home).full_refresh
    assert scores(raw) == step_by_step
    assert not transform(home).full_refresh
    assert scores(raw) == step_by_step


def test_an_outage_that_begins_at_night_is_seen_in_the_morning(tmp_path: Path) -> None:
    raw = RawDataset(tmp_path / "home.duckdb").create()
    until, outage = START + timedelta(days=14, hours=12), START + timedelta(days=14)
    collect(raw, until, [(name, 0 if at >= outage else rows, at) for name, rows, at in hourly(until)])
    transform(Home("duckdb", str(raw.path), tmp_path / "work"))
    found = raw.query(
        "select distinct hour(observed_at) from observability_marts.volume_anomalies "
        f"where grain = 'load' and direction = 'low' and observed_at >= '{outage}' order by all"
    )
    assert found == [(hour,) for hour in range(6, 12)]
    latest = raw.query("select table_name, direction, observed_rows from observability_models.int_pipeline_anomalies")
    assert latest == [("orders", "low", 0)]
