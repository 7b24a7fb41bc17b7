from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, cast

from meta_pipeline.collect.cursors import DatasetCursor, TableCursor
from meta_pipeline.collect.planning import Plan, make_plan, touched_since
from meta_pipeline.collect.warehouse import Boundaries, Dataset, Kind, Summary, SystemTable, Warehouse

CRM = Dataset("crm", {"loads": SystemTable("_dlt_loads", {})})
ERP = Dataset("erp", {"loads": SystemTable("_dlt_loads", {})})


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 1, 1, hour, minute, tzinfo=timezone.utc)


class Loads:
    """A warehouse that holds the commit times of loads; `between` happens between two looks at it."""

    def __init__(self, times: Mapping[str, list[datetime]], between: Callable[[], None] = lambda: None) -> None:
        self.times = times
        self.asked: list[list[str]] = []
        self._between = between

    def summarize(
        self, kind: Kind, datasets: Sequence[Dataset], boundaries: Boundaries, next_boundaries: Boundaries
    ) -> dict[str, Summary]:
        if self.asked:
            self._between()
        self.asked.append([dataset.name for dataset in datasets])
        return {
            dataset.name: Summary(
                len(self.times[dataset.name]),
                max(self.times[dataset.name], default=None),
                settled_rows=self._before(dataset, boundaries),
                next_settled_rows=self._before(dataset, next_boundaries),
            )
            for dataset in datasets
        }

    def _before(self, dataset: Dataset, boundaries: Boundaries) -> int:
        boundary = boundaries.get(dataset.name)
        return sum(time < boundary for time in self.times[dataset.name]) if boundary else 0


def plan(warehouse: Any, known: Mapping[str, DatasetCursor]) -> Plan:
    return make_plan(cast(Warehouse, warehouse), "loads", [CRM, ERP], known, at(12))


def read(warehouse: Any, known: Mapping[str, DatasetCursor]) -> dict[str, DatasetCursor]:
    """Returns the cursors after a reading that went well."""
    return {**known, **{name: DatasetCursor(loads=cursor) for name, cursor in plan(warehouse, known).cursors.items()}}


def test_everything_is_read_the_first_time() -> None:
    made = plan(Loads({"crm": [at(9), at(12)], "erp": []}), {})

    assert [dataset.name for dataset in made.datasets] == ["crm"]
    assert made.boundaries == {"crm": None}
    assert made.cursors["crm"] == TableCursor(
        rows=2, last=at(12).isoformat(), boundary=at(11).isoformat(), settled_rows=1
    )


def test_what_was_never_read_is_looked_at_once() -> None:
    warehouse = Loads({"crm": [at(9), at(12)], "erp": [at(9)]})

    plan(warehouse, {})

    assert warehouse.asked == [["crm", "erp"]]


def test_where_the_clock_of_the_warehouse_is_behind_the_table_is_read_whole_once_more() -> None:
    warehouse = Loads({"crm": [at(5)], "erp": []})
    known = read(warehouse, {})
    warehouse.times["crm"].append(at(6))

    assert plan(warehouse, known).boundaries == {"crm": None}
    known = read(warehouse, known)
    warehouse.times["crm"].append(at(7))
    assert plan(warehouse, known).boundaries == {"crm": at(5)}


def test_where_nothing_changed_the_warehouse_is_asked_once() -> None:
    warehouse = Loads({"crm": [at(9), at(12)], "erp": [at(9)]})
    known = read(warehouse, {})
    warehouse.asked.clear()

    assert plan(warehouse, known).datasets == ()
    assert warehouse.asked == [["crm", "erp"]]


def test_only_what_changed_is_asked_for_again_and_read_from_the_boundary() -> None:
    warehouse = Loads({"crm": [at(9), at(12)], "erp": [at(9)]})
    known = read(warehouse, {})
    warehouse.times["crm"].append(at(13))
    warehouse.asked.clear()

    made = plan(warehouse, known)

    assert warehouse.asked == [["crm", "erp"], ["crm"]]
    assert made.boundaries == {"crm": at(11)}
    assert made.cursors["crm"].boundary == at(12).isoformat()


def test_a_late_commit_between_the_two_looks_is_not_lost() -> None:
    times = {"crm": [at(9), at(12)], "erp": []}
    known = read(Loads(times), {})
    times["crm"].append(at(13))
    warehouse = Loads(times, between=lambda: times["crm"].append(at(8)))

    made = plan(warehouse, known)

    assert made.boundaries == {"crm": None}, "the old load is read now, or its row would count as settled unread"


def told(changed_at: str | None, name: str = "crm") -> Dataset:
    """Returns a dataset of which the catalogue tells when its loads changed."""
    return Dataset(name, {"loads": SystemTable("_dlt_loads", {}, changed_at=changed_at)})


def test_a_table_that_the_catalogue_says_has_not_changed_is_not_asked() -> None:
    known = {"crm": DatasetCursor(loads=TableCursor(rows=1, changed_at="noon"))}

    assert touched_since("loads", [told("noon")], known) == []
    for changed_at in ("one", None):
        assert touched_since("loads", [told(changed_at)], known) == [told(changed_at)]
    assert touched_since("loads", [told("noon", "new")], known) == [told("noon", "new")]
    assert touched_since("states", [told("noon")], known) == [], "it has no such table"


def test_a_table_that_the_catalogue_does_not_tell_of_is_asked_every_time() -> None:
    known = {"crm": DatasetCursor(loads=TableCursor(rows=1))}

    assert touched_since("loads", [told(None)], known) == [told(None)]


def test_the_moment_that_is_kept_is_the_one_from_before_the_reading() -> None:
    made = make_plan(cast(Warehouse, Loads({"crm": [at(9)]})), "loads", [told("noon")], {}, at(12))

    assert made.cursors["crm"].changed_at == "noon"


def test_a_table_that_was_touched_and_holds_nothing_new_is_not_asked_again() -> None:
    known = {"crm": DatasetCursor(loads=TableCursor(rows=1, last=at(9).isoformat(), changed_at="noon"))}

    made = make_plan(cast(Warehouse, Loads({"crm": [at(9)]})), "loads", [told("one")], known, at(12))

    assert made.datasets == ()
    assert made.cursors == {"crm": TableCursor(rows=1, last=at(9).isoformat(), changed_at="one")}
