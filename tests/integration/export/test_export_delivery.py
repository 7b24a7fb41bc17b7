"""Events are sent to a real HTTP server, which takes them well, badly, slowly and not at all."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.exceptions import ExportError
from meta_pipeline.export import delivery
from meta_pipeline.export.delivery import Delivery, send, write_file
from tests.fixtures.lineage_server import LineageServer, running_lineage_server

TOKEN = "hunter2hunter2"
EVENTS: list[dict[str, Any]] = [
    {"eventType": "START", "eventTime": "t1", "run": {}, "job": {"name": "dlt.a"}},
    {"job": {"name": "dbt.b"}},
    {"dataset": {"namespace": "duckdb://w", "name": "crm.orders"}},
]


@pytest.fixture
def server() -> Iterator[LineageServer]:
    with running_lineage_server() as running:
        yield running


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_RETRY", {**delivery._RETRY, "backoff_factor": 0})


def lines() -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(event).encode() + b"\n" for event in EVENTS))


def problem(server_url: str) -> tuple[int, str]:
    sent = send(lines(), server_url, TOKEN)
    (told,) = sent.problems
    assert TOKEN not in told
    assert "hidden" not in told, "of a URL nothing is told"
    return sent.count, told


def test_a_server_takes_all_events_in_their_order(server: LineageServer) -> None:
    assert send(lines(), server.url, TOKEN) == Delivery(3)

    assert server.taken == EVENTS
    assert set(server.calls) == {("/hidden/api/v1/lineage", f"Bearer {TOKEN}")}


def test_without_a_token_none_is_sent(server: LineageServer) -> None:
    send(lines(), f"{server.url}/", None)

    assert set(server.calls) == {("/hidden/api/v1/lineage", None)}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(server: LineageServer, status: int) -> None:
    server.statuses = [status, status, 201]

    assert send(lines(), server.url, TOKEN) == Delivery(3)
    assert server.taken == EVENTS


def test_a_server_that_stays_busy_is_given_up_after_some_attempts(server: LineageServer) -> None:
    server.statuses = [201, *[503] * 100]

    count, told = problem(server.url)

    assert count == 1
    assert "was busy or broken at 4 attempts" in told
    assert "Sent were 1 events; not sent: job dbt.b, and all after it" in told
    assert "export again" in told
    assert len(server.calls) == 5


def test_what_is_refused_is_named_and_the_rest_is_sent(server: LineageServer) -> None:
    server.refused_kind = "dataset"

    count, told = problem(server.url)

    assert count == 2
    assert "refused 1 events with HTTP status 422: dataset duckdb://w crm.orders." in told
    assert server.taken == EVENTS[:2]


def test_of_many_that_are_refused_some_are_named_and_all_are_counted(server: LineageServer) -> None:
    server.statuses = [400] * 7
    events = io.BytesIO(b"".join(b'{"job": {"name": "j%d"}}\n' % number for number in range(8)))

    sent = send(events, server.url, None)

    assert sent.count == 1
    assert "refused 7 events" in sent.problems[0]
    assert "job j0; job j1; job j2; job j3; job j4; and 2 more" in sent.problems[0]


@pytest.mark.parametrize(("status", "advice"), [(401, "Check token"), (403, "Check token"), (404, "Check the URL")])
def test_where_nobody_is_let_in_nothing_more_is_sent(server: LineageServer, status: int, advice: str) -> None:
    server.statuses = [status]

    count, told = problem(server.url)

    assert (count, len(server.calls)) == (0, 1)
    assert f"HTTP status {status}. {advice}" in told


def test_nobody_follows_where_it_leads(server: LineageServer) -> None:
    with running_lineage_server() as other:
        server.statuses, server.location = [307], other.url

        count, told = problem(server.url)

        assert other.calls == []
    assert count == 0
    assert "sends elsewhere" in told


def test_a_server_that_does_not_answer_is_given_up(server: LineageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.2)
    server.seconds = 5

    count, told = problem(server.url)

    assert count == 0
    assert "did not answer in time" in told


def test_a_server_that_is_slow_is_waited_for(server: LineageServer) -> None:
    server.seconds = 0.3

    assert send(lines(), server.url, TOKEN).count == 3


def test_a_port_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    count, told = problem(f"http://127.0.0.1:{port}/hidden")

    assert count == 0
    assert "could not be reached" in told


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()

    with pytest.raises(ExportError, match="events could not be written: Is a directory"):
        write_file(lines(), tmp_path / "events")

    assert [item.name for item in tmp_path.iterdir()] == ["events"]
