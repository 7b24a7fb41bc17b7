from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from meta_pipeline.collect.column_lineage import Relation
from meta_pipeline.collect.dbt_lineage import NOT_COMPILED, NOT_SQL, Analysis, analyse_project
from meta_pipeline.collect.dbt_manifest import read_manifest
from tests.fixtures.recorded_manifests import OBSERVED, VERSIONS, as_bytes, manifest, with_code

COLUMNS = {Relation("", "crm", table): list(columns) for table, columns in OBSERVED.items()}

# Every edge of the project in tests/fixtures/dbt_project, as one reads it there.
EXPECTED = {
    "stg_customers": {
        "crm.customers.id -> customer_id: identity",
        "crm.customers.name -> name: identity",
        "crm.customers.email -> email: derived",
        "crm.customers.email -> email_hash: derived masked",
        "crm.customers.country -> country: identity",
    },
    "stg_orders": {
        "crm.orders.id -> order_id: identity",
        "crm.orders.customer_id -> customer_id: identity",
        "crm.orders.amount -> amount: identity",
        "crm.orders.ordered_at -> order_date: derived",
        "crm.orders._dlt_id -> order_key: identity",
        "crm.orders.status -> *: filter",
    },
    "int_items": {
        "main.stg_orders.order_key -> order_key: identity",
        "crm.orders__items.quantity -> quantity: aggregated",
        "main.stg_orders.order_key -> *: filter",
        "crm.orders__items._dlt_parent_id -> *: filter",
    },
    "customer_orders": {
        "main.stg_orders.order_id -> order_id: identity",
        "main.stg_orders.order_date -> order_date: identity",
        "main.stg_orders.amount -> amount: identity",
        "main.stg_orders.amount -> tax: derived",
        "crm.orders__items.quantity -> quantity: aggregated",
        "main.stg_customers.email -> email: identity",
        "main.stg_customers.email_hash -> email_hash: identity",
        "main.stg_customers.country -> country: derived",
        "main.stg_orders.customer_id -> order_number: derived",
        "main.stg_orders.order_date -> order_number: derived",
        "main.stg_orders.order_id -> order_number: derived",
        "main.stg_customers.customer_id -> *: filter",
        "main.stg_orders.customer_id -> *: filter",
        "main.stg_orders.order_key -> *: filter",
        "crm.orders__items._dlt_parent_id -> *: filter",
    },
    "revenue": {
        "main.customer_orders.country -> country: identity",
        "main.customer_orders.amount -> revenue: aggregated",
        "main.customer_orders.email -> buyers: aggregated",
        "main.customer_orders.order_date -> last_order_date: aggregated",
        "main.customer_orders.country -> *: filter",
    },
    "people": {
        "main.stg_customers.name -> name: identity",
        "main.stg_customers.email -> email: identity",
        "main.countries.country -> name: identity",
        "main.countries.region -> email: identity",
    },
    "hand_written": {
        "crm.orders.id -> id: identity",
        "crm.orders.amount -> amount: identity",
    },
    "customers_snapshot": {
        "main.stg_customers.customer_id -> customer_id: identity",
        "main.stg_customers.email -> email: identity",
    },
}


def _analyses(found: Mapping[str, Any], known: Mapping[str, Analysis] | None = None) -> dict[str, Analysis]:
    analyses = analyse_project(read_manifest(as_bytes(found), None, None, ()), COLUMNS, known or {})
    return {name.rsplit(".", 1)[1]: analysis for name, analysis in analyses.items()}


