"""A dlt source that reads what dlt leaves in its destinations: loads, pipeline states, schemas, coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dlt
from dlt.extract import DltResource

from meta_pipeline.collect.batches import Batch
from meta_pipeline.collect.readings import read_all
from meta_pipeline.collect.tables import RAW_TABLES, RawTable, column_hints
from meta_pipeline.config import parse_settings

__all__ = ["dlt_metadata"]


@dlt.source(name="dlt_metadata", section="dlt_metadata", max_table_nesting=0)
def dlt_metadata(
    destinations: Sequence[Any] = (),
    datasets: Sequence[str] = ("*",),
    exclude_datasets: Sequence[str] = (),
    row_counts: str = "metadata",
    schema_exports: Sequence[str] = (),
    inbox: str | None = None,
    pipelines_dirs: Sequence[str] = (),
    dbt_artifacts: Sequence[str] = (),
    dbt_meta_keys: Sequence[str] = (),
) -> Iterator[DltResource]:
    """Reads the system tables of dlt destinations into a few typed tables.

    Args:
        destinations: Names of dlt destinations, or tables with a ``name`` and settings of their own.
        datasets: Globs of the datasets to read.
        exclude_datasets: Globs of datasets to leave out all the same.
        row_counts: ``metadata`` never reads user tables, ``scan`` counts the rows of new loads in them.
        schema_exports: Folders of exported ``*.schema.yaml`` or ``*.schema.json``.
        inbox: Folder or URL where captured runs arrive.
        pipelines_dirs: dlt's working folders on this machine, such as ``~/.dlt/pipelines``, whose last traces are read.
        dbt_artifacts: Folders or URLs with the artifacts of dbt projects.
        dbt_meta_keys: Keys of dbt's `meta` that are kept beside the usual ones.

    Yields:
        One resource per raw table; ``tables.py`` says what a row of each is, its key and its columns.

    Raises:
        ConfigurationError: No destination is named, or a value is of the wrong kind.
    """
    settings = parse_settings(
        {
            "destinations": destinations,
            "datasets": datasets,
            "exclude_datasets": exclude_datasets,
            "row_counts": row_counts,
            "schema_exports": schema_exports,
            "inbox": inbox,
            "pipelines_dirs": pipelines_dirs,
            "dbt_artifacts": dbt_artifacts,
            "dbt_meta_keys": dbt_meta_keys,
        }
    )
    readings = dlt.resource(read_all, name="readings", selected=False)(settings)
    for table in RAW_TABLES:
        yield _raw_table(table, readings)


def _raw_table(table: RawTable, readings: DltResource) -> DltResource:
    def rows(batch: Batch) -> Iterator[Any]:
        if batch.table is not table:
            return
        # As Python objects, rows get the load id by which an interrupted collection is told from a complete one.
        is_marked = table.is_marked_with_load and batch.rows.num_rows
        yield batch.rows.to_pylist() if is_marked else batch.rows

    resource: DltResource = dlt.transformer(data_from=readings, name=table.name)(rows)()
    # The readers bring each key once in a collection; saying so spares a window over every row.
    columns = column_hints(table)
    if table.is_marked_with_load:
        # Where no row came yet, dlt would make the table without it.
        columns.append({"name": "_dlt_load_id", "data_type": "text"})
    disposition: Any = {"disposition": "merge", "strategy": table.strategy, "deduplicated": True}
    return resource.apply_hints(primary_key=table.key, columns=columns, write_disposition=disposition)
