from __future__ import annotations

import random
from datetime import datetime

import pytest

from benchmarks.detection.schedules import (
    SCHEDULES,
    Moment,
    Schedule,
    Verdict,
    choose_moments,
    duration_text,
    judge,
    table_text,
)

BY_NAME = {schedule.name: schedule for schedule in SCHEDULES}


def firings_of(name: str) -> list[datetime]:
    return sorted(BY_NAME[name].firings(random.Random(1)))


def test_schedules_in_a_local_time_zone_move_with_its_clocks() -> None:
    hours = {fired.month: fired.hour for fired in firings_of("daily, 06:00 Berlin")}

    assert (hours[1], hours[7]) == (5, 4)


def test_schedules_of_weekdays_rest_on_weekends() -> None:
    assert {fired.weekday() for fired in firings_of("weekdays, 06:00 Berlin")} == set(range(5))


def test_the_first_business_day_of_a_month_is_no_weekend_and_no_later_than_the_third() -> None:
    days = {fired.day for fired in firings_of("first business day, 07:00 Berlin")}

    assert days == {1, 2, 3}


def test_every_pause_and_a_sample_of_the_rest_stand_for_all_firings() -> None:
    schedule = Schedule("office hours", BY_NAME["every hour, weekdays 8-18, Berlin"].firings, sampled=50)
    firings = sorted(at.timestamp() for at in schedule.firings(random.Random(1)))

    chosen = choose_moments(schedule, firings, random.Random(1))

    assert sum(moment.next_fired - moment.fired > 12 * 3600 for moment in chosen) == 261
    assert sum(moment.weight for moment in chosen) == pytest.approx(261 * 11)
    assert all(moment.fired < moment.next_fired < moment.second_fired for moment in chosen)


def test_silence_begins_after_the_last_load_of_a_burst() -> None:
    schedule = BY_NAME["daily, 3 to 6 loads in a burst, 05:00 Berlin"]
    firings = sorted(at.timestamp() for at in schedule.firings(random.Random(1)))

    chosen = choose_moments(schedule, firings, random.Random(1))

    assert {round((moment.next_fired - moment.fired) / 86400) for moment in chosen} == {1}
    assert {round((moment.second_fired - moment.next_fired) / 86400) for moment in chosen} == {1}


def test_an_alarm_is_false_where_an_hourly_look_came_before_the_firing() -> None:
    noon = 12 * 3600.0
    moments = [Moment("x", float(number), noon + 60, noon + 7200, 1) for number in range(3)]
    expected = {moments[0].key: noon - 1, moments[1].key: noon + 1, moments[2].key: noon + 10000}

    verdict = judge(moments, expected)

    assert verdict == Verdict(1, -59, 9940, 2 / 3)


def test_the_table_has_a_line_per_schedule() -> None:
    text = table_text({"daily": dict.fromkeys(("ours", "former", "naive"), Verdict(1, 90, 7200, 0.5))})

    assert text.splitlines()[-1] == "| daily | 1 | 1 | 1 | 2 min | 2.0 h | 50% | 50% | 50% |"


def test_durations_have_a_unit_that_suits_them() -> None:
    assert [duration_text(seconds) for seconds in (300, 7199, 7200, 172800)] == ["5 min", "120 min", "2.0 h", "2.0 d"]
