"""What stands in the raw tables after a first collection, and after a second one with nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from meta_pipeline.collect.tables import RAW_TABLES
from tests.fixtures.collected import Site, clear_environment
from tests.fixtures.observed import KINDS, Observed
from tests.integration.collect.conftest import Fill


@dataclass(frozen=True)
class Collected:
    """A site that has collected twice, with nothing new the second time."""

    kind: str
    site: Site
    first: dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module", params=KINDS)
def collected(
    request: pytest.FixtureRequest, filled: Fill, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collected]:
    folder = tmp_path_factory.mktemp("site")
    observed: Observed = filled(request.param)
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        patch.chdir(folder)
        site = Site(folder, patch).configure(observed.environment(), row_counts="scan")
        assert site.collect().failures == []
        first = {table.name: site.rows(f"select * from {table.name} order by all") for table in RAW_TABLES}
        assert site.collect().failures == []
        yield Collected(observed.kind, site, first)


def test_every_load_stands_there_once(collected: Collected) -> None:
    rows = collected.site.rows(
        "select dataset_name, schema_name, count(*), count(distinct load_id), max(status), count(schema_version_hash), "
        "bool_and(abs(epoch(inserted_at) - cast(load_id as double)) < 60) from loads group by all order by all"
    )

    assert rows == [
        ("crm", "shop", 2, 2, 0, 2, True),
        ("ledger", "ledger", 1, 1, 0, 1, True),
        ("shared", "shared", 2, 2, 0, 2, True),
    ]


def test_every_row_stands_there_once(collected: Collected) -> None:
    assert collected.site.doubled() == []


def test_states_name_the_pipelines_and_their_schemas(collected: Collected) -> None:
    rows = collected.site.rows(
        "select dataset_name, pipeline_name, version, default_schema_name, schema_names, version_hash is not null, "
        "load_id in (select load_id from loads) from pipeline_states order by all"
    )

    assert rows == [
        ("crm", "crm", 1, "shop", '["shop"]', True, True),
        ("crm", "crm", 2, "shop", '["shop"]', True, True),
        ("ledger", "ledger", 1, "ledger", '["ledger"]', True, True),
        ("shared", "left", 1, "shared", '["shared"]', True, True),
        ("shared", "right", 1, "shared", '["shared"]', True, True),
    ]
    assert collected.site.rows(
        "select pipeline_name, schema_name, count(*) from pipeline_schemas group by all order by all"
    ) == [("crm", "shop", 2), ("ledger", "ledger", 1), ("left", "shared", 1), ("right", "shared", 1)]


def test_cursors_stand_there_one_row_each(collected: Collected) -> None:
    rows = collected.site.rows(
        "select source_name, resource_name, cursor_path, last_value, unique_hash_count from pipeline_cursors "
        "order by load_id"
    )

    assert rows == [
        ("shop", "orders", "changed_at", "2026-01-02T00:00:00Z", 1),
        ("shop", "orders", "changed_at", "2026-01-03T00:00:00Z", 1),
    ]


def test_versions_are_linked(collected: Collected) -> None:
    rows = collected.site.rows(
        "select v.dataset_name, v.schema_name, v.parent_method, p.version from schema_versions v "
        "left join schema_versions p on p.version_hash = v.parent_hash order by v.dataset_name, v.inserted_at"
    )

    assert rows == [
        ("crm", "shop", "none", None),
        ("crm", "shop", "previous_hash", 2),
        ("ledger", "ledger", "none", None),
        ("shared", "shared", "none", None),
        ("shared", "shared", "branch", 2),
    ]


def test_two_pipelines_with_one_schema_name_remove_no_table_of_each_other(collected: Collected) -> None:
    rows = collected.site.rows(
        "select change_type, table_name, column_name, new_value from schema_changes order by all"
    )

    assert rows == [
        ("column_added", "orders", "discount", "double"),
        ("schema_added", None, None, "ledger"),
        ("schema_added", None, None, "shared"),
        ("schema_added", None, None, "shop"),
        ("schema_branched", None, None, "shared"),
        ("table_added", "b", None, None),
    ]


def test_tables_and_columns_of_every_version_are_known(collected: Collected) -> None:
    rows = collected.site.rows(
        "select v.schema_name, v.version, t.table_name, t.root_table, d.parent_table, d.resource_name, "
        "d.write_disposition, count(c.column_name) "
        "from schema_versions v join schema_version_tables t using (version_hash) "
        "join schema_tables d using (table_hash) join schema_columns c using (table_hash) "
        "where v.schema_name = 'shop' group by all order by all"
    )

    assert rows == [
        ("shop", 2, "orders", "orders", None, "orders", "append", 4),
        ("shop", 2, "orders__items", "orders", "orders", None, None, 4),
        ("shop", 3, "orders", "orders", None, "orders", "append", 5),
        ("shop", 3, "orders__items", "orders", "orders", None, None, 4),
    ]


def test_rows_are_counted_by_load_nested_tables_too(collected: Collected) -> None:
    rows = collected.site.rows(
        "select dataset_name, table_name, list(row_count order by load_id) from row_counts group by all order by all"
    )

    assert rows == [
        ("crm", "orders", [2, 1]),
        ("crm", "orders__items", [3, 1]),
        ("ledger", "accounts", [2]),
        ("ledger", "accounts__entries", [2]),
        ("shared", "a", [1]),
        ("shared", "b", [1]),
    ]
    assert collected.site.rows("select load_id from counted_loads order by 1") == collected.site.rows(
        "select load_id from loads order by 1"
    )


def test_statistics_come_from_the_catalogue(collected: Collected) -> None:
    rows = collected.site.rows(
        "select table_name, row_count, byte_count > 0 from table_statistics "
        "where dataset_name = 'crm' and table_name not like '\\_dlt%' escape '\\' order by 1"
    )

    known = {"duckdb": [(3, None), (4, None)], "postgres": [(3, None), (4, None)], "filesystem": [(None, True)] * 2}
    assert rows == [(name, *known[collected.kind][number]) for number, name in enumerate(("orders", "orders__items"))]


def test_coverage_names_every_dataset_and_no_staging_dataset(collected: Collected) -> None:
    rows = collected.site.rows(
        "select destination_name, destination_type, dataset_name, outcome, error, schemas_seen from coverage order by 3"
    )

    assert rows == [("src", collected.kind, name, "complete", None, 1) for name in ("crm", "ledger", "shared")]


def test_a_collection_with_nothing_new_writes_only_that_it_took_place(collected: Collected) -> None:
    for table in RAW_TABLES:
        if table.name not in ("coverage", "collections"):
            now = collected.site.rows(f"select * from {table.name} order by all")
            assert now == collected.first[table.name], table.name
    assert collected.site.column("select row_count from collections order by collected_at")[1] == 0
    since, last = collected.site.rows("select distinct since, collected_at from coverage")[0]
    assert since < last, "the stretch began with the first collection and goes on"


def test_nothing_new_reads_no_statistics_and_no_user_table(collected: Collected) -> None:
    (queries,) = collected.site.column("select query_count from collections order by collected_at desc limit 1")

    # SQL: one for the catalogue, one for each kind of system table, and one for missing rights where there are rights.
    # Files: a listing of the root, and of each of three datasets and its three system tables.
    assert queries == {"duckdb": 1 + 3, "postgres": 1 + 3 + 1, "filesystem": 1 + 3 + 3 * 3}[collected.kind]


def test_the_staging_dataset_keeps_nothing(collected: Collected) -> None:
    names = collected.site.column("select table_name from duckdb_tables() where schema_name = 'observability_staging'")
    tables = ", ".join(f"(select count(*) from observability_staging.{name})" for name in names if name[0] != "_")

    # The first collection merges nothing, so it stages nothing; each one after it tells of itself.
    assert {"coverage", "collections"} <= set(names)
    assert set(collected.site.rows(f"select {tables}")[0]) == {0}
