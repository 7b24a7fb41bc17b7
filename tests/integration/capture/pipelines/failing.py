"""Fails in the middle of a resource."""

from collections.abc import Iterator

import dlt


@dlt.resource
def orders() -> Iterator[dict[str, int]]:
    yield {"id": 1}
    raise ConnectionError("the shop is closed")


dlt.pipeline("orders", destination="duckdb", dataset_name="shop").run(orders())
