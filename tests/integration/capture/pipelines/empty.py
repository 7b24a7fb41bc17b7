"""Finds nothing to load."""

from collections.abc import Iterator

import dlt


@dlt.resource
def orders() -> Iterator[dict[str, int]]:
    yield from ()


dlt.pipeline("orders", destination="duckdb", dataset_name="shop").run(orders())
