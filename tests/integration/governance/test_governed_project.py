"""Tags in dlt's schema and in a real dbt project: collected, transformed, and compared with what was listed by hand."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from tests.fixtures.dbt_shop import Built
from tests.fixtures.governed_shop import GovernedShop

pytestmark = pytest.mark.xdist_group("governance")


def test_every_column_that_holds_personal_data_is_listed(governed: Built) -> None:
    found = governed.rows(
        "select status, relation || '.' || column_name, origin_relation || '.' || origin_column, hops, is_masked, "
        "method from pii_columns order by all"
    )

    assert found == [
        ("declared", "crm.customers.email", "crm.customers.email", 0, False, "hint"),
        ("declared", "crm.customers.home", "crm.customers.home", 0, False, "hint"),
        ("declared", "crm.customers.letters", "crm.customers.letters", 0, False, "hint"),
        ("declared", "crm.customers.phone", "crm.customers.phone", 0, False, "hint"),
        ("declared", "main.stg_customers.email", "main.stg_customers.email", 0, False, "dbt"),
        ("declared", "main.tickets.reporter", "main.tickets.reporter", 0, False, "dbt"),
        ("declassified", "main.audience.emails", "crm.customers.email", 2, False, "aggregate"),
        ("declassified", "main.domains.email_domain", "crm.customers.email", 2, False, "mark"),
        ("declassified", "main.revenue.buyers", "crm.customers.email", 3, False, "aggregate"),
        ("inherited", "crm.customers.home__floor", "crm.customers.home", 1, False, "lineage"),
        ("inherited", "crm.customers.home__street", "crm.customers.home", 1, False, "lineage"),
        ("inherited", "crm.customers.phone__v_text", "crm.customers.phone", 1, False, "lineage"),
        ("inherited", "crm.customers__letters.wrote", "crm.customers.letters", 1, False, "lineage"),
        ("inherited", "crm.customers__letters__lines.said", "crm.customers.letters", 1, False, "lineage"),
        ("inherited", "main.audience.last_email", "crm.customers.email", 2, False, "lineage"),
        ("inherited", "main.audience.last_hash", "crm.customers.email", 2, True, "lineage"),
        ("inherited", "main.customer_orders.email", "crm.customers.email", 2, False, "lineage"),
        ("inherited", "main.customer_orders.email_hash", "crm.customers.email", 2, True, "lineage"),
        ("inherited", "main.customers_snapshot.email", "crm.customers.email", 2, False, "lineage"),
        ("inherited", "main.letters.wrote", "crm.customers.letters", 2, False, "lineage"),
        ("inherited", "main.mailing.email", "crm.customers.email", 2, False, "lineage"),
        ("inherited", "main.mailing_page.email", "crm.customers.email", 3, False, "lineage"),
        ("inherited", "main.mailing_table.address", "crm.customers.email", 4, False, "lineage"),
        ("inherited", "main.people.email", "crm.customers.email", 2, False, "lineage"),
        ("inherited", "main.stg_customers.email_hash", "crm.customers.email", 1, True, "lineage"),
        ("inherited", "main.ticket_page.reporter", "main.tickets.reporter", 1, False, "lineage"),
        ("suggested", "crm.customers.name", None, 0, False, "name"),
        ("suggested", "main.people.name", None, 0, False, "name"),
        ("suggested", "main.stg_customers.name", None, 0, False, "name"),
    ]


def test_the_plan_says_where_a_deletion_arrives_and_where_somebody_has_to_act(governed: Built) -> None:
    plan = governed.rows(
        "select step, relation, materialization, is_propagated, is_action_needed, has_value, is_masked, held_up_by "
        "from deletion_plan where origin_relation = 'crm.customers' and origin_column = 'email' order by all"
    )

    assert plan == [
        (1, "crm.customers__letters", "dlt append", False, True, False, False, None),
        (1, "crm.customers__orders", "dlt append", False, True, False, False, None),
        (1, "main.stg_customers", "view", True, False, True, False, None),
        (2, "crm.customers__letters__lines", "dlt append", False, True, False, False, None),
        (2, "main.audience", "table", True, False, True, False, None),
        (2, "main.customer_orders", "table", True, False, True, False, None),
        (2, "main.customers_snapshot", "snapshot", False, True, True, False, None),
        (2, "main.mailing", "incremental", False, True, True, False, None),
        (2, "main.people", "view", True, False, True, False, None),
        (3, "main.mailing_page", "view", False, False, True, False, "main.mailing"),
        (4, "main.mailing_table", "table", False, False, True, False, "main.mailing_page"),
    ]


def test_findings_are_what_somebody_should_decide_on(governed: Built) -> None:
    found = governed.rows("select finding_type, subject, severity, pipeline_name from governance_findings order by all")

    assert found == [
        ("tagged_in_incremental", "main.customers_snapshot.email", "warning", None),
        ("tagged_in_incremental", "main.mailing.email", "warning", None),
        ("untagged", "crm.customers.name", "info", "crm"),
        ("variant_untagged", "crm.customers.phone__v_text", "warning", None),
    ]


def test_a_deletion_arrives_exactly_where_the_plan_says(
    governed: Built, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Deletes a customer at the source in a copy, has dbt build again, and looks where the e-mail address still is."""
    shop = GovernedShop(tmp_path_factory.mktemp("deleted") / "shop")
    shutil.copytree(governed.shop.folder, shop.folder)
    shop.write_project()
    with duckdb.connect(str(shop.database)) as connection:
        connection.execute("delete from crm.customers where id = 2")
    shop.dbt("build")
    columns = governed.rows(
        "select plan.relation, pii.column_name, plan.is_propagated from deletion_plan as plan join pii_columns as pii "
        "on pii.relation_id = plan.relation_id and pii.origin_column = plan.origin_column where has_value "
        "and plan.origin_column = 'email' and pii.status = 'inherited' and not pii.is_masked"
    )

    with duckdb.connect(str(shop.database), read_only=True) as connection:
        still = {
            relation: connection.execute(
                f"select count(*) from {relation} where lower({column}) = 'bob@example.com'"
            ).fetchone()
            for relation, column, _ in columns
        }

    assert {relation: count == (0,) for relation, count in still.items()} == {
        relation: is_propagated for relation, _, is_propagated in columns
    }
    assert set(still.values()) == {(0,), (1,)}
