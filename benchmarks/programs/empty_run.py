"""The floor of a collection: a dlt run of one resource that yields nothing, into a DuckDB file.

Usage: python -m benchmarks.programs.empty_run FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import dlt


@dlt.resource
def nothing() -> Iterator[dict[str, object]]:
    """Yields no row."""
    yield from ()


def run(folder: Path) -> None:
    """Runs the pipeline.

    Args:
        folder: Where the DuckDB file and dlt's working files go.
    """
    dlt.pipeline(
        "empty",
        destination=dlt.destinations.duckdb(str(folder / "empty.duckdb")),
        dataset_name="nothing",
        pipelines_dir=str(folder / "pipelines"),
    ).run(nothing())


if __name__ == "__main__":
    run(Path(sys.argv[1]))
