from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from meta_pipeline import demo
from meta_pipeline.demo.fleet import FLEET, KILLED_AGO, SILENCE
from meta_pipeline.demo.folder import DESTINATIONS, POSTGRES_FOLDER
from meta_pipeline.demo.postgres import RECORD_FILE
from meta_pipeline.demo.schedule import window_until
from meta_pipeline.exceptions import MetaPipelineError

NOW = datetime(2026, 3, 6, 12, tzinfo=timezone.utc)


def test_every_destination_has_its_pipelines() -> None:
    assert {member.destination for member in FLEET} == set(DESTINATIONS)
    assert len({member.name for member in FLEET}) == len(FLEET)


def test_one_pipeline_goes_silent() -> None:
    window = window_until(NOW)
    ages = {member.name: window.now - member.runs(window)[-1].finished_at for member in FLEET}
    assert {name for name, age in ages.items() if age > timedelta(days=8)} == {"airport_charges"}
    assert SILENCE < ages["airport_charges"] < SILENCE + timedelta(days=1)


@pytest.mark.parametrize("hour", [0, 1, 4, 13, 23])
def test_only_the_last_runs_of_two_pipelines_end_badly(hour: int) -> None:
    window = window_until(NOW.replace(hour=hour, minute=2))
    endings = {member.name: [run.ending for run in member.runs(window)] for member in FLEET}

    assert endings.pop("reference_data")[-3:] == ["loaded", "refused", "refused"]
    assert endings.pop("weather")[-2:] == ["loaded", "killed"]
    assert {ending for listed in endings.values() for ending in listed} == {"loaded"}
    (killed,) = (run for member in FLEET for run in member.runs(window) if run.ending == "killed")
    assert killed.started_at < window.now - KILLED_AGO


def test_a_fleet_may_have_fewer_runs_than_endings() -> None:
    window = window_until(NOW, days=1)
    endings = {member.name: [run.ending for run in member.runs(window)] for member in FLEET}

    assert endings["reference_data"] == ["refused"]
    assert endings["airport_charges"] == []


def test_each_pipeline_has_an_orchestrator_of_its_own() -> None:
    assert len({member.orchestrator for member in FLEET}) == len(FLEET)


def test_a_failed_replay_names_the_destination_and_stops_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__LAKE__DESTINATION_TYPE", "no_such_type")
    messages: list[str] = []
    with pytest.raises(MetaPipelineError, match=r"The pipelines of lake failed.*lake\.log") as error:
        demo.build_fleet(tmp_path, messages.append, now=NOW, days=1)
    assert "dlt.destinations" in str(error.value)
    assert "The pipelines of warehouse" not in str(error.value)
    assert not (tmp_path / POSTGRES_FOLDER / RECORD_FILE).exists()
    assert all(len(message) < 80 for message in messages)
