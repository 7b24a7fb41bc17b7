"""What happens upstream between two collections, on each kind of destination."""

from __future__ import annotations

from pathlib import Path

import dlt
import pytest

from tests.fixtures.collected import Site
from tests.fixtures.observed import ORDERS, Observed, ObservedDuckDb, ObservedSql, accounts, shop
from tests.integration.collect.conftest import Fill

LONG_AGO = "2026-01-01 00:00:00+00:00"
OLD_LOAD = "1767225600.5"


@pytest.fixture
def collected(site: Site, observed: Observed) -> Site:
    """A site that has collected the fleet once, counting rows."""
    assert site.configure(observed.environment(), row_counts="scan").collect().failures == []
    return site


def load_ids(site: Site, dataset: str) -> list[str]:
    return site.column(f"select load_id from loads where dataset_name = '{dataset}' order by load_id")


def test_a_commit_that_comes_late_behind_all_others_is_read(collected: Site, observed: Observed) -> None:
    before = load_ids(collected, "crm")
    observed.add_load("crm", OLD_LOAD, LONG_AGO)

    collected.collect()

    assert load_ids(collected, "crm") == [OLD_LOAD, *before]
    assert len(load_ids(collected, "shared")) == 2


def test_a_status_that_was_advanced_is_read_whether_the_load_is_old_or_new(site: Site, observed: Observed) -> None:
    observed.add_load("crm", OLD_LOAD, LONG_AGO)
    site.configure(observed.environment()).collect()
    newest = load_ids(site, "crm")[-1]
    observed.set_status("crm", OLD_LOAD, 1)
    site.collect()
    observed.set_status("crm", newest, 2)
    site.collect()

    rows = site.rows("select load_id, status from loads where dataset_name = 'crm' and status > 0 order by 1")
    assert rows == [(OLD_LOAD, 1), (newest, 2)]


@pytest.mark.parametrize("is_first", [True, False], ids=["first collection", "later one"])
def test_what_a_crash_left_twice_is_stored_once(site: Site, observed_sql: Observed, is_first: bool) -> None:
    assert isinstance(observed_sql, ObservedSql)
    site.configure(observed_sql.environment())
    if not is_first:
        site.collect()
    before = observed_sql.execute("select pipeline_name, _dlt_load_id from crm._dlt_pipeline_state") or []
    state = "version, engine_version, pipeline_name, state, created_at, version_hash, _dlt_load_id"
    observed_sql.execute(
        "insert into crm._dlt_loads select * from crm._dlt_loads",
        "insert into crm._dlt_version select * from crm._dlt_version",
        f"insert into crm._dlt_pipeline_state ({state}, _dlt_id) "
        f"select {state}, 'again' || _dlt_id from crm._dlt_pipeline_state",
    )
    assert site.collect().failures == []

    assert before
    assert len(site.rows("select * from pipeline_states where dataset_name = 'crm'")) == len(before)
    for table in ("loads", "schema_versions", "pipeline_states", "pipeline_schemas", "pipeline_cursors"):
        rows = site.rows(f"select * from {table}")
        assert len(set(rows)) == len(rows) > 0, table


def test_a_new_load_is_counted_and_the_counts_before_it_stand(collected: Site, observed: Observed) -> None:
    before = collected.rows("select load_id, table_name, row_count, counted_at from row_counts")
    if observed.can_merge:
        # Takes over the row of account 2, so that a count of the first load would now find one row.
        load_id = observed.run("ledger", "ledger", accounts([2, 3], "merge"))
    else:
        load_id = observed.run("ledger", "ledger", accounts([2, 3], "append"))

    collected.collect()

    after = collected.rows("select load_id, table_name, row_count, counted_at from row_counts")
    assert set(before) <= set(after)
    assert sorted(row[1:3] for row in set(after) - set(before)) == [("accounts", 2), ("accounts__entries", 2)]
    assert {row[0] for row in set(after) - set(before)} == {load_id}
    assert load_id in collected.column("select load_id from counted_loads")


