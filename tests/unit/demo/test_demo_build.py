from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from meta_pipeline import demo
from meta_pipeline.demo.fleet import FLEET, SILENT_DAYS
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
    silent = {member.name for member in FLEET if member.silent_days}
    assert {name for name, age in ages.items() if age > timedelta(days=8)} == silent == {"airport_charges"}
    assert timedelta(days=SILENT_DAYS) < ages["airport_charges"] < timedelta(days=SILENT_DAYS + 1)


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
