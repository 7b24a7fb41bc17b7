"""Elementary's volume test, made anew from its documentation: a standard score over a period of training.

The score is the distance from the mean of the training set in standard deviations; beyond 3 it is an anomaly. The
training set is the last 14 days, the tested bucket included. With a seasonality it is the buckets of the same season;
those of a week are given 14 weeks, or there would be two of them. A set without any deviation scores 0.
"""

from __future__ import annotations

from dataclasses import dataclass

SENSITIVITY = 3
TRAINING = 14
DAY = 24 * 60 * 60
WEEK = 7 * DAY

_SCORES = """
    select
        copy,
        place,
        case when deviation > 0 then (rows - mean) / deviation else 0 end as score
    from (
        select
            copy,
            place,
            rows,
            avg(rows) over training as mean,
            stddev_samp(rows) over training as deviation
        from buckets
        window training as (
            partition by copy{season} order by moment
            range between interval {seconds} seconds preceding and {end}
        )
    )
"""


@dataclass(frozen=True)
class Setting:
    """A way to set the test up.

    Args:
        name: What it is called.
        grains: Grains that it is for.
        season: Expression of the season of a moment; empty without.
        weeks: Whether the training period is in weeks rather than days.
        is_tested_included: Whether the tested bucket trains its own baseline, as it does by default.
    """

    name: str
    grains: tuple[str, ...]
    season: str = ""
    weeks: bool = False
    is_tested_included: bool = True

    @property
    def query(self) -> str:
        """Returns a query for the scores of the table `buckets` (copy, place, moment, rows)."""
        return _SCORES.format(
            season=f", {self.season}" if self.season else "",
            seconds=TRAINING * (WEEK if self.weeks else DAY) - (1 if self.is_tested_included else 0),
            end="current row" if self.is_tested_included else "interval 1 second preceding",
        )


_WEEKDAY, _HOUR, _HOUR_OF_WEEK = "dayofweek(moment)", "hour(moment)", "dayofweek(moment), hour(moment)"

SETTINGS = (
    Setting("Elementary, default", ("day", "hour")),
    Setting("… without the tested point", ("day", "hour"), is_tested_included=False),
    Setting("… `day_of_week`", ("day",), _WEEKDAY, weeks=True),
    Setting("… `day_of_week`, without the tested point", ("day",), _WEEKDAY, weeks=True, is_tested_included=False),
    Setting("… `hour_of_day`", ("hour",), _HOUR),
    Setting("… `hour_of_day`, without the tested point", ("hour",), _HOUR, is_tested_included=False),
    Setting("… `hour_of_week`", ("hour",), _HOUR_OF_WEEK, weeks=True),
    Setting(
        "… `hour_of_week`, without the tested point", ("hour",), _HOUR_OF_WEEK, weeks=True, is_tested_included=False
    ),
)
