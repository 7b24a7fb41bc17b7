"""Destinations that old versions of dlt wrote, and that dlt of today goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest

from tests.fixtures.collected import Site
from tests.fixtures.observed import KINDS, Observed, ObservedDuckDb, ObservedLake, ObservedPostgres, ObservedSql
from tests.fixtures.old_fleet import VERSIONS, OldFleet

# The oldest kept no schema in files, and its state had no hash before 0.4.1.
WITHOUT_SCHEMAS = [("0.3.25", "filesystem")]
WITHOUT_STATE_HASH = ["0.3.25"]
# It began to count states at 2, and schemas at 3.
STATES = {"0.3.25": (2, 3)}
SCHEMAS = {"0.3.25": (3, 4)}
NESTED = {"0.3.25": "orders__items", "0.4.12": "orders__items", "0.5.4": "Orders▶items", "1.0.0": "Orders__items"}


@pytest.fixture(params=VERSIONS)
def fleet(request: pytest.FixtureRequest) -> OldFleet:
    return OldFleet.of(request.param)


@pytest.fixture(params=KINDS)
def old(request: pytest.FixtureRequest, fleet: OldFleet, tmp_path: Path) -> Observed:
    folder = tmp_path / "old"
    observed: Observed
    if request.param == "filesystem":
        observed = ObservedLake(folder)
        fleet.into_folder(observed)
        return observed
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        observed = ObservedPostgres(
            folder, url, f"old_{fleet.version.replace('.', '_')}_{abs(hash(folder)):x}"
        ).create()
    else:
        observed = ObservedDuckDb(folder)
    assert isinstance(observed, ObservedSql)
    fleet.into_database(observed)
    return observed


def test_what_an_old_version_left_is_read(site: Site, fleet: OldFleet, old: Observed) -> None:
    has_schemas = (fleet.version, old.kind) not in WITHOUT_SCHEMAS
    nested = NESTED[fleet.version]

    result = site.configure(old.environment(), row_counts="scan").collect()

    assert len(result.failures) == (not has_schemas)
    assert site.rows("select schema_name, count(*), count(distinct load_id), max(status) from loads group by 1") == [
        ("shop", 2, 2, 0)
    ]
    assert site.rows(
        "select s.pipeline_name, s.version, s.default_schema_name, s.schema_names, s.version_hash is not null, "
        "l.load_id is not null from pipeline_states s left join loads l using (load_id) order by s.version"
    ) == [
        ("crm", number, "shop", '["shop"]', fleet.version not in WITHOUT_STATE_HASH, True)
        for number in STATES.get(fleet.version, (1, 2))
    ]
    assert site.rows(
        "select source_name, resource_name, cursor_path, last_value, last_value_number from pipeline_cursors "
        "order by last_value"
    ) == [("shop", "Orders", "id", "2", 2.0), ("shop", "Orders", "id", "3", 3.0)]
    assert site.rows("select table_name, list(row_count order by load_id) from row_counts group by 1 order by 1") == [
        (nested.removesuffix("items").rstrip("_▶"), [2, 1]),
        (nested, [3, 1]),
    ]
    assert site.rows("select schema_name, version from schema_versions order by 2") == (
        [("shop", number) for number in SCHEMAS.get(fleet.version, (2, 3))] if has_schemas else []
    )
    assert site.rows("select change_type, column_name, new_value from schema_changes order by 1") == (
        [("column_added", "discount", "double"), ("schema_added", None, "shop")] if has_schemas else []
    )
    assert site.column("select distinct schema_version_hash is not null from loads") == [has_schemas]


def test_nothing_is_read_twice(site: Site, old: Observed) -> None:
    site.configure(old.environment(), row_counts="scan").collect()
    site.collect()

    assert site.column("select row_count from collections order by collected_at")[1] == 0
    assert site.doubled() == []


@pytest.fixture(params=["duckdb", "filesystem"])
def continued(request: pytest.FixtureRequest, tmp_path: Path) -> Observed:
    """A destination that dlt 0.4 wrote, and the dlt of today went on with."""
    fleet = OldFleet.of("0.4.12")
    observed: Any = ObservedDuckDb(tmp_path / "old") if request.param == "duckdb" else ObservedLake(tmp_path / "old")
    if request.param == "duckdb":
        fleet.into_database(observed)
    else:
        fleet.into_folder(observed)
    observed.run("crm", "crm", _orders_of_today())
    return observed  # type: ignore[no-any-return]


def _orders_of_today() -> Any:
    @dlt.source(name="shop")
    def shop() -> Any:
        @dlt.resource(name="Orders", write_disposition="append", primary_key="id")
        def orders(cursor: Any = dlt.sources.incremental("id")) -> Any:  # noqa: B008
            yield [{"id": 3}, {"id": 4, "coupon": "x", "items": [{"sku": "e"}, {"sku": "f"}]}]

        return orders

    return shop()


def test_a_dataset_that_an_old_version_wrote_and_todays_went_on_with_is_one_history(
    site: Site, continued: Observed
) -> None:
    assert site.configure(continued.environment(), row_counts="scan").collect().failures == []

    assert site.rows("select count(*), count(schema_version_hash) from loads") == [(3, 3)]
    assert site.column("select version from schema_versions order by inserted_at") == [2, 3, 6]
    assert site.column("select parent_method from schema_versions order by inserted_at") == [
        "none",
        "previous_hash",
        "previous_hash",
    ]
    assert site.column("select last_value from pipeline_cursors order by 1") == ["2", "3", "4"]
    assert site.rows(
        "select change_type, table_name, column_name from schema_changes where change_type in "
        "('column_added', 'column_removed', 'table_added', 'table_removed', 'data_type_changed') order by all"
    ) == [("column_added", "orders", "coupon"), ("column_added", "orders", "discount")]
    assert site.rows("select table_name, list(row_count order by load_id) from row_counts group by 1 order by 1") == [
        ("orders", [2, 1, 1]),
        ("orders__items", [3, 1, 2]),
    ]
