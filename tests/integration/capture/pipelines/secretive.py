"""Holds secrets wherever a pipeline can hold them, and fails twice."""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import dlt
from dlt.pipeline.exceptions import PipelineStepFailed

logger = logging.getLogger("meta_pipeline_capture")
logger.addHandler(logging.FileHandler("capture.log"))
logger.setLevel(logging.DEBUG)


@dlt.source
def shop(
    password: str = dlt.secrets.value,
    api_key: str = dlt.secrets.value,
    membership: str = dlt.secrets.value,
    fails: bool = False,
) -> Any:
    @dlt.resource(columns={"id": {"description": "planted in a hint"}})
    def orders() -> Iterator[dict[str, Any]]:
        row = {"id": 1, "name": "planted in a row"}
        local = "planted in a local variable"
        dlt.current.resource_state()["token"] = "planted in state"
        dlt.current.resource_metrics()["note"] = "planted in a metric"
        yield row
        if fails:
            known = f"{password} {api_key} {membership} {os.environ['SHOP_TOKEN']}"
            raise ValueError(f"{known} postgresql://me:planted-in-a-url@db {row} password={local!r}")

    return orders


for fails in (True, False):
    with suppress(PipelineStepFailed):
        dlt.pipeline("orders", destination="postgres", dataset_name="shop").run(
            shop(api_key="planted in an argument", fails=fails)
        )
