"""Takes the steps one by one."""

import dlt

pipeline = dlt.pipeline("orders", destination="duckdb", dataset_name="shop")
pipeline.extract([{"id": 1}], table_name="orders")
pipeline.normalize()
pipeline.load()
