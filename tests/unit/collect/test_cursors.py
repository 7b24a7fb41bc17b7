from __future__ import annotations

from datetime import datetime, timezone

import pytest

from meta_pipeline.collect.cursors import DatasetCursor, Extent, TableCursor, boundary_of, extent, next_boundary, settle
from meta_pipeline.collect.warehouse import Summary


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


# Ten loads, the last at 12:00; the eight before 11:00 are settled, one of them with status 1.
KNOWN = TableCursor(
    rows=10,
    last="2026-01-01T12:00:00+00:00",
    status_sum=1,
    boundary="2026-01-01T11:00:00+00:00",
    settled_rows=8,
    settled_status_sum=1,
)


@pytest.mark.parametrize(
    ("case", "rows", "last", "status_sum", "settled_rows", "settled_status_sum", "expected"),
    [
        ("nothing new", 10, "2026-01-01T12:00", 1, 8, 1, "nothing"),
        ("a load after the last", 11, "2026-01-01T13:00", 1, 8, 1, "recent"),
        ("a load within the overlap", 11, "2026-01-01T12:00", 1, 8, 1, "recent"),
        ("a load id twice after a crash", 11, "2026-01-01T12:00", 1, 8, 1, "recent"),
        ("a status moved within the overlap", 10, "2026-01-01T12:00", 2, 8, 1, "recent"),
        ("a late commit behind the boundary", 11, "2026-01-01T12:00", 1, 9, 1, "all"),
        ("a late commit behind the boundary and a new load", 12, "2026-01-01T13:00", 1, 9, 1, "all"),
        ("a status moved on an old load", 10, "2026-01-01T12:00", 3, 8, 3, "all"),
        ("rows deleted", 5, "2026-01-01T12:00", 0, 3, 0, "all"),
        ("the table emptied", 0, None, 0, 0, 0, "all"),
    ],
)
def test_what_changed_decides_how_much_is_read(
    case: str,
    rows: int,
    last: str | None,
    status_sum: int,
    settled_rows: int,
    settled_status_sum: int,
    expected: Extent,
) -> None:
    summary = Summary(rows, at(last) if last else None, status_sum, settled_rows, settled_status_sum)

    assert extent(KNOWN, summary) == expected, case


@pytest.mark.parametrize(("rows", "expected"), [(0, "nothing"), (1, "all")])
def test_a_table_seen_for_the_first_time_is_read_unless_it_is_empty(rows: int, expected: Extent) -> None:
    assert extent(None, Summary(rows, at("2026-01-01T12:00") if rows else None)) == expected


def test_rows_without_time_stamps_are_read_whole_at_every_change() -> None:
    cursor = settle(Summary(2, None), None)

    assert extent(cursor, Summary(2, None)) == "nothing"
    assert extent(cursor, Summary(3, None)) == "all"


def test_the_next_boundary_lies_an_overlap_before_the_last_row() -> None:
    assert next_boundary(Summary(3, at("2026-01-01T12:30"))) == at("2026-01-01T11:30")
    assert next_boundary(Summary(0, None)) is None


def test_a_settled_cursor_finds_nothing_new_in_what_it_was_made_of() -> None:
    boundary = at("2026-01-01T11:30")
    summary = Summary(
        3,
        at("2026-01-01T12:30"),
        2,
        settled_rows=0,
        settled_status_sum=0,
        next_settled_rows=2,
        next_settled_status_sum=1,
    )

    cursor = settle(summary, boundary)

    assert boundary_of(cursor) == boundary
    assert (cursor.settled_rows, cursor.settled_status_sum) == (2, 1)
    assert extent(cursor, Summary(3, at("2026-01-01T12:30"), 2, 2, 1)) == "nothing"


def test_cursors_survive_the_way_through_the_state() -> None:
    cursor = DatasetCursor(
        loads=KNOWN,
        versions=TableCursor(rows=1, last="2026-01-01T00:00:00+00:00"),
        states=TableCursor(),
        counted_to="1767225600.1",
        recent_loads=("1767225600.1",),
        digest="d",
        schemas_seen=1,
        outcome="complete",
        since="2026-01-01T00:00:00+00:00",
    )

    assert DatasetCursor.from_state(cursor.to_state()) == cursor


def test_empty_fields_take_no_room_in_the_state() -> None:
    cursor = DatasetCursor(loads=TableCursor(rows=1), outcome="dev_mode", since="2026-01-01T00:00:00+00:00")

    assert cursor.to_state() == {"loads": {"rows": 1}, "outcome": "dev_mode", "since": "2026-01-01T00:00:00+00:00"}


def test_what_a_later_version_added_to_the_state_is_left_out() -> None:
    state = {"loads": {"rows": 1, "colour": "red"}, "colour": "red"}

    assert DatasetCursor.from_state(state) == DatasetCursor(loads=TableCursor(rows=1))


def test_a_stretch_goes_on_with_the_same_outcome_and_begins_with_another() -> None:
    first, second, third = at("2026-01-01T00:00"), at("2026-01-02T00:00"), at("2026-01-03T00:00")

    begun = DatasetCursor().continued("complete", first)

    assert begun.since == first.isoformat()
    assert begun.continued("complete", second) == begun
    assert begun.continued("locked", second).since == second.isoformat()
    assert begun.continued("locked", second).continued("complete", third).since == third.isoformat()


def test_a_restart_forgets_how_far_was_read_but_not_what_was_counted() -> None:
    cursor = DatasetCursor(loads=KNOWN, counted_to="1", recent_loads=("1",), digest="d", outcome="complete", since="s")

    assert cursor.restarted() == DatasetCursor(counted_to="1", recent_loads=("1",), outcome="complete", since="s")
