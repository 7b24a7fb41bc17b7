from datetime import datetime, timedelta, timezone

import duckdb
import pytest

from benchmarks.detection.elementary import SENSITIVITY, SETTINGS

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
BY_NAME = {setting.name: setting for setting in SETTINGS}
DEFAULT, EXCLUDING = BY_NAME["Elementary, default"], BY_NAME["… without the tested point"]
DAY_OF_WEEK = BY_NAME["… `day_of_week`, without the tested point"]


def scores(setting, rows):
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create table buckets (copy bigint, place bigint, moment timestamptz, rows bigint)")
        connection.executemany(
            "insert into buckets values (1, ?, ?, ?)",
            [(place, START + timedelta(days=place), count) for place, count in enumerate(rows)],
        )
        return [score for _, _, score in connection.execute(f"{setting.query} order by copy, place").fetchall()]


@pytest.mark.parametrize(("before", "is_found"), [(9, False), (10, True)])
def test_a_jump_cannot_be_found_before_the_eleventh_point(before, is_found):
    assert (scores(DEFAULT, [100, 101] * (before // 2) + [100] * (before % 2) + [10**9])[-1] > SENSITIVITY) is is_found


def test_a_constant_series_scores_nothing_without_the_tested_point():
    assert scores(EXCLUDING, [100] * 14 + [0])[-1] == 0


def test_the_training_set_is_fourteen_days_with_or_without_the_tested_point():
    rows = [10**6] + [100, 102] * 7
    assert scores(EXCLUDING, [*rows, 108])[-1] == pytest.approx((108 - 101) / 1.0377, abs=0.01)
    assert scores(DEFAULT, rows)[-1] == pytest.approx((102 - 101) / 1.0377, abs=0.01)


def test_a_weekday_is_compared_with_the_same_weekday():
    rows = [10 if day % 7 == 6 else 100 + day // 7 for day in range(70)]
    assert scores(DAY_OF_WEEK, [*rows, 10])[-1] < -SENSITIVITY
    assert abs(scores(EXCLUDING, [*rows, 10])[-1]) < SENSITIVITY
