from datetime import datetime, timedelta, timezone
from random import Random

import pytest

from benchmarks.detection.faults import CLEAN, SLOW_DECLINE, SPACING, WARM_UP, copies, planted_places
from benchmarks.detection.series import Series

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def daily(rows):
    return Series("x", "day", tuple(START + timedelta(days=day) for day in range(len(rows))), tuple(rows))


@pytest.fixture
def made():
    return {copy.fault: copy for copy in copies([daily([100] * 188)])}


@pytest.mark.parametrize(("fault", "rows"), [("outage", 0), ("half", 50), ("double", 200), ("x10", 1000)])
def test_faults_stand_where_they_are_judged_and_nowhere_else(made, fault, rows):
    copy = made[fault]
    assert len(copy.judged) == (188 - WARM_UP.days) / SPACING
    assert {copy.rows[place] for place in copy.judged} == {rows}
    assert sum(found != 100 for found in copy.rows) == len(copy.judged)


def test_nothing_is_planted_or_judged_before_the_warm_up_is_over(made):
    assert min(place for copy in made.values() for place in copy.judged) == WARM_UP.days


def test_a_clean_copy_is_judged_everywhere_else(made):
    assert made[CLEAN].rows == (100,) * 188
    assert made[CLEAN].judged == tuple(range(28, 188))


def test_a_slow_decline_ends_at_half_and_its_last_week_is_judged(made):
    copy = made[SLOW_DECLINE]
    assert copy.rows[159] == 100
    assert copy.rows[160] == 98
    assert copy.rows[-1] == 50
    assert copy.judged == tuple(range(181, 188))


def test_faults_are_planted_where_there_are_rows_normally():
    sundays_off = daily([0 if (START + timedelta(days=day)).weekday() == 6 else 100 for day in range(188)])
    lucky = daily([20 if day == 100 else 1 for day in range(188)])
    assert all(sundays_off.rows[place] for place in planted_places(sundays_off, Random(1)))
    assert planted_places(lucky, Random(1)) == ()


def test_faults_are_at_the_same_places_in_every_run():
    series = daily([100] * 400)
    assert copies([series]) == copies([series])
