"""Hands rows to a system that refuses them."""

from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationTerminalException


@dlt.destination
def crm(items: Any, table: Any) -> None:
    raise DestinationTerminalException("the CRM is closed")


dlt.pipeline("orders", destination=crm, dataset_name="shop").run([{"id": 1}], table_name="orders")
