"""Says that it extracts, and waits."""

import time
from collections.abc import Iterator
from pathlib import Path

import dlt


@dlt.resource
def orders() -> Iterator[dict[str, int]]:
    Path("waiting").touch()
    time.sleep(600)
    yield {"id": 1}


dlt.pipeline("orders", destination="duckdb", dataset_name="shop").run(orders())
