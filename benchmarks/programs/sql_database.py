"""The peer that copies: dlt's own `sql_database`, dlt's tables of all datasets in one run into a DuckDB file.

Usage: python -m benchmarks.programs.sql_database URL FOLDER BACKEND {each,merged}
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.sources import DltResource
from dlt.sources.sql_database import sql_table
from sqlalchemy import Engine, create_engine

from benchmarks.programs.names import COPIED_DATASET, DATABASE_FILE
from benchmarks.warehouse import SYSTEM_TABLES, dataset_names


def copy(url: str, folder: Path, backend: str, is_merged: bool) -> None:
    """Copies dlt's tables of every dataset.

    Args:
        url: The fleet's database.
        folder: Where the DuckDB file and dlt's working files go.
        backend: Backend of `sql_database`.
        is_merged: Whether all datasets go into the same three tables, with the dataset's name added, rather than into
            three tables of each dataset's own.
    """
    # Taking turns, the default, keeps a reader open on every table at once: more than a server has connections.
    dlt.config["extract.next_item_mode"] = "fifo"
    # A thread that meets a half-imported pyarrow breaks the run off; dlt imports parts of it in threads.
    import pyarrow.dataset  # noqa: F401, PLC0415

    pipeline = dlt.pipeline(
        "copy",
        destination=dlt.destinations.duckdb(str(folder / DATABASE_FILE)),
        dataset_name=COPIED_DATASET,
        pipelines_dir=str(folder / "pipelines"),
    )
    # One engine for all tables: each its own costs a connection, and the types it looks up, for every one of them.
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"), pool_size=20)
    pipeline.run(list(_resources(engine, dataset_names(url), backend, is_merged)))


def _resources(engine: Engine, names: list[str], backend: str, is_merged: bool) -> Iterator[DltResource]:
    for name in names:
        for table in SYSTEM_TABLES:
            target = table.removeprefix("_dlt_")
            resource = sql_table(engine, table=table, schema=name, backend=backend).with_name(f"{name}__{target}")
            if is_merged:
                resource.apply_hints(table_name=target)
                resource.add_map(_with_dataset_name(name))
            else:
                resource.apply_hints(table_name=f"{name}__{target}")
            yield resource.parallelize()


def _with_dataset_name(name: str) -> Any:
    def add_column(rows: pa.Table) -> pa.Table:
        return rows.append_column("dataset_name", pa.repeat(name, rows.num_rows))

    return add_column


if __name__ == "__main__":
    copy(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4] == "merged")
