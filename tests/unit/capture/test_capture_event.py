from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from meta_pipeline_capture.event import event_bytes, event_name, make_event

NOON = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=timezone.utc)


def event(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "event": "end",
        "step": "run",
        "captured_by": "receiver",
        "captured_at": NOON,
        "variables": {},
    }
    return make_event({"transaction_id": "a1", "steps": []}, **{**given, **changes})


def test_the_name_tells_time_run_and_event() -> None:
    assert event_name(event()) == "20261123T120000.000005Z-a1-run-end.json"


def test_names_sort_by_time_in_any_zone() -> None:
    earlier = (NOON - timedelta(minutes=1)).astimezone(timezone(timedelta(hours=5)))

    assert event_name(event(captured_at=earlier)) < event_name(event())


def test_a_name_leads_to_no_other_folder() -> None:
    made = make_event(
        {"transaction_id": "../../etc/passwd"},
        event="end",
        step="/run",
        captured_by="receiver",
        captured_at=NOON,
        variables={},
    )

    assert event_name(made) == "20261123T120000.000005Z-______etc_passwd-_run-end.json"


def test_a_start_has_no_outcome() -> None:
    assert event(event="start")["outcome"] is None
    assert event()["outcome"] == "empty"


def test_what_was_written_can_be_read() -> None:
    made = event(destination={"name": "Fakturën", "type": None, "dataset_name": "\ud800"})

    assert json.loads(event_bytes(made))["destination"]["name"] == "Fakturën"