def test_rows_without_a_committed_load_are_evidence_until_it_is_committed(collected: Site, observed: Observed) -> None:
    under_way = f"{float(load_ids(collected, 'crm')[-1]) + 1:.4f}"
    observed.add_rows("crm", "orders", under_way, 2)
    done = f"{float(under_way) + 1:.4f}"
    observed.add_load("crm", done, "2036-01-01 00:00:00+00:00", schema="shop")
    collected.collect()
    counts = f"select row_count from row_counts where load_id = '{under_way}'"
    assert collected.column(counts) == [2]
    assert under_way not in collected.column("select load_id from counted_loads")

    if observed.kind == "filesystem":
        (observed.folder / "lake" / "crm" / "orders" / f"{under_way}.9876543210.jsonl").write_text('{"id": 1}\n')
    else:
        assert isinstance(observed, ObservedSql)
        observed.execute(f"insert into crm.orders (_dlt_load_id, _dlt_id) values ('{under_way}', 'late')")
    observed.add_load("crm", under_way, "2036-01-01 00:00:01+00:00", schema="shop")
    collected.collect()

    assert collected.column(counts) == [3], "the partial count gives way to the one taken when the load was committed"
    assert under_way in collected.column("select load_id from counted_loads")


def test_a_dropped_source_takes_nothing_away_that_was_collected(collected: Site, observed: Observed) -> None:
    kept = (
        "loads",
        "pipeline_states",
        "pipeline_cursors",
        "schema_versions",
        "schema_version_tables",
        "schema_changes",
    )
    before = collected.contents(kept)
    pipeline = observed.pipeline("crm", "crm")
    pipeline.run(shop(ORDERS), refresh="drop_sources")

    result = collected.collect()

    after = collected.contents(kept)
    assert result.failures == []
    for table in kept:
        assert set(before[table]) <= set(after[table]), table
    assert len(after["loads"]) == len(before["loads"]) + 1


def test_a_dataset_that_comes_is_read_and_one_that_goes_is_told(collected: Site, observed: Observed) -> None:
    observed.copy_dataset("crm", "crm_eu")
    observed.drop_dataset("shared")

    result = collected.collect()

    assert {name: outcome for (_, name), (outcome, _) in collected.coverage().items()} == {
        "crm": "complete",
        "crm_eu": "complete",
        "ledger": "complete",
        "shared": "missing",
    }
    assert len(result.failures) == 1
    assert "dataset shared of src was here before" in result.failures[0]
    assert "exclude_datasets" in result.failures[0]
    assert len(load_ids(collected, "shared")) == 2, "what was collected is kept"

    collected.configure({}, destinations='["src"]', exclude_datasets='["sh*"]')
    assert collected.collect().failures == []
    assert collected.coverage()["src", "shared"][0] == "excluded"


def test_a_dataset_that_is_left_out_and_taken_in_again_goes_on_where_it_was(
    collected: Site, observed: Observed
) -> None:
    collected.configure({}, destinations='["src"]', exclude_datasets='["crm"]').collect()
    load_id = observed.run("crm", "crm", shop([{"id": 9, "changed_at": "2026-02-01T00:00:00Z"}]))
    collected.collect()
    assert load_id not in load_ids(collected, "crm")

    collected.configure({}, destinations='["src"]', exclude_datasets="[]").collect()

    assert load_id in load_ids(collected, "crm")
    assert collected.coverage()["src", "crm"][0] == "complete"
    outcomes = collected.column("select outcome from coverage where dataset_name = 'crm' order by since")
    assert outcomes == ["complete", "excluded", "complete"]


def test_leftovers_of_dev_mode_are_counted_and_not_read(site: Site, observed: Observed) -> None:
    observed.copy_dataset("crm", "crm_20260131115959")

    result = site.configure(observed.environment()).collect()

    assert result.failures == []
    assert site.coverage()["src", "crm_20260131115959"][0] == "dev_mode"
    assert load_ids(site, "crm_20260131115959") == []
    site.configure({}, destinations='["src"]', datasets='["crm_20260131115959"]').collect()
    assert len(load_ids(site, "crm_20260131115959")) == 2


def test_content_that_many_datasets_share_is_stored_once(site: Site, observed: Observed) -> None:
    tenants = [f"tenant_{number}" for number in range(8)]
    for tenant in tenants:
        observed.copy_dataset("crm", tenant)

    site.configure(observed.environment(), datasets='["tenant_*"]').collect()

    assert site.rows("select count(*), count(distinct version_hash) from schema_versions") == [(16, 2)]
    assert site.rows("select count(*) from schema_version_tables") == [(4,)]
    assert site.rows("select count(*) from schema_tables") == [(3,)]
    assert site.rows("select change_type from schema_changes order by 1") == [("column_added",), ("schema_added",)]


