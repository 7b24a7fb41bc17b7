from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from meta_pipeline.collect.history import MAX_COPIES_TRIED, read_history
from meta_pipeline.collect.warehouse import Problem, StoredVersion

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def schema(version_hash: str, tables: Sequence[str], previous: Sequence[str] = ()) -> str:
    """Returns a stored schema whose tables have one column each."""
    return json.dumps(
        {
            "version": 1,
            "version_hash": version_hash,
            "engine_version": 11,
            "name": "shop",
            "tables": {name: {"columns": {"id": {"name": "id", "data_type": "bigint"}}} for name in tables},
            "previous_hashes": list(previous),
        }
    )


def version(version_hash: str, day: int = 1, dataset: str = "crm", number: int = 1) -> StoredVersion:
    return StoredVersion(dataset, "shop", version_hash, number, 11, START + timedelta(days=day))


class Shelf:
    """Stored contents by dataset and hash; remembers what was fetched."""

    def __init__(self, contents: Mapping[tuple[str, str], str | None]) -> None:
        self.contents = contents
        self.fetched: list[tuple[str, str]] = []

    def fetch(self, wanted: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str | None]]:
        for dataset, hashes in wanted.items():
            for version_hash in hashes:
                self.fetched.append((dataset, version_hash))
                yield version_hash, self.contents[dataset, version_hash]


def read(
    shelf: Shelf, versions: Sequence[StoredVersion], is_new: Callable[[StoredVersion], bool] = lambda _: True
) -> tuple[dict[str, list[dict[str, Any]]], list[Problem]]:
    problems: list[Problem] = []
    rows = {
        batch.table.name: batch.rows.to_pylist()
        for batch in read_history(versions, is_new, shelf.fetch, problems, "pg", START)
    }
    return rows, problems


def changes(rows: Mapping[str, list[dict[str, Any]]]) -> list[tuple[str, str | None]]:
    return [(row["change_type"], row["table_name"]) for row in rows["schema_changes"]]


def parents(rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, tuple[str | None, str]]:
    return {row["version_hash"]: (row["parent_hash"], row["parent_method"]) for row in rows["schema_versions"]}


def test_content_that_stands_in_many_datasets_is_fetched_and_stored_once() -> None:
    datasets = [f"tenant_{number}" for number in range(50)]
    shelf = Shelf({(dataset, "h1"): schema("h1", ["orders"]) for dataset in datasets})

    rows, _ = read(shelf, [version("h1", dataset=dataset) for dataset in datasets])

    assert len(shelf.fetched) == 1
    assert len(rows["schema_versions"]) == 50
    assert [len(rows[name]) for name in ("schema_version_tables", "schema_tables", "schema_columns")] == [1, 1, 1]
    assert changes(rows) == [("schema_added", None)]


def test_versions_are_linked_through_the_hashes_they_name_not_by_their_numbers() -> None:
    shelf = Shelf(
        {
            ("crm", "left-1"): schema("left-1", ["a"]),
            ("crm", "right-1"): schema("right-1", ["b"]),
            ("crm", "left-2"): schema("left-2", ["a", "c"], ["left-1"]),
            ("crm", "right-2"): schema("right-2", ["b", "d"], ["right-1"]),
        }
    )

    rows, _ = read(shelf, [version(name, day) for day, name in enumerate(["left-1", "right-1", "left-2", "right-2"])])

    assert parents(rows) == {
        "left-1": (None, "none"),
        "right-1": ("left-1", "branch"),
        "left-2": ("left-1", "previous_hash"),
        "right-2": ("right-1", "previous_hash"),
    }
    assert changes(rows) == [
        ("schema_added", None),
        ("schema_branched", None),
        ("table_added", "b"),
        ("table_added", "c"),
        ("table_added", "d"),
    ]


def test_an_old_version_is_fetched_only_as_parent_of_a_new_one() -> None:
    shelf = Shelf(
        {
            ("crm", "h2"): schema("h2", ["orders"], ["h1"]),
            ("crm", "h3"): schema("h3", ["orders", "customers"], ["h2", "h1"]),
        }
    )

    rows, _ = read(
        shelf, [version("h1", 1), version("h2", 2), version("h3", 3)], lambda item: item.version_hash == "h3"
    )

    assert shelf.fetched == [("crm", "h3"), ("crm", "h2")]
    assert parents(rows) == {"h3": ("h2", "previous_hash")}
    assert changes(rows) == [("table_added", "customers")]


def test_a_version_that_does_not_decode_is_told_and_the_rest_is_read() -> None:
    shelf = Shelf(
        {
            ("crm", "h1"): schema("h1", ["orders"]),
            ("crm", "h2"): "no schema",
            ("crm", "h3"): schema("h3", ["orders", "customers"], ["h2", "h1"]),
        }
    )

    rows, problems = read(shelf, [version("h1", 1), version("h2", 2, number=7), version("h3", 3)])

    assert parents(rows) == {"h1": (None, "none"), "h3": ("h1", "previous_hash")}
    assert changes(rows) == [("schema_added", None), ("table_added", "customers")]
    assert [(problem.dataset_name, problem.kind) for problem in problems] == [("crm", "versions")]
    assert "version 7 of schema shop (_dlt_version, version_hash h2) is neither JSON" in problems[0].message


def test_another_copy_is_tried_where_one_does_not_decode() -> None:
    shelf = Shelf({("a", "h1"): "broken", ("b", "h1"): None, ("c", "h1"): schema("h1", ["orders"])})

    rows, problems = read(shelf, [version("h1", dataset=dataset) for dataset in "abc"])

    assert problems == []
    assert len(rows["schema_versions"]) == 3
    assert [row["table_name"] for row in rows["schema_tables"]] == ["orders"]


def test_no_more_than_a_few_copies_are_tried() -> None:
    datasets = [f"tenant_{number}" for number in range(50)]
    shelf = Shelf({(dataset, "h1"): "broken" for dataset in datasets})

    _, problems = read(shelf, [version("h1", dataset=dataset) for dataset in datasets])

    assert len(shelf.fetched) == MAX_COPIES_TRIED
    assert len(problems) == 50


def test_a_version_without_time_stamp_or_number_comes_first() -> None:
    shelf = Shelf({("crm", "h0"): schema("h0", ["orders"]), ("crm", "h1"): schema("h1", ["orders"], ["h0"])})

    rows, _ = read(shelf, [version("h1"), StoredVersion("crm", "shop", "h0", None, None, None)])

    assert parents(rows) == {"h0": (None, "none"), "h1": ("h0", "previous_hash")}


def test_a_change_has_the_same_id_in_every_collection_and_dataset() -> None:
    shelf = Shelf({("a", "h1"): schema("h1", ["orders"]), ("b", "h1"): schema("h1", ["orders"])})

    (one, _), (two, _) = read(shelf, [version("h1", 1, "a")]), read(shelf, [version("h1", 9, "b")])

    assert [row["change_id"] for row in one["schema_changes"]] == [row["change_id"] for row in two["schema_changes"]]
