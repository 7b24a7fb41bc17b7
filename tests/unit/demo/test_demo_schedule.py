from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

import pytest

from meta_pipeline.demo.schedule import Schedule, runs_of, window_until

NOW = datetime(2026, 3, 6, 12, tzinfo=timezone.utc)
STORM = (date(2013, 2, 8), date(2013, 2, 9))


@pytest.mark.parametrize("days_later", range(14))
def test_window_ends_now_and_keeps_weekdays(days_later: int) -> None:
    now = NOW + timedelta(days=days_later)
    window = window_until(now)
    assert window.now == now
    assert window.days == 42
    assert window.first_day + timedelta(days=42) == now.replace(hour=0)
    assert window.shift % timedelta(weeks=1) == timedelta(0)


@pytest.mark.parametrize("days_later", range(14))
def test_the_storm_lies_well_inside_any_window(days_later: int) -> None:
    window = window_until(NOW + timedelta(days=days_later))
    storm = [datetime.combine(day, time(), timezone.utc) + window.shift for day in STORM]
    assert all(timedelta(days=21) < moment - window.first_day for moment in storm)
    assert all(timedelta(days=10) < window.now - moment < timedelta(days=21) for moment in storm)


def test_daily_runs_start_a_little_after_they_are_due() -> None:
    window = window_until(NOW, days=5)
    runs = list(runs_of("some_pipeline", Schedule((time(5, 30),)), window))
    assert len(runs) == 5
    for number, run in enumerate(runs, 1):
        due = window.first_day + timedelta(days=number, hours=5, minutes=30)
        assert timedelta(0) < run.started_at - due < timedelta(minutes=5)
        assert timedelta(seconds=5) < run.finished_at - run.started_at < timedelta(minutes=3)


def test_runs_are_the_same_each_time_and_differ_between_pipelines() -> None:
    window, schedule = window_until(NOW), Schedule((time(5, 30),))
    runs = list(runs_of("some_pipeline", schedule, window))
    assert runs == list(runs_of("some_pipeline", schedule, window))
    others = list(runs_of("other_pipeline", schedule, window))
    assert {run.started_at for run in runs}.isdisjoint(run.started_at for run in others)


def test_several_times_a_day() -> None:
    window = window_until(NOW, days=3)
    runs = list(runs_of("some_pipeline", Schedule((time(0, 5), time(6, 5), time(18, 5))), window))
    assert [run.started_at.hour for run in runs] == [0, 6, 18, 0, 6, 18, 0, 6]


def test_weekly_runs_keep_their_weekday() -> None:
    runs = list(runs_of("some_pipeline", Schedule((time(3, 0),), weekday=0), window_until(NOW)))
    assert len(runs) == 6
    assert {run.started_at.weekday() for run in runs} == {0}


def test_nothing_runs_beyond_the_present() -> None:
    window = window_until(NOW.replace(hour=5, minute=31), days=2)
    assert [run.started_at.date() for run in runs_of("some_pipeline", Schedule((time(5, 30),)), window)] == [
        date(2026, 3, 5)
    ]
