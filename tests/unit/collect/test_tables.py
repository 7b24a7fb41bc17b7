from __future__ import annotations

import pyarrow as pa
import pytest

from meta_pipeline.collect.batches import batch_of_arrow, batch_of_columns, batch_of_rows
from meta_pipeline.collect.tables import COVERAGE, LOADS, RAW_TABLES, RawTable, column_hints
from tests.unit.collect.test_exports import MONDAY

DLT_TYPE_OF = {
    pa.string(): "text",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "bool",
    pa.timestamp("us", "UTC"): "timestamp",
}

every_table = pytest.mark.parametrize("table", RAW_TABLES, ids=lambda table: table.name)


@every_table
def test_a_raw_table_says_what_its_rows_and_columns_are(table: RawTable) -> None:
    assert table.description.startswith("One row per ")
    for column in table.columns:
        assert column.description.endswith("."), column.name


@every_table
def test_names_occur_once(table: RawTable) -> None:
    names = [column.name for column in table.columns]

    assert len(set(names)) == len(names)
    assert len({table.name for table in RAW_TABLES}) == len(RAW_TABLES)


@every_table
def test_the_key_is_made_of_columns_that_are_never_null(table: RawTable) -> None:
    hints = {hint["name"]: hint for hint in column_hints(table)}

    assert table.key
    assert set(table.key) <= set(hints)
    assert {name for name, hint in hints.items() if not hint["nullable"]} == set(table.key)


@every_table
def test_the_columns_of_the_key_come_first_in_their_order(table: RawTable) -> None:
    order = [column.name for column in table.columns if column.name in table.key]

    assert order == [name for name in table.key if name in order]


@every_table
def test_every_row_says_which_collection_wrote_it(table: RawTable) -> None:
    assert table.arrow_schema.field("collected_at").type == pa.timestamp("us", "UTC")
    assert table.columns[-1].name == "collected_at"


@every_table
def test_what_dlt_is_told_matches_what_it_gets(table: RawTable) -> None:
    fields = {field.name: field for field in table.arrow_schema}

    for hint in column_hints(table):
        assert hint["data_type"] == DLT_TYPE_OF[fields[hint["name"]].type]
        assert hint["nullable"] == fields[hint["name"]].nullable
        assert hint["description"]


def test_columns_that_a_row_lacks_become_null() -> None:
    batch = batch_of_rows(COVERAGE, [{"coverage_id": "c", "outcome": "complete"}], MONDAY)

    assert batch.rows.schema == COVERAGE.arrow_schema
    assert batch.rows.to_pylist()[0]["error"] is None
    assert batch.rows.to_pylist()[0]["collected_at"] == MONDAY


def test_rows_of_a_warehouse_get_the_constants_and_the_types_of_the_raw_table() -> None:
    rows = pa.table(
        {
            "dataset_name": ["crm"],
            "load_id": ["1"],
            "schema_name": ["shop"],
            "status": pa.array([0], pa.int32()),
            "inserted_at": pa.array([MONDAY], pa.timestamp("us", "UTC")),
            "schema_version_hash": pa.array([None], pa.string()),
            "unknown": ["dropped"],
        }
    )

    batch = batch_of_arrow(LOADS, rows, {"destination_name": "pg"}, MONDAY)

    assert batch.rows.schema == LOADS.arrow_schema
    assert batch.rows.to_pylist()[0]["destination_name"] == "pg"


def test_no_rows_make_an_empty_batch() -> None:
    names = [column.name for column in LOADS.columns if column.name != "collected_at"]

    assert batch_of_rows(LOADS, [], MONDAY).rows.num_rows == 0
    assert batch_of_columns(LOADS, {name: [] for name in names}, MONDAY).rows.schema == LOADS.arrow_schema
