from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from meta_pipeline.exceptions import HomeError, PipelineUnknownError
from meta_pipeline.home import Home
from meta_pipeline.report.status import Uncovered, named, read_status, the_one_named
from tests.unit.report.fleets import fleet, pipeline

FLEET = fleet(
    [
        pipeline("failing", "orders"),
        pipeline("late", "customers"),
        pipeline("healthy", "orders", dataset_name="shop"),
        pipeline("new", None),
    ],
    [
        Uncovered("pg", None, "partial", "pg: a state does not decode"),
        Uncovered("pg", "shop", "locked", "close the other program"),
        Uncovered("lake", None, "unreachable", "lake: no answer"),
    ],
)


def test_marts_of_another_version_are_told(tmp_path: Path) -> None:
    home = Home("duckdb", str(tmp_path / "home.duckdb"), tmp_path)
    with duckdb.connect(home.database) as connection:
        connection.execute("create schema observability_models; create schema observability_marts")
        connection.execute("create table observability_models.clock (as_of timestamptz, is_past boolean)")
        connection.execute("create table observability_marts.pipeline_health (pipeline_id varchar, condition varchar)")

    with pytest.raises(HomeError, match="run: meta-pipeline transform"):
        read_status(home)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("orders", ["pg.crm.orders", "pg.shop.orders"]),
        ("CRM.orders", ["pg.crm.orders"]),
        ("*ers", ["pg.crm.orders", "pg.crm.customers", "pg.shop.orders"]),
        ("pg.shop.*", ["pg.shop.orders"]),
        ("(unknown)", ["pg.crm.(unknown)"]),
    ],
)
def test_pipelines_are_found_by_name_or_glob(written: str, found: Sequence[str]) -> None:
    assert [item.full_name for item in named(FLEET, written)] == found


def test_a_name_that_no_pipeline_has_is_answered_with_what_was_probably_meant() -> None:
    with pytest.raises(PipelineUnknownError, match=r"no pipeline 'custmers'. Did you mean pg.crm.customers\?"):
        named(FLEET, "custmers")
    with pytest.raises(PipelineUnknownError, match="meta-pipeline status shows those that there are"):
        named(FLEET, "xyz*")


def test_where_one_is_asked_for_two_are_too_many() -> None:
    with pytest.raises(PipelineUnknownError, match=r"'orders' may be pg.crm.orders, pg.shop.orders. Write more"):
        the_one_named(FLEET, "orders")


def test_a_part_of_the_fleet_has_what_is_not_read_of_its_places() -> None:
    part = FLEET.only(named(FLEET, "pg.shop.orders"))

    assert part.counts == {"healthy": 1}
    assert [(item.destination_name, item.dataset_name) for item in part.uncovered] == [("pg", None), ("pg", "shop")]
    assert part.uncovered_lines == [
        "partial: pg: a state does not decode",
        "locked: pg (shop): close the other program",
    ]
