"""Loads two orders."""

import dlt

pipeline = dlt.pipeline("orders", destination="duckdb", dataset_name="shop")
pipeline.run([{"id": 1, "lines": [{"sku": "a"}]}, {"id": 2}], table_name="orders")
