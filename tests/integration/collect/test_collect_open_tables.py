"""Delta and Iceberg tables in a folder of files, written by real dlt runs."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dlt
import pytest

from tests.fixtures.collected import Site
from tests.fixtures.observed import ObservedLake

pytestmark = pytest.mark.parametrize("table_format", ["delta", "iceberg"])

Load = Callable[[str, Any, Sequence[dict[str, Any]]], str]
UPSERT = {"disposition": "merge", "strategy": "upsert"}


@pytest.fixture
def lake(tmp_path: Path) -> ObservedLake:
    return ObservedLake(tmp_path / "observed")


@pytest.fixture
def load(lake: ObservedLake, table_format: str) -> Load:
    def run(table: str, disposition: Any, rows: Sequence[dict[str, Any]]) -> str:
        resource = dlt.resource(
            rows, name=table, primary_key="id", write_disposition=disposition, table_format=table_format
        )
        with warnings.catch_warnings():
            # pyiceberg says that a table that is overwritten for the first time was empty.
            warnings.simplefilter("ignore", UserWarning)
            return lake.run("shop", "shop", resource)

    return run


def test_rows_are_counted_by_load_through_the_log(site: Site, lake: ObservedLake, load: Load) -> None:
    first = load("orders", "append", [{"id": 1, "items": [{"sku": "a"}, {"sku": "b"}]}, {"id": 2}])
    second = load("orders", "append", [{"id": 3, "items": [{"sku": "c"}]}])

    assert site.configure(lake.environment(), row_counts="scan").collect().failures == []

    assert site.rows("select table_name, load_id, row_count from row_counts order by all") == [
        ("orders", first, 2),
        ("orders", second, 1),
        ("orders__items", first, 2),
        ("orders__items", second, 1),
    ]
    assert site.rows("select table_name, row_count, byte_count > 0, is_estimate from table_statistics order by 1") == [
        ("orders", 3, True, False),
        ("orders__items", 3, True, False),
    ]


def test_rows_that_were_overwritten_are_not_counted(site: Site, lake: ObservedLake, load: Load) -> None:
    load("accounts", UPSERT, [{"id": 1}, {"id": 2}])
    load("rates", "replace", [{"id": 1}, {"id": 2}])
    accounts = load("accounts", UPSERT, [{"id": 2}, {"id": 3}])
    rates = load("rates", "replace", [{"id": 1}])

    assert site.configure(lake.environment(), row_counts="scan").collect().failures == []

    rows = site.rows(
        f"select table_name, row_count from row_counts where load_id in ('{accounts}', '{rates}') order by 1"
    )
    assert rows == [("accounts", 2), ("rates", 1)]
    assert site.rows("select table_name, row_count from table_statistics order by 1") == [("accounts", 3), ("rates", 1)]


def test_files_that_are_no_part_of_the_table_are_not_counted(
    site: Site, lake: ObservedLake, load: Load, table_format: str
) -> None:
    load_id = load("orders", "append", [{"id": 1}])
    (data,) = (lake.root / "shop" / "orders").rglob("*.parquet")
    shutil.copy(data, data.with_name("never_committed.parquet"))
    shutil.copy(data, data.parents[table_format == "iceberg"] / f"{load_id}.0123456789.parquet")

    assert site.configure(lake.environment(), row_counts="scan").collect().failures == []

    assert site.rows("select row_count from row_counts") == [(1,)]
    assert site.rows("select row_count, byte_count from table_statistics") == [(1, data.stat().st_size)]


def test_a_table_whose_log_is_broken_is_told_and_the_rest_is_read(
    site: Site, lake: ObservedLake, load: Load, table_format: str
) -> None:
    load("orders", "append", [{"id": 1}])
    load("rates", "append", [{"id": 1}])
    log = {"delta": "_delta_log/*.json", "iceberg": "metadata/*.metadata.json"}[table_format]
    for file in (lake.root / "shop" / "orders").glob(log):
        file.write_text("{broken", encoding="utf-8")

    result = site.configure(lake.environment(), row_counts="scan").collect()

    assert f"{table_format.capitalize()} table orders cannot be read" in result.failures[0]
    assert site.rows("select table_name, row_count from row_counts") == [("rates", 1)]
    assert site.rows("select table_name, row_count from table_statistics") == [("rates", 1)]
    assert site.rows("select count(*) from loads") == [(2,)]


def test_without_its_library_a_table_is_not_counted_and_the_rest_is_read(
    site: Site, lake: ObservedLake, load: Load, table_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("orders", "append", [{"id": 1}])
    library = {"delta": "deltalake", "iceberg": "pyiceberg"}[table_format]
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)

    result = site.configure(lake.environment(), row_counts="scan").collect()

    assert f"pip install 'meta-pipeline[{library}]'" in result.failures[0]
    assert site.rows("select count(*) from row_counts") == [(0,)]
    assert site.rows("select count(*) from table_statistics") == [(0,)]
    assert site.rows("select count(*) from loads") == [(1,)]
