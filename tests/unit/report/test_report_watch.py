from __future__ import annotations

import os
from pathlib import Path

import pytest

from meta_pipeline.exceptions import HomeError
from meta_pipeline.home import Home
from meta_pipeline.report import watch
from meta_pipeline.report.status import FleetStatus
from tests.unit.report.fleets import fleet, pipeline

BEFORE, AFTER = fleet([pipeline("healthy")]), fleet([pipeline("late")])
WRITTEN_AT = 1_000_000.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Returns a home whose file somebody wrote at a moment; who reads it finds what came after."""
    file = tmp_path / "home.duckdb"
    file.touch()
    os.utime(file, (WRITTEN_AT, WRITTEN_AT))
    monkeypatch.setattr(watch, "read_status", lambda home: AFTER)
    return Home("duckdb", str(file), tmp_path)


@pytest.mark.parametrize(
    ("known", "now", "found"),
    [
        (WRITTEN_AT, WRITTEN_AT + 3_600, BEFORE),
        (WRITTEN_AT - 60, WRITTEN_AT + 1, BEFORE),
        (WRITTEN_AT - 60, WRITTEN_AT + watch.QUIET_SECONDS, AFTER),
    ],
)
def test_a_file_is_read_when_it_has_changed_and_nobody_writes_any_more(
    home: Home, known: float, now: float, found: FleetStatus
) -> None:
    assert watch.look_again(home, watch.View(BEFORE, known), now).fleet == found


def test_a_server_is_always_asked(home: Home) -> None:
    server = Home("postgres", "db", home.work_folder)

    assert watch.look_again(server, watch.View(BEFORE, None), 0).fleet == AFTER


def test_what_cannot_be_read_for_a_while_stays_as_it_was_and_says_so(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_: Home) -> FleetStatus:
        raise HomeError("in use by another process")

    monkeypatch.setattr(watch, "read_status", locked)

    view = watch.look_again(home, watch.View(BEFORE, 0), WRITTEN_AT + 3_600)

    assert (view.fleet, view.problem) == (BEFORE, "in use by another process")
