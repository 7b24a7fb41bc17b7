"""Leaves while it extracts, as a time limit does."""

import sys
from collections.abc import Iterator

import dlt


@dlt.resource
def orders() -> Iterator[dict[str, int]]:
    yield {"id": 1}
    sys.exit(3)


dlt.pipeline("orders", destination="duckdb", dataset_name="shop").run(orders())
