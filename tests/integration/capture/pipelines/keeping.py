"""Holds secrets in its configuration, state, arguments and rows, fails once, and loads the trace of it itself."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import dlt
from dlt.pipeline.exceptions import PipelineStepFailed


@dlt.source
def shop(password: str = dlt.secrets.value, fails: bool = False, api_key: str = "") -> Any:
    @dlt.resource
    def orders(at: Any = dlt.sources.incremental("id")) -> Iterator[dict[str, Any]]:  # noqa: B008
        dlt.current.resource_state()["token"] = "planted in state"
        yield {"id": at.last_value or 1, "name": "planted in a row"}
        if fails:
            known = f"{password} {api_key} {os.environ['SHOP_TOKEN']}"
            raise ValueError(f"no answer to {known} from postgresql://me:planted-in-a-url@db")

    return orders


pipeline = dlt.pipeline("orders", destination=dlt.destinations.duckdb("orders.duckdb"), dataset_name="shop")
with suppress(PipelineStepFailed):
    pipeline.run(shop(api_key="plantedMx3Wc7Qz5LnJ9gD2uE6", fails=True))
pipeline.run([pipeline.last_trace], table_name="_trace")
pipeline.run(shop())