def test_the_number_of_queries_does_not_depend_on_the_number_of_datasets(site: Site, observed_sql: Observed) -> None:
    assert isinstance(observed_sql, ObservedSql)
    counts = []
    for datasets in (["crm"], [f"tenant_{number}" for number in range(8)]):
        for dataset in datasets:
            if dataset != "crm":
                observed_sql.copy_dataset("crm", dataset)
        name = f"of_{len(datasets)}"
        site.configure(
            observed_sql.environment(name), destinations=f'["{name}"]', datasets=str(datasets).replace("'", '"')
        )
        for _ in range(2):
            site.collect()
        counts.append(
            site.column(f"select query_count from collections where destination_name = '{name}' order by collected_at")
        )

    assert counts[0] == counts[1]
    assert counts[0][1] == 4


def test_the_home_may_hold_what_is_observed(site: Site, filled: Fill, tmp_path: Path) -> None:
    observed = filled("duckdb").copy(tmp_path / "observed")
    assert isinstance(observed, ObservedDuckDb)
    observed.file.rename(site.home.database)
    observed.file.symlink_to(site.home.database)

    for _ in range(2):
        assert site.configure(observed.environment(), datasets='["crm"]').collect().failures == []

    assert len(load_ids(site, "crm")) == 2


def test_an_exported_schema_is_the_one_that_was_stored(site: Site, tmp_path: Path) -> None:
    observed = ObservedDuckDb(tmp_path / "observed")
    exports = site.folder / "exports"
    observed.pipeline("crm", "crm", export_schema_path=str(exports)).run(shop(ORDERS))
    # The same folder by two names.
    site.configure(observed.environment(), schema_exports='["exports", "./exports/", "nowhere"]')

    first, second = site.collect(), site.collect()

    told = ["there is no folder nowhere. Check schema_exports in .dlt/config.toml"]
    assert (first.failures, second.failures) == (told, told)
    assert site.column("select file_name from exported_schemas order by 1") == ["exports/shop.schema.yaml"]
    assert site.rows("select version_hash from exported_schemas") == site.rows(
        "select version_hash from schema_versions"
    )
    assert site.rows("select count(*), count(distinct table_name) from schema_tables") == [(2, 2)]
    assert site.coverage()["schema_exports", "exports"] == ("complete", None)
    assert site.rows(
        "select distinct since < collected_at from coverage where destination_name = 'schema_exports'"
    ) == [(True,)]


def test_exported_schemas_may_be_all_there_is_to_collect(site: Site) -> None:
    site.configure({}, destinations="[]", schema_exports='["nowhere"]')

    assert site.collect().failures == ["there is no folder nowhere. Check schema_exports in .dlt/config.toml"]


def test_a_pipeline_of_ones_own_loads_the_source_anywhere(site: Site, observed: Observed) -> None:
    from meta_pipeline.collect import dlt_metadata

    site.configure(observed.environment("warehouse"))
    pipeline = dlt.pipeline(
        "mine",
        destination=dlt.destinations.duckdb(str(site.folder / "mine.duckdb")),
        dataset_name="meta",
        pipelines_dir=str(site.folder / "pipelines"),
    )

    def rows(table: str) -> int:
        with pipeline.sql_client() as client:
            found = client.execute_sql(f"select count(*) from {table}")
        return int(found[0][0]) if found else -1

    def tables() -> set[str]:
        return set(pipeline.default_schema.data_table_names())

    pipeline.run(dlt_metadata(destinations=["warehouse"]).with_resources("loads", "coverage"))
    assert tables() == {"loads", "coverage"}
    assert rows("loads") == 5

    observed.add_load("crm", OLD_LOAD, LONG_AGO)
    pipeline.run(dlt_metadata(destinations=["warehouse"]).with_resources("loads", "coverage"))
    assert rows("loads") == 6
    assert rows("coverage") == 3

    pipeline.run(dlt_metadata(destinations=["warehouse"]))
    assert rows("schema_versions") == 5, "what was not wanted before is read from the start"
    assert rows("loads") == 6
    assert rows("coverage") == 3, "the stretches go on"
    pipeline.run(dlt_metadata(destinations=["warehouse"]))
    assert rows("collections") == 2
