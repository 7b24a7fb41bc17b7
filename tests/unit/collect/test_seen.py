from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from meta_pipeline.collect.seen import ListedFile, SeenFiles

NOTHING = SeenFiles({}, {})


def file(hour: str, number: int = 1, size: int = 10) -> ListedFile:
    return ListedFile(f"{hour}0000.000000Z-{number}-run-end.json", size)


OLD = file("20260101T03")
ALSO_OLD = file("20260101T03", 2)
RECENT = file("20260109T22")
NEWEST = file("20260110T05")


def names(files: Sequence[ListedFile]) -> list[str]:
    return [item.name for item in files]


def seen(*files: ListedFile) -> SeenFiles:
    return SeenFiles.from_state(json.loads(json.dumps(NOTHING.after(files, ()).to_state())))


def test_what_was_never_seen_is_new_in_the_order_of_names() -> None:
    assert NOTHING.new_among([NEWEST, OLD]) == [OLD, NEWEST]


def test_what_was_seen_is_not_new() -> None:
    assert seen(OLD, RECENT, NEWEST).new_among([NEWEST, RECENT, OLD]) == []


def test_in_a_recent_hour_only_the_file_that_came_is_new() -> None:
    late = file("20260109T22", 2)

    assert seen(RECENT, NEWEST).new_among([RECENT, late, NEWEST]) == [late]


def test_a_file_that_arrives_long_after_its_time_is_new_with_those_of_its_hour() -> None:
    assert seen(OLD, NEWEST).new_among([OLD, ALSO_OLD, NEWEST]) == [OLD, ALSO_OLD]


def test_a_file_that_has_grown_is_new() -> None:
    grown = file("20260110T05", size=11)

    assert seen(NEWEST).new_among([grown]) == [grown]


def test_a_file_that_could_not_be_read_stays_new() -> None:
    assert NOTHING.after([OLD, NEWEST], {OLD.name, NEWEST.name}).new_among([OLD, NEWEST]) == [OLD, NEWEST]


def test_older_hours_are_remembered_by_a_digest_only() -> None:
    state = seen(OLD, ALSO_OLD, RECENT, NEWEST).to_state()

    assert sorted(state["marks"]) == ["20260109T22", "20260110T05"]
    assert list(state["digests"]) == ["20260101T03"]


def test_hours_that_were_not_listed_are_still_remembered() -> None:
    after = seen(OLD, RECENT).after([RECENT, NEWEST], (), ["20260109", "20260110"])

    assert after.new_among([OLD, RECENT, NEWEST]) == []


def test_a_recent_hour_becomes_old() -> None:
    after = seen(OLD).after([NEWEST], (), ["20260109", "20260110"])

    assert after.new_among([OLD, NEWEST]) == []
    assert list(after.to_state()["digests"]) == ["20260101T03"]


def test_what_was_deleted_from_the_inbox_is_forgotten() -> None:
    assert seen(OLD, NEWEST).after([NEWEST], ()).to_state()["digests"] == {}


@pytest.mark.parametrize("name", ["notes.txt", "20261301T99-not-a-time.json", "99991231T230000.000000Z-x-run-end.json"])
def test_any_name_is_seen_once(name: str) -> None:
    odd = ListedFile(name, 5)

    assert seen(OLD, odd).new_among([OLD, odd]) == []
    assert seen(OLD).new_among([OLD, odd]) == [odd]
