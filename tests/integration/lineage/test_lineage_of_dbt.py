"""A real dbt project over a dataset that dlt loaded: collected, transformed, and held against the data itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.fixtures.dbt_shop import Built, DbtShop

pytestmark = pytest.mark.xdist_group("dbt_lineage")


def test_a_table_of_dlt_and_the_source_on_it_are_one_node(built: Built) -> None:
    nodes = built.rows("select node_type, node_name, dataset_name, unique_id from lineage_nodes order by all")

    assert nodes == [
        ("exposure", "revenue_page", None, "exposure.shop.revenue_page"),
        ("model", "customer_orders", "main", "model.shop.customer_orders"),
        ("model", "hand_written", "main", "model.shop.hand_written"),
        ("model", "int_items", None, "model.shop.int_items"),
        ("model", "people", "main", "model.shop.people"),
        ("model", "revenue", "main", "model.shop.revenue"),
        ("model", "stg_customers", "main", "model.shop.stg_customers"),
        ("model", "stg_orders", "main", "model.shop.stg_orders"),
        ("resource", "customers", "crm", None),
        ("resource", "orders", "crm", None),
        ("seed", "countries", "main", "seed.shop.countries"),
        ("snapshot", "customers_snapshot", "main", "snapshot.shop.customers_snapshot"),
        ("source", "rates", "elsewhere", "source.shop.elsewhere.rates"),
        ("table", "customers", "crm", "source.shop.crm.customers"),
        ("table", "orders", "crm", "source.shop.crm.orders"),
        ("table", "orders__items", "crm", "source.shop.crm.orders__items"),
    ]


def test_edges_say_how_they_are_known(built: Built) -> None:
    edges = built.rows(
        "select source.node_type || ' ' || source.node_name, target.node_name, edge_type, method, confidence "
        "from lineage_edges join lineage_nodes as source on source.node_id = from_node_id "
        "join lineage_nodes as target on target.node_id = to_node_id order by all"
    )

    assert edges == [
        ("model customer_orders", "revenue", "transforms", "declared", 1),
        ("model int_items", "customer_orders", "transforms", "declared", 1),
        ("model revenue", "revenue_page", "exposes", "declared", 1),
        ("model stg_customers", "customer_orders", "transforms", "declared", 1),
        ("model stg_customers", "customers_snapshot", "transforms", "declared", 1),
        ("model stg_customers", "people", "transforms", "declared", 1),
        ("model stg_orders", "customer_orders", "transforms", "declared", 1),
        ("model stg_orders", "int_items", "transforms", "declared", 1),
        ("resource customers", "customers", "loads", "declared", 1),
        ("resource orders", "orders", "loads", "declared", 1),
        ("seed countries", "people", "transforms", "declared", 1),
        ("table customers", "stg_customers", "transforms", "declared", 1),
        ("table orders", "hand_written", "transforms", "inferred", 1),
        ("table orders", "orders__items", "nested", "declared", 1),
        ("table orders", "stg_orders", "transforms", "declared", 1),
        ("table orders__items", "int_items", "transforms", "declared", 1),
    ]


def test_the_keys_of_nested_tables_are_edges(built: Built) -> None:
    keys = "select from_relation, from_column, to_relation, to_column from column_lineage where method = 'declared'"

    assert built.rows(keys) == [("crm.orders", "_dlt_id", "crm.orders__items", "_dlt_parent_id")]


def test_coverage_counts_and_gaps_say_why(built: Built) -> None:
    coverage = "select model_count, analysed_count, unknown_column_count, source_count, matched_source_count, coverage"

    assert built.rows(f"{coverage} from lineage_coverage") == [(8, 8, 0, 4, 3, 1.0)]
    assert built.rows("select gap_type, subject, reason from lineage_gaps") == [
        ("source", "source.shop.elsewhere.rates", "no observed dataset has such a table")
    ]


# Values that nobody filters, joins or groups by, so that rows stay where they are; and what changes all that they make.
PERTURBED = {
    ("orders", "amount"): "amount + 1000",
    ("customers", "email"): "'same'",
    ("customers", "name"): "'x' || name",
    ("orders", "ordered_at"): "timestamptz '2026-02-01' - (ordered_at - timestamptz '2026-01-01')",
    ("orders__items", "quantity"): "quantity + 1000",
}
# By what the rows of each model are told apart; where by nothing, values are compared without their rows.
BUILT: dict[str, str | None] = {
    "stg_customers": "customer_id",
    "stg_orders": "order_id",
    "customer_orders": "order_id",
    "revenue": "country",
    "people": None,
    "hand_written": "id",
}


@pytest.mark.parametrize(("table", "column"), PERTURBED, ids=[".".join(key) for key in PERTURBED])
def test_exactly_the_columns_change_that_are_claimed_to(built: Built, table: str, column: str, tmp_path: Path) -> None:
    """Changes a column of dlt's table in a copy, has dbt build again, and looks which columns of its models differ."""
    shop = DbtShop(tmp_path / "shop")
    shutil.copytree(built.shop.folder, shop.folder)
    shop.write_project()
    before = _contents(shop)
    with duckdb.connect(str(shop.database)) as connection:
        connection.execute(f"update crm.{table} set {column} = {PERTURBED[table, column]}")
    shop.dbt("build", "--full-refresh", "--exclude", "resource_type:snapshot")
    after = _contents(shop)

    changed = {key for key, values in after.items() if values != before[key]}

    assert changed == _claimed(built, f"crm.{table}", column)
    assert changed


def _contents(shop: DbtShop) -> dict[tuple[str, str], list[Any]]:
    contents = {}
    with duckdb.connect(str(shop.database), read_only=True) as connection:
        for table, key in BUILT.items():
            order = f"order by {key}" if key else ""
            columns = connection.execute(f'select * from main."{table}" {order}').to_arrow_table().to_pydict()
            contents |= {(table, name): values if key else sorted(values) for name, values in columns.items()}
    return contents


def _claimed(built: Built, relation: str, column: str) -> set[tuple[str, str]]:
    """Returns the columns that the mart says are made of a column, however far away; not what it only filters."""
    rows = built.rows(
        "with recursive downstream as ("
        f" select '{relation}' as relation, '{column}' as column_name union"
        " select to_relation, to_column from column_lineage join downstream"
        " on from_relation = downstream.relation and from_column = downstream.column_name"
        " where transformation <> 'filter') select relation, column_name from downstream"
    )
    names = {(relation.removeprefix("main."), column) for relation, column in rows}
    return {(name, column) for name, column in names if name in BUILT}
