from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meta_pipeline_capture import delivery, spool
from meta_pipeline_capture.delivery import deliver
from meta_pipeline_capture.spool import Spool


class Box:
    """An inbox that keeps what it gets, and first does what it is told."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self.before = before
        self.names: list[str] = []

    def put(self, name: str, content: bytes) -> None:
        self.before()
        self.names.append(name)


@pytest.fixture(name="kept")
def _kept(tmp_path: Path) -> Spool:
    return Spool.of_inbox(tmp_path / "spool", "s3://bucket/inbox")


@pytest.fixture(name="released")
def _released(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What a hanging inbox waits for; it is given up at once."""
    monkeypatch.setattr(delivery, "DEADLINE_SECONDS", 0.01)
    released = threading.Event()
    yield released
    released.set()
    for hanging in delivery._left_alone.values():
        hanging.join()
    delivery._left_alone.clear()


def refuse() -> None:
    raise PermissionError("s3://key:hunter2@bucket")


def names(kept: Spool) -> list[str]:
    return [name for name, _ in kept.events()]


def test_an_event_is_sent_and_nothing_kept(kept: Spool) -> None:
    box = Box()
    deliver(box, kept, "1.json", b"{}")

    assert box.names == ["1.json"]
    assert not kept.folder.exists()


def test_an_event_that_is_refused_is_sent_with_the_next_one(kept: Spool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "meta_pipeline_capture")
    deliver(Box(refuse), kept, "1.json", b"{}")
    deliver(Box(refuse), kept, "2.json", b"{}")
    assert names(kept) == ["1.json", "2.json"]
    assert "PermissionError" in caplog.text
    assert "hunter2" not in caplog.text

    box = Box()
    deliver(box, kept, "3.json", b"{}")

    assert box.names == ["3.json", "1.json", "2.json"]
    assert names(kept) == []


def test_an_inbox_that_hangs_is_given_up_and_not_tried_again(kept: Spool, released: threading.Event) -> None:
    hanging, next_one = Box(released.wait), Box()
    deliver(hanging, kept, "1.json", b"{}")
    deliver(next_one, kept, "2.json", b"{}")

    assert names(kept) == ["1.json", "2.json"]
    assert next_one.names == []


def test_a_fork_does_not_wait_for_its_parents_inbox(
    kept: Spool, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(Box(released.wait), kept, "1.json", b"{}")
    monkeypatch.setattr("os.getpid", lambda: -1)
    monkeypatch.setattr(delivery, "DEADLINE_SECONDS", 30)
    box = Box()
    deliver(box, kept, "2.json", b"{}")

    assert box.names[0] == "2.json"


def test_a_process_that_starts_no_thread_any_more_keeps_the_event(kept: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(delivery._Sending, "start", refuse_thread)
    deliver(Box(), kept, "1.json", b"{}")

    assert names(kept) == ["1.json"]


def test_the_oldest_make_room_by_number(kept: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MAX_FILES", 2)
    for name in ("1.json", "2.json", "3.json"):
        kept.keep(name, b"{}")

    assert names(kept) == ["2.json", "3.json"]


def test_the_oldest_make_room_by_size(kept: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MAX_BYTES", 5)
    for name in ("1.json", "2.json", "3.json"):
        kept.keep(name, b"{}")

    assert names(kept) == ["2.json", "3.json"]


def test_each_inbox_has_a_spool_that_does_not_tell_its_address(tmp_path: Path) -> None:
    here, there = (Spool.of_inbox(tmp_path, f"s3://{bucket}") for bucket in ("here", "there"))

    assert here != there
    assert "here" not in here.folder.name


def test_nobody_else_reads_the_spool(kept: Spool) -> None:
    kept.keep("1.json", b"{}")

    assert kept.folder.stat().st_mode & 0o077 == 0


def test_what_another_process_sent_meanwhile_is_left_out(kept: Spool) -> None:
    kept.keep("1.json", b"{}")
    kept.keep("2.json", b"{}")
    events = kept.events()
    next(events)
    kept.forget("2.json")

    assert list(events) == []
