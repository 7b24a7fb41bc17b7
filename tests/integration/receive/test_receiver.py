"""The receiver as a process of its own, fed by unmodified pipeline scripts and by hand."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tests.fixtures.command import COMMAND, environment, run, wait_for
from tests.integration.capture.scripts import Site, told
from tests.unit.receive.test_receive_events import TOKEN, TRACE, sent


@dataclass
class Running:
    """A receiver that runs.

    Args:
        port: Its port.
        process: Its process.
        log: What it writes.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def dsn(self) -> str:
        return f"http://127.0.0.1:{self.port}/{TOKEN}"

    def answer(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        request = Request(
            f"http://127.0.0.1:{self.port}{path}",
            body,
            dict(headers or {}),
            method="PUT" if body is not None else "GET",
        )
        try:
            with urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read())
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.answer("/health")[0] == 200
        except (URLError, ConnectionError):
            return False


@contextmanager
def running(folder: Path, port: int | None = None) -> Iterator[Running]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = port or free.getsockname()[1]
    variables = environment(META_PIPELINE_INBOX=str(folder / "inbox"), META_PIPELINE_RECEIVE_TOKEN=TOKEN)
    log = folder / "receiver.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [COMMAND, "receive", "--port", str(port)], cwd=folder, env=variables, stdout=output, stderr=output
        )
    try:
        receiver = Running(port, process, log)
        wait_for(receiver.is_up)
        yield receiver
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("receiver")) as receiver:
        yield receiver


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [("succeeding", "succeeded"), ("empty", "empty"), ("failing", "failed"), ("failed_job", "with_failed_jobs")],
)
def test_a_pipeline_that_knows_nothing_leaves_its_trace(site: Site, script: str, outcome: str) -> None:
    with running(site.folder) as receiver:
        site.run(script, None, RUNTIME__DLTHUB_DSN=receiver.dsn, LOAD__RAISE_ON_FAILED_JOBS="false")

    (event,) = site.events()
    assert told([event]) == [("run", "end", outcome)]
    assert event["captured_by"] == "receiver"
    assert event["trace"]["pipeline_name"] == "orders"


def test_a_pipeline_that_exits_in_the_middle_is_interrupted(site: Site) -> None:
    with running(site.folder) as receiver:
        assert site.run("exiting", None, RUNTIME__DLTHUB_DSN=receiver.dsn) == 3

    assert [event["outcome"] for event in site.events()] == ["interrupted"]


def test_calls_made_step_by_step_arrive_each(site: Site) -> None:
    with running(site.folder) as receiver:
        assert site.run("separate", None, RUNTIME__DLTHUB_DSN=receiver.dsn) == 0

    events = site.events()
    assert [event["step"] for event in events] == ["extract", "normalize", "load"]
    assert len({tuple(event["trace"]["steps"][0]["load_ids"]) for event in events}) == 1


def test_what_was_answered_outlives_the_receiver(site: Site) -> None:
    with running(site.folder) as receiver:
        assert receiver.answer(f"/{TOKEN}/trace", sent()) == (200, {"status": "stored"})
        receiver.process.send_signal(signal.SIGKILL)
        receiver.process.wait()

    assert [event["trace"]["transaction_id"] for event in site.events()] == ["abc"]
    with running(site.folder) as receiver:
        assert receiver.answer(f"/{TOKEN}/trace", sent(transaction_id="def"))[0] == 200
    assert [event["trace"]["transaction_id"] for event in site.events()] == ["abc", "def"]


def test_a_trace_that_is_sent_again_is_one_file(site: Site) -> None:
    with running(site.folder) as receiver:
        assert [receiver.answer(f"/{TOKEN}/trace", sent())[0] for _ in range(2)] == [200, 200]

    assert len(site.events()) == 1


def test_an_inbox_that_cannot_be_written_is_told_so_that_it_is_sent_again(site: Site) -> None:
    (site.folder / "inbox").write_text("a file where the folder should be")
    with running(site.folder) as receiver:
        status, told_ = receiver.answer(f"/{TOKEN}/trace", sent())

    assert (status, "send it again" in told_["error"]) == (503, True)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"/{TOKEN}/trace", {}),
        ("/trace", {"Authorization": f"Bearer {TOKEN}"}),
        ("/trace", {"Authorization": "Basic " + base64.b64encode(f"dlt:{TOKEN}".encode()).decode()}),
        (f"/{TOKEN}/state", {}),
    ],
)
def test_whoever_knows_the_token_is_let_in(receiver: Running, path: str, headers: dict[str, str]) -> None:
    assert receiver.answer(path, sent(), headers)[0] == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/trace", {}),
        ("/wrong-token-of-a-stranger/trace", {}),
        (f"/{TOKEN[:-1]}/trace", {}),
        ("/trace", {"Authorization": f"Bearer {TOKEN}x"}),
        ("/trace", {"Authorization": "Basic not-base64!"}),
        ("/trace", {"Authorization": "Basic /w=="}),
        ("/state", {}),
    ],
)
def test_nobody_else_is(receiver: Running, path: str, headers: dict[str, str]) -> None:
    status, told_ = receiver.answer(path, sent(), headers)

    assert status == 401
    assert "token" in told_["error"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{}", 422, "transaction_id"),
        (b"not JSON", 422, "not JSON"),
    ],
)
def test_what_is_no_trace_is_refused_with_the_reason(receiver: Running, body: bytes, status: int, reason: str) -> None:
    given, told_ = receiver.answer(f"/{TOKEN}/trace", body)

    assert given == status
    assert reason in told_["error"]


def test_a_body_that_is_announced_to_be_too_large_is_not_taken(receiver: Running) -> None:
    head = f"PUT /{TOKEN}/trace HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {33 << 20}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=30) as connection:
        connection.sendall(head.encode())
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"at most 32 MB" in answer


def test_a_body_without_an_end_is_cut_off(receiver: Running) -> None:
    head = f"PUT /{TOKEN}/trace HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    part = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", receiver.port)) as connection:
        connection.settimeout(30)
        connection.sendall(head.encode())
        for _ in range(33):
            connection.sendall(part)
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
    assert receiver.is_up()


def test_neither_the_token_nor_a_secret_is_in_the_log_or_the_inbox(site: Site) -> None:
    with running(site.folder) as receiver:
        receiver.answer(f"/{TOKEN}/trace", sent())
        receiver.answer(f"/{TOKEN}/trace", b"{hunter2-of-a-body")
        receiver.answer(f"/{TOKEN}x/trace", sent())

    kept = receiver.log.read_text() + json.dumps(site.events())
    assert "Receiving on" in kept
    assert TRACE["pipeline_name"] in kept
    assert "hunter2" not in kept


def test_without_a_token_the_command_says_how_to_make_one(tmp_path: Path) -> None:
    done = run(tmp_path, "receive", META_PIPELINE_INBOX=str(tmp_path / "inbox"), META_PIPELINE_RECEIVE_TOKEN="")

    assert done.code == 2
    assert "token_urlsafe" in done.err
