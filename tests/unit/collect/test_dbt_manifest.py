from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from meta_pipeline.collect.dbt_manifest import DbtRelation, read_manifest
from meta_pipeline.exceptions import RecordUnreadableError
from tests.fixtures.recorded_manifests import VERSIONS, as_bytes, manifest, with_code


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_tells_the_same_of_one_project(version: int) -> None:
    project = read_manifest(as_bytes(manifest(version)), None, None, ())

    assert (project.name, project.adapter_type, project.manifest_version) == ("shop", "duckdb", version)
    assert {
        name: (node.materialization, node.relation and node.relation.schema, sorted(node.parents))
        for name, node in project.nodes.items()
    } == {
        "source.shop.crm.customers": (None, "crm", []),
        "source.shop.crm.orders": (None, "crm", []),
        "source.shop.crm.orders__items": (None, "crm", []),
        "source.shop.elsewhere.rates": (None, "elsewhere", []),
        "seed.shop.countries": ("seed", "main", []),
        "model.shop.stg_customers": ("view", "main", ["source.shop.crm.customers"]),
        "model.shop.stg_orders": ("view", "main", ["source.shop.crm.orders"]),
        "model.shop.int_items": ("ephemeral", None, ["model.shop.stg_orders", "source.shop.crm.orders__items"]),
        "model.shop.customer_orders": (
            "table",
            "main",
            ["model.shop.int_items", "model.shop.stg_customers", "model.shop.stg_orders"],
        ),
        "model.shop.revenue": ("incremental", "main", ["model.shop.customer_orders"]),
        "model.shop.people": ("view", "main", ["model.shop.stg_customers", "seed.shop.countries"]),
        "model.shop.hand_written": ("view", "main", []),
        "snapshot.shop.customers_snapshot": ("snapshot", "main", ["model.shop.stg_customers"]),
        "exposure.shop.revenue_page": (None, None, ["model.shop.revenue"]),
    }
    assert all(node.code for node in project.nodes.values() if node.language)
    assert project.nodes["model.shop.stg_orders"].relation == DbtRelation("shop", "main", "stg_orders")


@pytest.mark.parametrize("version", VERSIONS)
def test_of_meta_only_listed_keys_are_kept(version: int) -> None:
    found = as_bytes(manifest(version))
    (email,) = read_manifest(found, None, None, ()).nodes["model.shop.stg_customers"].columns

    assert (email.name, email.tags, email.meta) == ("email", ("contact",), {"contains_pii": True})
    (email,) = read_manifest(found, None, None, ("remark",)).nodes["model.shop.stg_customers"].columns
    assert email.meta == {"contains_pii": True, "remark": "this is no key that is kept"}


@pytest.mark.parametrize("value", [{"any": "thing"}, "a text that goes on " * 10, [["a", "b"]], None])
def test_of_meta_no_free_text_is_kept(value: Any) -> None:
    found = manifest()
    found["nodes"]["model.shop.revenue"]["meta"] = {"pii": value}

    assert read_manifest(as_bytes(found), None, None, ()).nodes["model.shop.revenue"].meta == {}


def test_when_a_manifest_was_written_is_understood_with_any_number_of_decimals() -> None:
    found = manifest()
    for text in ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.0Z", "2026-01-02T03:04:05.000000001Z"):
        found["metadata"]["generated_at"] = text
        project = read_manifest(as_bytes(found), None, None, ())
        assert project.generated_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def test_the_catalog_lists_the_columns_with_their_types() -> None:
    columns = {"EMAIL": {"type": "VARCHAR", "index": 2}, "customer_id": {"type": "BIGINT", "index": 1}}
    catalog = json.dumps({"nodes": {"model.shop.stg_customers": {"columns": columns}}, "sources": {}})

    node = read_manifest(as_bytes(manifest()), catalog.encode(), None, ()).nodes["model.shop.stg_customers"]

    assert node.is_catalogued
    assert [(column.name, column.data_type, column.tags) for column in node.columns] == [
        ("customer_id", "BIGINT", ()),
        ("EMAIL", "VARCHAR", ("contact",)),
    ]


def test_run_results_tell_the_code_that_a_manifest_lacks() -> None:
    found = as_bytes(with_code(manifest(), "revenue", None))
    results = json.dumps({"results": [{"unique_id": "model.shop.revenue", "compiled_code": "select 1 as a"}]})

    assert read_manifest(found, None, None, ()).nodes["model.shop.revenue"].code is None
    assert read_manifest(found, None, results.encode(), ()).nodes["model.shop.revenue"].code == "select 1 as a"


@pytest.mark.parametrize("beside", [b"{", b"[]", b'{"nodes": 1, "results": 1}', b'{"results": [1]}'])
def test_what_is_broken_beside_a_manifest_is_left_aside(beside: bytes) -> None:
    assert read_manifest(as_bytes(manifest()), beside, beside, ()).nodes


def test_what_a_manifest_has_beside_nodes_is_passed_over_wherever_it_stands() -> None:
    found = {"macros": {"macro.shop.a": {"macro_sql": "{{ x }}"}}, "docs": [], "parent_map": None, **manifest()}

    assert read_manifest(as_bytes(found), None, None, ()) == read_manifest(as_bytes(manifest()), None, None, ())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b'{"metadata": {', "is not JSON"),
        (b"[]", "is not a manifest"),
        (b"{} {}", "is not JSON"),
        (b'{"metadata": {}, "macros": {"a": 1', "is not JSON"),
        (b"\xff{}", "is not JSON"),
        (b'{"docs": ' + b"[" * 100_000, "is not JSON"),
        (b"{}", "is not a manifest"),
        (b'{"metadata": "secret"}', "is not a manifest"),
        (
            b'{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}}',
            "is not a manifest",
        ),
        (
            b'{"metadata": {"dbt_schema_version": "https://x/dbt/manifest/v99.json"}}',
            "of version 99; understood are 10",
        ),
        (
            b'{"metadata": {"dbt_schema_version": "https://x/dbt/manifest/v12.json"}, "nodes": ["secret"]}',
            "not a whole",
        ),
        (
            b'{"nodes": {"a": "secret"}, "metadata": {"dbt_schema_version": "https://x/dbt/manifest/v99.json"}}',
            "of version 99",
        ),
    ],
)
def test_what_is_no_manifest_is_told_without_a_word_of_it(content: bytes, words: str) -> None:
    with pytest.raises(RecordUnreadableError) as told:
        read_manifest(content, None, None, ())

    assert words in str(told.value)
    assert "secret" not in str(told.value)


def test_a_node_is_another_one_when_anything_of_it_changes() -> None:
    before = read_manifest(as_bytes(manifest()), None, None, ()).nodes["model.shop.revenue"]
    described = with_code(manifest(), "revenue", before.code, description="What came in.")
    other_code = with_code(manifest(), "revenue", "select 1 as a")

    assert read_manifest(as_bytes(described), None, None, ()).nodes[before.unique_id].node_hash != before.node_hash
    assert read_manifest(as_bytes(other_code), None, None, ()).nodes[before.unique_id].node_hash == before.node_hash
