from __future__ import annotations

from meta_pipeline.collect.open_tables import OpenTable, find_open_tables


def test_tables_are_found_by_their_logs() -> None:
    paths = [
        "lake/shop/orders/_delta_log/00000000000000000000.json",
        "lake/shop/orders/_delta_log/00000000000000000010.checkpoint.parquet",
        "lake/shop/orders/part-00000-c000.snappy.parquet",
        "lake/shop/rates/metadata/00009-a.metadata.json",
        "lake/shop/rates/metadata/00010-b.metadata.json",
        "lake/shop/rates/metadata/snap-1-0-b.avro",
        "lake/shop/plain/1795397605.5.abc.jsonl",
    ]

    assert find_open_tables(paths) == [
        OpenTable("delta", "lake/shop/orders"),
        OpenTable("iceberg", "lake/shop/rates", "lake/shop/rates/metadata/00010-b.metadata.json"),
    ]


def test_two_newest_states_of_an_iceberg_table_are_none() -> None:
    paths = [f"a/metadata/0000{number}.metadata.json" for number in ("1-x", "2-y", "2-z")]

    assert find_open_tables(paths) == [OpenTable("iceberg", "a", None)]