def _written(analysis: Analysis) -> set[str]:
    return {
        f"{edge.source.schema}.{edge.source.identifier}.{edge.from_column} -> {edge.to_column}: {edge.transformation}"
        + (" masked" if edge.is_masked else "")
        for edge in analysis.edges
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_project_has_the_edges_that_one_reads_in_it(version: int) -> None:
    analyses = _analyses(manifest(version))

    assert {name: _written(analysis) for name, analysis in analyses.items()} == EXPECTED
    assert [analysis.error for analysis in analyses.values() if analysis.error] == []


def test_columns_without_input_are_told_from_unknown_ones() -> None:
    states = {column.name: column.state for column in _analyses(manifest())["customer_orders"].columns}

    assert {name for name, state in states.items() if state != "traced"} == {"channel", "item_count"}
    assert states["channel"] == "without_input"


def test_what_is_known_is_not_analysed_again() -> None:
    known = {analysis.analysis_hash: analysis for analysis in _analyses(manifest()).values()}
    changed = with_code(manifest(), "customer_orders", "select order_id as country from shop.main.stg_orders")

    assert all(found is known[found.analysis_hash] for found in _analyses(manifest(), known).values())
    again = {name for name, found in _analyses(changed, known).items() if found.analysis_hash not in known}
    assert again == {"customer_orders", "revenue"}


def test_a_change_that_leaves_the_columns_as_they_are_stops_there() -> None:
    known = {analysis.analysis_hash: analysis for analysis in _analyses(manifest()).values()}
    code = manifest()["nodes"]["model.shop.stg_customers"]["compiled_code"].replace("lower(", "upper(")

    changed = _analyses(with_code(manifest(), "stg_customers", code), known)

    assert {name for name, found in changed.items() if found.analysis_hash not in known} == {"stg_customers"}


def test_a_new_column_of_a_table_reaches_the_models_that_take_all() -> None:
    code = "select * from shop.crm.customers"
    before = _analyses(with_code(manifest(), "stg_customers", code))["stg_customers"]
    wider = {**COLUMNS, Relation("", "crm", "customers"): [*OBSERVED["customers"], "phone"]}

    project = read_manifest(as_bytes(with_code(manifest(), "stg_customers", code)), None, None, ())
    after = analyse_project(project, wider, {before.analysis_hash: before})["model.shop.stg_customers"]

    assert [column.name for column in before.columns] == list(OBSERVED["customers"])
    assert [column.name for column in after.columns] == [*OBSERVED["customers"], "phone"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": None}, NOT_COMPILED),
        ({"code": "def model(dbt, session): ...", "language": "python"}, NOT_SQL),
        ({"code": "select 'secret' from ("}, "its code cannot be parsed at line 1, column 22"),
    ],
)
def test_a_model_that_is_not_analysed_says_why_and_the_rest_is_done(changes: dict[str, Any], error: str) -> None:
    analyses = _analyses(with_code(manifest(), "people", **changes))

    assert analyses["people"].error == error
    assert [name for name, analysis in analyses.items() if analysis.error] == ["people"]


def test_a_star_over_what_is_not_known_is_unknown_and_what_it_hides_is_not_guessed() -> None:
    found = with_code(manifest(), "stg_orders", "select * from shop.elsewhere.nowhere")

    analyses = _analyses(with_code(found, "hand_written", "select * from shop.main.stg_orders"))

    assert [(column.name, column.state) for column in analyses["stg_orders"].columns] == [("*", "unknown")]
    assert analyses["customer_orders"].error is None


def test_the_sql_of_an_adapter_that_is_not_known_is_not_guessed() -> None:
    found = manifest()
    found["metadata"]["adapter_type"] = "abacus"

    assert {analysis.error for analysis in _analyses(found).values()} == {"the SQL of adapter abacus is not known"}


def test_names_that_go_in_a_circle_are_analysed_all_the_same() -> None:
    found = with_code(manifest(), "stg_orders", "select revenue as order_id from shop.main.revenue")
    found["nodes"]["model.shop.stg_orders"]["depends_on"]["nodes"] = ["model.shop.revenue"]

    analyses = _analyses(with_code(found, "people", "select * from shop.main.stg_customers"))

    assert _written(analyses["stg_orders"]) == {"main.revenue.revenue -> order_id: identity"}
    # Beside the circle there is an order still: a star needs what it reads to be known before.
    assert [column.name for column in analyses["people"].columns] == [
        *("customer_id", "name", "email", "email_hash", "country")
    ]


def test_an_incremental_model_takes_nothing_from_itself() -> None:
    code = "select country from shop.main.customer_orders where amount > (select max(revenue) from shop.main.revenue)"

    assert _written(_analyses(with_code(manifest(), "revenue", code))["revenue"]) == {
        "main.customer_orders.country -> country: identity",
        "main.customer_orders.amount -> *: filter",
    }
