"""Runs pipelines in threads, in a forked process, within another one (which takes a thread), and on the way out."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import dlt


def load(name: str) -> None:
    dlt.pipeline(name, destination="duckdb", dataset_name="shop").run([{"id": 1}], table_name="orders")


@dlt.resource
def outer_orders() -> Iterator[dict[str, int]]:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(load, "inner").result()
    yield {"id": 1}


load("first")
with ThreadPoolExecutor(3) as pool:
    list(pool.map(load, ["thread_1", "thread_2", "thread_3"]))
child = multiprocessing.get_context("fork").Process(target=load, args=["forked"])
child.start()
child.join()
dlt.pipeline("outer", destination="duckdb", dataset_name="shop").run(outer_orders())
try:
    raise KeyboardInterrupt
except KeyboardInterrupt:
    load("cleaning_up")
