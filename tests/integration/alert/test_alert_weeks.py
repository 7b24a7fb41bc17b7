"""Three weeks of a fleet, day by day, against a webhook that is not always well: what is told, no more and no less."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.collected import clear_environment
from tests.fixtures.webhook import running_webhook
from tests.integration.alert.weeks import Fleet, all_go_by, moment

DAYS = 21
MISSING = {
    ("shop", 5, 6),
    *(("billing", day, 6) for day in (8, 9, 10, 11)),
    *(("feed", day, 7) for day in (11, 12, 13)),
}
NIGHTS = (12, 13, 14)

TOLD = {
    (5, 12): ["Failing: shop"],
    (6, 12): ["Over: failing: shop"],
    (9, 12): ["Late: billing"],
    (11, 12): ["Late: feed", "1 finding still open"],
    (12, 0): ["Over: late: feed"],
    (12, 12): ["Again: late: feed", "Over: late: billing"],
    (13, 12): ["Schema changed: orders.note (shop)"],
    (14, 12): ["Unusual volume: orders (shop)"],
    (15, 12): ["Over: late: feed", "Over: unusual volume: orders (shop)"],
    (16, 12): ["Not readable: finance (2 datasets)"],
    (18, 12): ["Over: not readable: finance (2 datasets)"],
}
# A failing pipeline is critical; what could not be done is a channel that refused, and a destination that was away.
CODES = {(5, 12): 1, (8, 12): 2, (16, 12): 2, (17, 12): 2}


@pytest.mark.long
def test_three_weeks_tell_what_happened_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    with running_webhook() as webhook, running_webhook() as heartbeat:
        fleet = Fleet(tmp_path, webhook, heartbeat, MISSING)
        fleet.begin()
        for name, value in fleet.settings().items():
            monkeypatch.setenv(name, value)
        told, codes, rounds = {}, {}, 0
        with all_go_by(fleet.clock):
            for day in range(1, DAYS + 1):
                for hour in (0, 12) if day in NIGHTS else (12,):
                    _happens(fleet, day, hour)
                    codes[day, hour], told[day, hour] = fleet.run(moment(day, hour))
                    rounds += 1
                fleet.load(day, 12, 24)

    assert {when: titles for when, titles in told.items() if titles} == TOLD
    assert {when: code for when, code in codes.items() if code} == CODES
    assert len(heartbeat.calls) == rounds - sum(code == 2 for code in codes.values()), "only after complete runs"


def _happens(fleet: Fleet, day: int, hour: int) -> None:
    if hour == 0:
        return
    if day == 13:
        fleet.remove_column(moment(13, 5))
    if day in (16, 18):
        fleet.be_away(day == 16)
    fleet.load(day, 0, 12)
    fleet.webhook.status = 503 if day == 8 else 200
    fleet.webhook.seconds = 0.5 if day == 5 else 0
    if day == 5:
        fleet.capture("failed", moment(5, 6), rows=0)
