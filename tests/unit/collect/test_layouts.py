from __future__ import annotations

import pytest

from meta_pipeline.collect.layouts import DEFAULT_LAYOUT, Place, parse_layout

LOAD = "1795397605.5363507"


@pytest.mark.parametrize(
    ("layout", "path", "place"),
    [
        (DEFAULT_LAYOUT, f"orders/{LOAD}.abc123.jsonl.gz", Place("orders", LOAD)),
        (DEFAULT_LAYOUT, f"orders/{LOAD}.abc123.parquet", Place("orders", LOAD)),
        (DEFAULT_LAYOUT, f"shop/orders/{LOAD}.abc123.parquet", None),
        (DEFAULT_LAYOUT, "orders/part-00000-433efa42-d45e-41f4-8187-c4cc9eabf3d0-c000.snappy.parquet", None),
        ("{table_name}/{load_id}.{file_id}", f"orders/{LOAD}.abc123.csv", Place("orders", LOAD)),
        ("{table_name}.{load_id}.{file_id}.{ext}", f"orders__items.{LOAD}.abc.jsonl", Place("orders__items", LOAD)),
        ("{schema_name}/{table_name}/{load_id}.{file_id}.{ext}", f"shop/orders/{LOAD}.a.csv", Place("orders", LOAD)),
        ("{table_name}/{YYYY}-{MM}-{DD}/{load_id}.{file_id}.{ext}", f"a/2026-01-02/{LOAD}.b.csv", Place("a", LOAD)),
        ("{table_name}/{load_id}/{load_id}.{file_id}.{ext}", f"a/{LOAD}/{LOAD}.b.csv", Place("a", LOAD)),
        ("{table_name}/{load_id}/{load_id}.{file_id}.{ext}", f"a/{LOAD}/1795397605.6.b.csv", None),
        ("{table_name}/{timestamp}_{file_id}.{ext}", "a/1795397605_b.csv", Place("a", None)),
        ("{table_name}/owner={owner}/{load_id}.{file_id}.{ext}", f"a/owner=me/{LOAD}.b.csv", Place("a", LOAD)),
    ],
)
def test_a_path_says_table_and_load_only_where_it_fits_the_layout(layout: str, path: str, place: Place | None) -> None:
    parsed = parse_layout(layout)

    assert parsed is not None
    assert parsed.place(path) == place


@pytest.mark.parametrize(
    "layout", ["{schema_name}_{table_name}/{load_id}.{file_id}.{ext}", "{load_id}.{file_id}.{ext}"]
)
def test_a_layout_that_does_not_tell_the_table_apart_is_not_read(layout: str) -> None:
    assert parse_layout(layout) is None


@pytest.mark.parametrize(
    ("layout", "folder", "table"),
    [
        (DEFAULT_LAYOUT, "orders", "orders"),
        (DEFAULT_LAYOUT, "shop/orders", None),
        ("{schema_name}/{table_name}/{load_id}.{file_id}.{ext}", "shop/orders", "orders"),
        ("{table_name}.{load_id}.{file_id}.{ext}", "orders", None),
    ],
)
def test_a_folder_is_a_table_where_tables_have_folders(layout: str, folder: str, table: str | None) -> None:
    parsed = parse_layout(layout)

    assert parsed is not None
    assert parsed.table_of(folder) == table
