from __future__ import annotations

import json
from typing import Any

import pytest

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.receive.events import NotATraceError, event_of
from meta_pipeline.receive.settings import read_settings
from meta_pipeline_capture.event import event_name

TOKEN = "hunter2-of-the-receiver"
TRACE: dict[str, Any] = {
    "transaction_id": "abc",
    "pipeline_name": "crm",
    "started_at": "2026-01-05T00:00:00Z",
    "finished_at": "2026-01-05T00:01:00.5+00:00",
    "steps": [{"step": "load", "step_exception": "cannot reach postgresql://u:hunter2-of-db@db/x"}],
    "resolved_config_values": [{"key": "secret", "value": "hunter2-of-config"}],
}


def sent(**changes: Any) -> bytes:
    return json.dumps({**TRACE, **changes}).encode()


def test_a_trace_becomes_an_event_at_the_time_at_which_it_ended() -> None:
    event = event_of(sent())

    assert event_name(event) == "20260105T000100.500000Z-abc-load-end.json"
    assert (event["captured_by"], event["outcome"]) == ("receiver", "failed")
    assert "hunter2" not in json.dumps(event)


def test_a_trace_sent_twice_has_one_name() -> None:
    assert event_name(event_of(sent())) == event_name(event_of(sent()))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (sent(transaction_id=None), "transaction_id"),
        (sent(transaction_id="../../etc/passwd"), "transaction_id"),
        (sent(pipeline_name=5), "pipeline_name"),
        (sent(steps="x"), "steps"),
        (sent(steps=[1]), "steps"),
        (sent(finished_at="yesterday"), "finished_at"),
        (sent(started_at=None), "started_at"),
    ],
)
def test_what_is_not_a_trace_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(NotATraceError, match=reason):
        event_of(body)


def test_the_inbox_of_the_environment_goes_before_the_configured_one() -> None:
    variables = {"META_PIPELINE_INBOX": "s3://a/b", "META_PIPELINE_RECEIVE_TOKEN": TOKEN}

    assert read_settings(variables, "c").inbox == "s3://a/b"
    assert read_settings({"META_PIPELINE_RECEIVE_TOKEN": TOKEN}, "c").inbox == "c"
    assert TOKEN not in repr(read_settings(variables))


@pytest.mark.parametrize("token", ["", "short"])
def test_without_a_token_that_is_long_enough_nothing_is_received(token: str) -> None:
    with pytest.raises(ConfigurationError, match="token_urlsafe"):
        read_settings({"META_PIPELINE_INBOX": "inbox", "META_PIPELINE_RECEIVE_TOKEN": token})


def test_without_an_inbox_nothing_is_received() -> None:
    with pytest.raises(ConfigurationError, match="META_PIPELINE_INBOX"):
        read_settings({"META_PIPELINE_RECEIVE_TOKEN": TOKEN})
