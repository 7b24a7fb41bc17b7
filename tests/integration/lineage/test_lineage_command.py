"""`meta-pipeline lineage` over the marts of a real dbt project."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from meta_pipeline import cli
from tests.fixtures.dbt_shop import Built

pytestmark = pytest.mark.xdist_group("dbt_lineage")

Run = Callable[..., Result]


@pytest.fixture
def run(built: Built, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in the folder of the site, or in another one."""

    def invoke(*arguments: str, folder: Path = built.site.folder) -> Result:
        monkeypatch.chdir(folder)
        return CliRunner().invoke(cli.main, ["lineage", *arguments])

    return invoke


def _steps(result: Result, way: str) -> list[tuple[int, str, str]]:
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    return [
        (step["depth"], ".".join(filter(None, (step["place"]["name"], step["place"]["column"]))), step["relation"])
        for step in found[way]
    ]


def test_a_column_is_followed_to_all_that_is_made_of_it(run: Run) -> None:
    result = run("crm.customers.email", "--downstream", "--json")

    assert _steps(result, "downstream") == [
        (1, "main.stg_customers.email", "derived"),
        (2, "main.customer_orders.email", "identity"),
        (3, "main.revenue.buyers", "aggregated"),
        (2, "main.customers_snapshot.email", "identity"),
        (2, "main.people.email", "identity"),
        (1, "main.stg_customers.email_hash", "derived"),
        (2, "main.customer_orders.email_hash", "identity"),
    ]
    assert _steps(result, "upstream") == []
    masked = [step["place"]["column"] for step in json.loads(result.stdout)["downstream"] if step["is_masked"]]
    assert masked == ["email_hash"]


def test_a_column_is_followed_back_and_what_filters_is_told(run: Run) -> None:
    assert _steps(run("Revenue.REVENUE", "--upstream", "--json"), "upstream") == [
        (1, "main.customer_orders.amount", "aggregated"),
        (2, "main.stg_orders.amount", "identity"),
        (3, "shop.crm.orders.amount", "identity"),
        (3, "shop.crm.orders.status", "filter"),
        (2, "main.stg_customers.customer_id", "filter"),
        (2, "main.stg_orders.customer_id", "filter"),
        (2, "main.stg_orders.order_key", "filter"),
        (2, "shop.crm.orders__items._dlt_parent_id", "filter"),
        (1, "main.customer_orders.country", "filter"),
    ]


def test_what_is_reached_on_two_ways_is_followed_once(run: Run) -> None:
    found = json.loads(run("revenue", "--json").stdout)
    twice = [step["place"]["name"] for step in found["upstream"] if step["is_known"]]

    assert twice == ["shop.crm.orders", "main.stg_orders"]
    assert [step["place"]["name"] for step in found["downstream"]] == ["revenue_page"]


def test_on_a_terminal_it_is_a_tree_of_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")

    lines = run("stg_customers").output.splitlines()

    assert lines[:3] == [
        "main.stg_customers comes from",
        "└── shop.crm.customers  table, transforms",
        "    └── shop.crm.customers  resource, loads",
    ]
    assert "│   └── main.revenue  incremental, transforms" in lines
    assert max(map(len, lines)) <= 80


def test_elsewhere_it_is_lines_with_tabs(run: Run) -> None:
    heading, first, *_ = run("people", "--upstream").output.splitlines()

    assert heading.split("\t")[:4] == ["Way", "Depth", "From here", "To there"]
    assert first.split("\t")[:5] == ["comes from", "1", "main.people", "main.countries", "seed"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stg_custmers", "Did you mean main.stg_customers"),
        ("customers.emial", "Did you mean shop.crm.customers.email"),
        ("quantity", "may be main.customer_orders.quantity (model), shop.crm.orders__items.quantity (table)"),
        ("no such thing at all", "meta-pipeline lineage says what is known"),
        ("revenue.*", "There is no table or column"),
    ],
)
def test_a_name_that_is_not_clear_says_what_may_be_meant(run: Run, name: str, words: str) -> None:
    result = run(name)

    assert result.exit_code == 2
    assert words in result.output


def test_without_a_name_it_says_how_much_is_known(run: Run) -> None:
    result = run()

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "Project\tModels\tColumns\tSources",
        "shop\t8 of 8\t38 of 38\t3 of 4 observed",
        "source: source.shop.elsewhere.rates: no observed dataset has such a table",
    ]


@pytest.mark.parametrize(("minimum", "code"), [("1", 0), ("0.5", 0), ("two", 2), ("1.5", 2)])
def test_a_minimum_that_is_met_changes_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, minimum: str, code: int
) -> None:
    monkeypatch.setenv("LINEAGE__MINIMUM_COVERAGE", minimum)

    assert run().exit_code == code


@pytest.mark.parametrize("arguments", [(), ("people",)])
def test_where_less_is_known_than_shall_be_the_exit_code_says_so(
    run: Run, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    home = shutil.copy(built.site.home.database, tmp_path)
    with duckdb.connect(home) as connection:
        connection.execute("update observability_marts.lineage_coverage set coverage = 0.875")
    monkeypatch.setenv("LINEAGE__MINIMUM_COVERAGE", "0.9")

    result = run(*arguments, folder=tmp_path)

    assert result.exit_code == 1
    assert "Too little is known of shop: all columns of 88% of its models, less than 90%." in result.output
