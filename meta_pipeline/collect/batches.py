"""Batches of rows on their way into the raw tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from meta_pipeline.collect.tables import TIMESTAMP, RawTable

ROW_GROUP_ROWS = 122_880
"""Rows of a row group as DuckDB writes it. What comes in groups of this size is written as it comes, others are put
together anew: https://duckdb.org/docs/current/data/parquet/tips#selecting-a-row_group_size."""


@dataclass(frozen=True)
class Batch:
    """Rows for one raw table.

    Args:
        table: The raw table.
        rows: The rows, in the table's Arrow schema.
    """

    table: RawTable
    rows: pa.Table


def batch_of_rows(table: RawTable, rows: Sequence[Mapping[str, Any]], collected_at: datetime) -> Batch:
    """Makes a batch of rows given as mappings; columns that a row lacks become null.

    Args:
        table: The raw table.
        rows: The rows.
        collected_at: Start of the collection.
    """
    names = [column.name for column in table.columns if column.name != "collected_at"]
    return batch_of_columns(table, {name: [row.get(name) for row in rows] for name in names}, collected_at)


def batch_of_columns(table: RawTable, columns: Mapping[str, Any], collected_at: datetime) -> Batch:
    """Makes a batch of columns.

    Args:
        table: The raw table.
        columns: Lists or Arrow arrays by column, ``collected_at`` left out.
        collected_at: Start of the collection.
    """
    schema = table.arrow_schema
    length = len(next(iter(columns.values())))
    arrays = {name: _array(values, schema.field(name).type) for name, values in columns.items()}
    arrays["collected_at"] = pa.repeat(pa.scalar(collected_at, TIMESTAMP), length)
    return Batch(table, pa.table([arrays[name] for name in schema.names], schema=schema))


def batch_of_arrow(table: RawTable, rows: pa.Table, constants: Mapping[str, Any], collected_at: datetime) -> Batch:
    """Makes a batch of an Arrow table as a warehouse gave it.

    Args:
        table: The raw table.
        rows: The rows; columns that the raw table does not have are dropped.
        constants: Columns that have one value in all rows.
        collected_at: Start of the collection.
    """
    schema = table.arrow_schema
    columns = {name: rows.column(name) for name in schema.names if name in rows.column_names}
    for name, value in constants.items():
        columns[name] = pa.repeat(pa.scalar(value, schema.field(name).type), rows.num_rows)
    return batch_of_columns(table, columns, collected_at)


def in_row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cuts tables anew, so that each but the last has as many rows as a row group.

    Args:
        tables: Tables of one schema, in any sizes.
    """
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        while sum(item.num_rows for item in waiting) >= ROW_GROUP_ROWS:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, ROW_GROUP_ROWS)
            waiting = [joined.slice(ROW_GROUP_ROWS)]
    if any(table.num_rows for table in waiting):
        yield pa.concat_tables(waiting)


def _array(values: Any, type_: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values if values.type == type_ else values.cast(type_)
    return pa.array(values, type_)
