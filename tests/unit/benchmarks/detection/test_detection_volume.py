from datetime import datetime, timezone

import pytest

from benchmarks.detection.__main__ import PAGE
from benchmarks.detection.faults import Copy
from benchmarks.detection.series import Series, real_series
from benchmarks.detection.volume import Rate, rate_of
from benchmarks.results import replace_between_marks

SERIES = Series("x", "day", (datetime(2026, 1, 1, tzinfo=timezone.utc),) * 4, (1, 1, 1, 1))


@pytest.mark.parametrize(("direction", "rate"), [("low", Rate(1, 3)), ("high", Rate(1, 3)), ("", Rate(2, 3))])
def test_a_fault_is_noticed_only_in_its_direction(direction, rate):
    copy = Copy(7, SERIES, "any", direction, SERIES.rows, judged=(0, 1, 2))
    assert rate_of(copy, {(7, 0): "low", (7, 1): "high", (7, 3): "low", (8, 2): "low"}) == rate


def test_what_was_not_judged_has_no_share():
    assert Rate(0, 0).percent == 0


def test_series_are_whole_years_of_flights_and_days_of_trade():
    series = {(one.name, one.grain): one for one in real_series()}
    newark = series["departures EWR", "day"]
    assert (len(newark.rows), newark.moments[0].isoformat()) == (365, "2013-01-01T00:00:00+00:00")
    assert sum(newark.rows) == sum(series["departures EWR", "hour"].rows)
    shares = series["shares of IBM", "day"]
    assert all(moment.weekday() < 5 for moment in shares.moments)
    assert len(shares.moments) == len(set(shares.moments))


def test_the_page_has_the_marks():
    assert "new" in replace_between_marks(PAGE.read_text(encoding="utf-8"), "new")
