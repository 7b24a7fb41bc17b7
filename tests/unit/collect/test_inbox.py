from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.collect import inbox
from meta_pipeline.collect.inbox import InboxFiles, read_inbox
from tests.unit.collect.test_exports import MONDAY, TUESDAY
from tests.unit.collect.test_runs import EXAMPLES, START

FIRST = "20260105T010000.000000Z-t-run-start.json"
SECOND = "20260105T020000.000000Z-t-run-end.json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    shutil.copy(EXAMPLES / "started.json", tmp_path / "inbox" / FIRST)
    shutil.copy(EXAMPLES / "succeeded.json", tmp_path / "inbox" / SECOND)
    return tmp_path / "inbox"


def read(state: dict[str, Any] | None = None, url: str = "inbox", at: Any = MONDAY) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    kept = json.loads(json.dumps(state or {}))
    for batch in read_inbox(url, kept, at):
        found.setdefault(batch.table.name, []).extend(batch.rows.to_pylist())
    if state is not None:
        state.update(kept)
    return found


def names(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    return [row["file_name"] for row in found.get("captured_files", [])]


def told(found: dict[str, list[dict[str, Any]]]) -> tuple[str, str | None]:
    (row,) = found["coverage"]
    return row["outcome"], row["error"]


def test_every_file_becomes_a_capture(folder: Path) -> None:
    found = read()

    assert [(row["capture_id"], row["event"]) for row in found["captured_runs"]] == [(FIRST, "start"), (SECOND, "end")]
    assert [(row["file_name"], row["outcome"]) for row in found["captured_files"]] == [
        (FIRST, "read"),
        (SECOND, "read"),
    ]
    assert told(found) == ("complete", None)
    assert found["coverage"][0]["dataset_name"] == "inbox"


def test_a_file_is_read_once(folder: Path) -> None:
    state: dict[str, Any] = {}
    read(state)

    assert names(read(state, at=TUESDAY)) == []
    assert read(state)["collections"][0]["row_count"] == 0


def test_only_what_came_is_opened(folder: Path) -> None:
    state: dict[str, Any] = {}
    read(state)
    shutil.copy(folder / FIRST, folder / FIRST.replace("-t-", "-late-"))

    found = read(state)

    assert names(found) == [FIRST.replace("-t-", "-late-")]
    assert found["collections"][0]["query_count"] == 2, "the listing and the file"


def test_files_are_left_as_they_are(folder: Path) -> None:
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}

    read()

    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "content", "outcome"),
    [
        ("half.json", b'{"format": "meta-pipeline/tr', "broken"),
        ("empty.json", b"", "broken"),
        ("other.json", b'{"a": 1}', "not_a_trace"),
        ("photo.png", b"\x89PNG", "not_a_trace"),
        ("newer.json", json.dumps({**START, "format_version": 9}).encode(), "unknown_version"),
    ],
)
def test_a_file_that_is_no_event_is_told_and_the_others_are_read(
    folder: Path, name: str, content: bytes, outcome: str
) -> None:
    (folder / name).write_bytes(content)

    found = read()

    assert [row["outcome"] for row in found["captured_files"] if row["file_name"] == name] == [outcome]
    assert len(found["captured_runs"]) == 2
    assert told(found)[0] == "partial"
    assert f"file {name} " in str(told(found)[1])


def test_of_a_hundred_megabytes_of_junk_nothing_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    contents = InboxFiles.contents

    def noted(self: InboxFiles, files: Any) -> Any:
        asked.extend(file.name for file in files)
        return contents(self, files)

    monkeypatch.setattr(InboxFiles, "contents", noted)
    with (folder / "junk.json").open("wb") as junk:
        junk.truncate(100 << 20)

    found = read()

    assert [row["outcome"] for row in found["captured_files"]] == ["read", "read", "too_large"]
    assert asked == [FIRST, SECOND]


def test_a_refused_file_is_told_until_it_is_gone_without_being_opened_again(folder: Path) -> None:
    state: dict[str, Any] = {}
    (folder / "half.json").write_bytes(b"{")
    first = read(state)

    second = read(state, at=TUESDAY)
    assert names(second) == []
    assert told(second) == told(first)

    (folder / "half.json").unlink()
    assert told(read(state, at=TUESDAY)) == ("complete", None)


def test_a_half_written_file_is_read_when_it_is_whole(folder: Path) -> None:
    state: dict[str, Any] = {}
    whole = (folder / SECOND).read_bytes()
    (folder / SECOND).write_bytes(whole[:100])
    assert told(read(state))[0] == "partial"
    (folder / SECOND).write_bytes(whole)

    found = read(state)

    assert [row["capture_id"] for row in found["captured_runs"]] == [SECOND]
    assert told(found) == ("complete", None)


def test_names_that_begin_with_a_dot_are_not_finished(folder: Path) -> None:
    (folder / f".{FIRST}.4711").write_bytes(b"{")

    assert told(read()) == ("complete", None)


def test_no_more_than_a_few_files_are_in_memory_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "BYTES_AT_ONCE", 1)

    tables = [batch.table.name for batch in read_inbox("inbox", {}, MONDAY)]

    assert tables.count("captured_runs") == 2


def test_an_inbox_that_the_first_run_will_make_is_empty(folder: Path) -> None:
    assert told(read(url="inbox/of_tomorrow")) == ("complete", None)


def test_an_inbox_that_cannot_be_there_is_told(folder: Path) -> None:
    outcome, error = told(read(url="nowhere/inbox"))

    assert outcome == "unreachable"
    assert "there is no folder nowhere/inbox" in str(error)
    assert "Check inbox in .dlt/config.toml" in str(error)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read_is_told_and_tried_again(folder: Path) -> None:
    state: dict[str, Any] = {}
    (folder / FIRST).chmod(0)
    assert [row["outcome"] for row in read(state)["captured_files"]] == ["read", "forbidden"]
    (folder / FIRST).chmod(0o600)

    assert names(read(state)) == [FIRST]


def test_the_password_in_an_url_is_not_told(folder: Path) -> None:
    state: dict[str, Any] = {}

    found = read(state, url="nosuchprotocol://user:hunter2-of-the-inbox@host/inbox")

    assert told(found)[0] in ("misconfigured", "unreachable")
    assert "hunter2" not in json.dumps([found["coverage"], state], default=str)


def test_what_is_unreachable_is_continued_where_it_was(folder: Path) -> None:
    state: dict[str, Any] = {}
    place, away = folder.parent / "place", folder.parent / "away"
    place.mkdir()
    folder.rename(place / "inbox")
    read(state, url="place/inbox")
    place.rename(away)
    assert told(read(state, url="place/inbox"))[0] == "unreachable"
    away.rename(place)

    found = read(state, url="place/inbox")

    assert names(found) == []
    assert told(found) == ("complete", None)
