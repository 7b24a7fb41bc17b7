"""Delta and Iceberg tables in a bucket, read through their own logs.

Their folders also hold files that were removed, compacted or never committed, so nothing is known of them from a
listing. Their snapshot tells their size for nothing; rows are counted over its files, reading no column but dlt's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import duckdb
import pyarrow as pa

from meta_pipeline.collect.duckdb import DuckDbConnection
from meta_pipeline.collect.nesting import LINK_COLUMNS, LOAD_ID_COLUMN
from meta_pipeline.collect.sql import LINK_NAMES, Catalogue, SqlWarehouse, text_literal
from meta_pipeline.collect.warehouse import COUNT_RESULT, Dataset

Format = Literal["delta", "iceberg"]

_LOG = re.compile(r"(?P<folder>.+?)/(?:_delta_log/\d+[^/]*|metadata/(?P<metadata>[^/]+\.metadata\.json))")
_NUMBER = re.compile(r"v?(\d+)")
# object_store's own are three minutes and ten attempts.
_DELTA_BOUNDS = {"timeout": "30s", "connect_timeout": "10s", "max_retries": "2", "retry_timeout": "60s"}
_DELTA_SIZES = ("num_records", "size_bytes")
_ICEBERG_BOUNDS = {"s3.connect-timeout": "10", "s3.request-timeout": "30"}

_CATALOGUE = Catalogue(
    system_columns="",
    statistics="",
    user_columns=f"""
        select schema_name as dataset_name, table_name, column_name
        from duckdb_columns() where not internal and lower(column_name) in ({LINK_NAMES})
    """,
    is_estimate=False,
)


@dataclass(frozen=True)
class OpenTable:
    """A table in a format of its own.

    Args:
        format: The format.
        path: Path of its folder.
        metadata: Path of its newest metadata file, for Iceberg; None where there are two that are equally new.
    """

    format: Format
    path: str
    metadata: str | None = None


@dataclass(frozen=True)
class Extent:
    """How large a table is.

    Args:
        row_count: Its rows; None where its snapshot does not tell.
        byte_count: Bytes of the files that it consists of; None likewise.
    """

    row_count: int | None = None
    byte_count: int | None = None


def find_open_tables(paths: Iterable[str]) -> list[OpenTable]:
    """Finds the Delta and Iceberg tables in a listing.

    Args:
        paths: Paths of all files.

    Returns:
        The tables, by folder.
    """
    logs: dict[str, list[str]] = {}
    for path in paths:
        if found := _LOG.fullmatch(path):
            logs.setdefault(found["folder"], []).extend([path] if found["metadata"] else [])
    return [
        OpenTable("iceberg", folder, _newest(metadata)) if metadata else OpenTable("delta", folder)
        for folder, metadata in sorted(logs.items())
    ]


def _newest(paths: Sequence[str]) -> str | None:
    """Returns the metadata file with the highest number; two of them mean that one was never committed."""
    numbers = {path: int(found[1]) for path in paths if (found := _NUMBER.match(PurePosixPath(path).name))}
    newest = [path for path, number in numbers.items() if number == max(numbers.values())]
    return newest[0] if len(newest) == 1 else None


def extent_of(table: OpenTable, config: Any) -> Extent:
    """Returns how large a table is, from its log alone.

    Args:
        table: The table.
        config: dlt's resolved filesystem configuration.
    """
    return _delta_extent(_delta_table(table, config)) if table.format == "delta" else _iceberg_extent(table, config)


def link_rows(table: OpenTable, config: Any, since: str) -> Any:
    """Returns what DuckDB needs to count a table's rows by load: its link columns, of the loads from one on.

    Args:
        table: The table.
        config: dlt's resolved filesystem configuration.
        since: First load id of interest.

    Returns:
        An Arrow table or dataset; None where the table has no link column, or its newest state cannot be told.
    """
    return _delta_rows(_delta_table(table, config)) if table.format == "delta" else _iceberg_rows(table, config, since)


def count_by_load(dataset_name: str, tables: Mapping[str, Any], since: str) -> pa.Table:
    """Counts rows by load id, nested rows through their root.

    Args:
        dataset_name: Name of the dataset.
        tables: What ``link_rows`` returned, by table.
        since: First load id of interest.

    Returns:
        The counts as ``COUNT_RESULT``.
    """
    with closing(duckdb.connect()) as session:
        connection = DuckDbConnection(session)
        schema = connection.quote(dataset_name)
        session.execute(f"create schema if not exists {schema}")
        for number, (name, rows) in enumerate(tables.items()):
            session.register(f"rows_{number}", rows)
            session.execute(f"create view {schema}.{connection.quote(name)} as select * from rows_{number}")
        counts = SqlWarehouse(connection, _CATALOGUE).count_rows([Dataset(dataset_name)], {dataset_name: since})
        return pa.concat_tables([COUNT_RESULT.empty_table(), *counts])


def _delta_table(table: OpenTable, config: Any) -> Any:
    from deltalake import DeltaTable  # noqa: PLC0415
    from dlt.common.libs.deltalake import deltalake_storage_options  # noqa: PLC0415

    options = deltalake_storage_options(config.credentials, config.deltalake_storage_options)
    bounds = {} if config.is_local_filesystem else _DELTA_BOUNDS
    return DeltaTable(_location(table.path, config), storage_options={**bounds, **options})


def _delta_extent(table: Any) -> Extent:
    # A deletion vector takes rows from a file whose statistics still count them.
    if "deletionVectors" in (table.protocol().reader_features or ()):
        return Extent()
    files = pa.table(table.get_add_actions(flatten=True))
    rows, sizes = (files[name].to_pylist() if name in files.column_names else [None] for name in _DELTA_SIZES)
    return Extent(*(None if None in values else sum(values) for values in (rows, sizes)))


def _delta_rows(table: Any) -> Any:
    rows = table.to_pyarrow_dataset()
    return rows if _links(rows.schema.names) else None


def _iceberg_table(path: str, config: Any) -> Any:
    from dlt.common.configuration.specs.mixins import WithPyicebergConfig  # noqa: PLC0415
    from pyiceberg.table import StaticTable  # noqa: PLC0415

    options = config.credentials
    stored = options.to_pyiceberg_fileio_config() if isinstance(options, WithPyicebergConfig) else {}
    return StaticTable.from_metadata(_location(path, config), properties={**_ICEBERG_BOUNDS, **stored})


def _iceberg_extent(table: OpenTable, config: Any) -> Extent:
    if table.metadata is None:
        return Extent()
    snapshot = _iceberg_table(table.metadata, config).current_snapshot()
    if snapshot is None:
        return Extent(0, 0)
    told = snapshot.summary.additional_properties if snapshot.summary else {}
    deleted = any(int(told.get(name, 0)) for name in ("total-position-deletes", "total-equality-deletes"))
    rows, size = (told.get(name) for name in ("total-records", "total-files-size"))
    return Extent(None if deleted or rows is None else int(rows), None if size is None else int(size))


def _iceberg_rows(table: OpenTable, config: Any, since: str) -> Any:
    if table.metadata is None:
        return None
    content = _iceberg_table(table.metadata, config)
    names = _links(content.schema().column_names)
    if not names:
        return None
    load_id = next((name for name in names if name.lower() == LOAD_ID_COLUMN), None)
    new = f"{load_id} >= {text_literal(since)}" if load_id else "true"
    return content.scan(new, selected_fields=tuple(names)).to_arrow()


def _links(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.lower() in LINK_COLUMNS]


def _location(path: str, config: Any) -> str:
    return path if config.is_local_filesystem else str(config.make_url(path))
