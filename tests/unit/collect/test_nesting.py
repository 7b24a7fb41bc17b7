from __future__ import annotations

from meta_pipeline.collect.nesting import CountPath, Step, count_paths

ROOT = {"_dlt_load_id": "_dlt_load_id", "_dlt_id": "_dlt_id"}
NESTED = {"_dlt_id": "_dlt_id", "_dlt_parent_id": "_dlt_parent_id"}
MERGED = {**NESTED, "_dlt_root_id": "_dlt_root_id"}


def test_a_root_table_is_counted_by_its_own_load_id() -> None:
    assert list(count_paths({"orders": ROOT})) == [CountPath("orders", (), "_dlt_load_id")]


def test_a_nested_table_is_joined_from_parent_to_parent() -> None:
    tables = {"orders": ROOT, "orders__items": NESTED, "orders__items__taxes": NESTED}

    paths = {path.table: path.steps for path in count_paths(tables)}

    to_orders = Step("_dlt_parent_id", "orders", "_dlt_id")
    assert paths["orders__items"] == (to_orders,)
    assert paths["orders__items__taxes"] == (Step("_dlt_parent_id", "orders__items", "_dlt_id"), to_orders)


def test_a_nested_table_that_knows_its_root_is_joined_to_it_at_once() -> None:
    tables = {"orders": ROOT, "orders__items": MERGED, "orders__items__taxes": MERGED}

    paths = {path.table: path.steps for path in count_paths(tables)}

    to_root = Step("_dlt_root_id", "orders", "_dlt_id")
    assert paths["orders__items"] == paths["orders__items__taxes"] == (to_root,)


def test_a_root_that_is_itself_named_like_a_nested_table_is_found() -> None:
    tables = {"web": ROOT, "web__events": ROOT, "web__events__tags": MERGED}

    paths = {path.table: path.steps for path in count_paths(tables)}

    assert paths["web__events__tags"] == (Step("_dlt_root_id", "web__events", "_dlt_id"),)


def test_physical_names_are_used_as_they_are() -> None:
    tables = {
        "ORDERS": {"_dlt_load_id": "_DLT_LOAD_ID", "_dlt_id": "_DLT_ID"},
        "ORDERS__ITEMS": {"_dlt_id": "_DLT_ID", "_dlt_parent_id": "_DLT_PARENT_ID"},
    }

    assert list(count_paths(tables)) == [
        CountPath("ORDERS", (), "_DLT_LOAD_ID"),
        CountPath("ORDERS__ITEMS", (Step("_DLT_PARENT_ID", "ORDERS", "_DLT_ID"),), "_DLT_LOAD_ID"),
    ]


def test_a_table_name_may_hold_the_separator_without_being_nested() -> None:
    tables = {"web__events": ROOT, "web": {"_dlt_id": "_dlt_id"}}

    assert [path.table for path in count_paths(tables)] == ["web__events"]


def test_what_leads_to_no_load_id_is_not_counted() -> None:
    tables = {
        "orders": {"_dlt_id": "_dlt_id"},
        "orders__items": NESTED,
        "shortened_a1b2c3": NESTED,
        "no_links": {},
    }

    assert list(count_paths(tables)) == []


def test_system_tables_are_not_counted() -> None:
    assert list(count_paths({"_dlt_pipeline_state": ROOT, "_DLT_PIPELINE_STATE": ROOT})) == []


def test_a_parent_that_is_not_there_is_stepped_over() -> None:
    tables = {"orders": ROOT, "orders__items__taxes": NESTED}

    assert [path.table for path in count_paths(tables)] == ["orders", "orders__items__taxes"]


def test_tables_are_nested_by_the_naming_direct_too() -> None:
    tables = {"Orders": ROOT, "Orders▶items": NESTED}

    assert [path.table for path in count_paths(tables)] == ["Orders", "Orders▶items"]
