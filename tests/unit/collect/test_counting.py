from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, cast

import pyarrow as pa

from meta_pipeline.collect.counting import LoadTally
from meta_pipeline.collect.cursors import DatasetCursor, TableCursor
from meta_pipeline.collect.planning import Plan
from meta_pipeline.collect.warehouse import COUNT_RESULT, Dataset, SystemTable, Warehouse

CRM = Dataset("crm", {"loads": SystemTable("_dlt_loads", {})})


def at(hour: int) -> datetime:
    return datetime(2026, 1, 1, hour, tzinfo=timezone.utc)


def loads(*committed: tuple[str, int]) -> pa.Table:
    return pa.table(
        {
            "dataset_name": ["crm"] * len(committed),
            "load_id": [load_id for load_id, _ in committed],
            "inserted_at": pa.array([at(hour) for _, hour in committed], pa.timestamp("us", "UTC")),
        }
    )


def tally(known: DatasetCursor | None, read_from: int | None, last: int, *committed: tuple[str, int]) -> LoadTally:
    cursors = {"crm": TableCursor(rows=1, last=at(last).isoformat(), boundary=at(last - 1).isoformat())}
    plan = Plan("loads", [CRM], {"crm": at(read_from) if read_from else None}, cursors)
    made = LoadTally(plan, {"crm": known} if known else {})
    made.note(loads(*committed))
    return made


class Rows:
    """A warehouse with rows by table and load id, and the committed loads."""

    def __init__(self, rows: Mapping[tuple[str, str], int], committed: Sequence[str]) -> None:
        self.rows = rows
        self.committed = committed
        self.asked_since: dict[str, str] = {}

    def load_ids(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        return (("crm", load_id) for load_id in self.committed if load_id >= since["crm"])

    def count_rows(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[pa.Table]:
        self.asked_since = dict(since)
        found = [("crm", table, load_id, n) for (table, load_id), n in self.rows.items() if load_id >= since["crm"]]
        yield pa.Table.from_pylist([dict(zip(COUNT_RESULT.names, row, strict=True)) for row in found], COUNT_RESULT)


def counted(made: LoadTally, rows: Rows) -> list[tuple[str, int]]:
    batches = made.counts(cast(Warehouse, rows))
    return sorted((row["load_id"], row["row_count"]) for batch in batches for row in batch.to_pylist())


def test_all_loads_are_counted_the_first_time_and_leftovers_with_them() -> None:
    made = tally(None, None, 12, ("1", 9), ("3", 12))
    rows = Rows({("orders", "1"): 10, ("orders", "2"): 20, ("orders", "3"): 30}, ["1", "3"])

    assert made.new == {"crm": ["1", "3"]}
    assert counted(made, rows) == [("1", 10), ("2", 20), ("3", 30)]


def test_the_first_count_of_a_committed_load_stands() -> None:
    before = tally(None, None, 12, ("1", 12)).moved("crm", DatasetCursor(loads=TableCursor(rows=1)))
    made = tally(before, 11, 13, ("1", 12), ("2", 13))

    assert made.new == {"crm": ["2"]}
    assert counted(made, Rows({("orders", "1"): 4, ("orders", "2"): 7}, ["1", "2"])) == [("2", 7)]


def test_rows_of_a_load_under_way_are_counted_again_when_it_is_committed() -> None:
    first = tally(None, None, 12, ("1", 12))
    assert counted(first, Rows({("orders", "1"): 10, ("orders", "2"): 3}, ["1"])) == [("1", 10), ("2", 3)]

    second = tally(first.moved("crm", DatasetCursor(loads=TableCursor(rows=1))), 11, 13, ("1", 12), ("2", 13))

    assert counted(second, Rows({("orders", "1"): 10, ("orders", "2"): 5}, ["1", "2"])) == [("2", 5)]


def test_a_retried_load_with_an_old_id_is_counted_when_it_commits() -> None:
    before = DatasetCursor(
        loads=TableCursor(rows=2, boundary=at(11).isoformat()), counted_to="3", recent_loads=("1", "3")
    )
    made = tally(before, 11, 13, ("1", 11), ("3", 12), ("2", 13))
    rows = Rows({("orders", "1"): 10, ("orders", "2"): 20, ("orders", "3"): 30}, ["1", "2", "3"])

    assert counted(made, rows) == [("2", 20)]
    assert rows.asked_since == {"crm": "2"}


def test_a_status_moved_on_an_old_load_counts_nothing_anew() -> None:
    before = DatasetCursor(loads=TableCursor(rows=2, boundary=at(11).isoformat()), counted_to="2", recent_loads=("2",))
    made = tally(before, None, 12, ("1", 5), ("2", 12))

    assert made.new == {}
    assert made.datasets == []


def test_a_dataset_that_is_read_again_for_a_broken_record_is_not_counted_again() -> None:
    before = DatasetCursor(counted_to="2")
    made = tally(before, None, 12, ("1", 5), ("2", 12), ("3", 12))

    assert made.new == {"crm": ["3"]}


def test_the_cursor_remembers_the_loads_that_will_be_read_again() -> None:
    made = tally(None, None, 12, ("1", 5), ("2", 11), ("3", 12))

    moved = made.moved("crm", DatasetCursor())

    assert moved.counted_to == "3"
    assert moved.recent_loads == ("2", "3")


def test_nothing_is_asked_of_the_warehouse_where_no_load_is_new() -> None:
    made = tally(DatasetCursor(counted_to="2"), None, 12)

    assert made.datasets == []
    assert cast(Any, made.moved("crm", DatasetCursor(counted_to="2"))).counted_to == "2"
