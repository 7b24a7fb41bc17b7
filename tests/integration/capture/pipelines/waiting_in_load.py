"""Says that it loads one table, and waits until it may go on; another table is to come."""

import time
from pathlib import Path
from typing import Any

import dlt


@dlt.destination
def crm(items: Any, table: Any) -> None:
    Path("waiting").touch()
    while not Path("go").exists():
        time.sleep(0.01)


tables = [dlt.resource([{"id": 1}], name=name) for name in ("orders", "customers")]
dlt.pipeline("orders", destination=crm, dataset_name="shop").run(tables)
