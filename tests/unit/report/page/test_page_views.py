from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from meta_pipeline.report.page import extract, queries
from meta_pipeline.report.page.views import late_after_seconds

CHECKOUT = Path(__file__).parents[4]
MIDNIGHT = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("ages", "late_after"),
    [
        ([], 26 * HOUR),
        ([0 * HOUR], 26 * HOUR),
        ([0 * HOUR, 1 * HOUR, 2 * HOUR], 2.5 * HOUR),
        ([0 * HOUR, 1 * HOUR, 2 * HOUR, 50 * HOUR], 2.5 * HOUR),
        ([0 * DAY, 1 * DAY], 2.5 * DAY),
        ([timedelta(minutes=minute) for minute in range(5)], timedelta(minutes=15)),
        # what was usual long ago does not count
        ([*[number * DAY for number in range(50)], *[50 * DAY + number * HOUR for number in range(21)]], 2.5 * HOUR),
    ],
    ids=["none", "one", "hourly", "hourly with a pause", "daily", "by the minute", "hourly for some time"],
)
def test_the_watcher_is_late_when_it_missed_collections(ages: list[timedelta], late_after: timedelta) -> None:
    assert late_after_seconds([MIDNIGHT + age for age in ages]) == late_after.total_seconds()


def test_the_documentation_has_the_numbers_of_the_code() -> None:
    text = (CHECKOUT / "docs" / "report.md").read_text(encoding="utf-8")
    script = (CHECKOUT / "meta_pipeline/report/page/assets/lineage.js").read_text(encoding="utf-8")

    assert f"for {extract.DAYS} days" in text
    assert f"the newest {queries.NEWEST_CHANGES:,}" in text
    assert f"the last {queries.RUNS_PER_PIPELINE} runs" in text
    assert "MOST_DRAWN = 1500" in script
    assert "More than 1,500 places" in text
