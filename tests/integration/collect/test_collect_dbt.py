"""Artifacts of dbt projects: what changed is read, what is broken is told, what went away is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.collect import dbt_artifacts
from meta_pipeline.collect.check import check_destinations
from meta_pipeline.collect.dbt_artifacts import MAX_FILE_BYTES
from meta_pipeline.collect.dbt_manifest import read_manifest
from meta_pipeline.config import parse_settings
from tests.fixtures.collected import Site, clear_environment
from tests.fixtures.dbt_shop import DbtShop
from tests.fixtures.recorded_manifests import as_bytes, manifest, with_code


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    clear_environment(monkeypatch)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "dbt").mkdir()
    return Site(folder, monkeypatch).configure({}, destinations="[]", dbt_artifacts='["dbt"]')


def _write(site: Site, found: Mapping[str, Any] | bytes, project: str = "") -> Path:
    file = site.folder / "dbt" / project / "manifest.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(found if isinstance(found, bytes) else as_bytes(found))
    # Two writings within a clock's grain would look like one.
    _write.moment += 1  # type: ignore[attr-defined]
    os.utime(file, (_write.moment, _write.moment))  # type: ignore[attr-defined]
    return file


_write.moment = 1_700_000_000  # type: ignore[attr-defined]


def _later(found: dict[str, Any], moment: str) -> dict[str, Any]:
    return {**found, "metadata": {**found["metadata"], "generated_at": moment}}


def _changes(site: Site) -> list[tuple[Any, ...]]:
    return site.rows("select unique_id, is_removed from dbt_nodes order by changed_at, unique_id")


def test_what_did_not_change_is_not_read_again(site: Site) -> None:
    _write(site, manifest())
    first = site.collect()
    again = site.collect()

    assert (first.failures, again.failures) == ([], [])
    assert first.rows_read > 0
    assert again.rows_read == 0
    assert site.doubled() == []


def test_a_manifest_that_only_was_written_again_changes_nothing_but_its_time(site: Site) -> None:
    _write(site, manifest())
    site.collect()
    before = site.contents(["dbt_nodes", "dbt_analyses", "dbt_column_edges"])
    _write(site, _later(manifest(), "2030-01-01T00:00:00Z"))

    assert site.collect().rows_read == 1
    assert site.contents(["dbt_nodes", "dbt_analyses", "dbt_column_edges"]) == before
    assert site.column("select generated_at::varchar from dbt_artifacts") == ["2030-01-01 00:00:00+00"]


def test_a_change_adds_what_changed_and_what_reads_it_and_keeps_the_rest(site: Site) -> None:
    _write(site, manifest())
    site.collect()
    count = len(_changes(site))
    code = "select order_id, 1 as country, 2 as amount, 'x' as email, order_date from shop.main.stg_orders"
    _write(site, _later(with_code(manifest(), "customer_orders", code), "2030-01-01T00:00:00Z"))
    site.collect()

    assert _changes(site)[count:] == [("model.shop.customer_orders", False), ("model.shop.revenue", False)]
    assert site.doubled() == []


def test_a_node_that_is_gone_stays_and_is_marked(site: Site) -> None:
    _write(site, manifest())
    site.collect()
    count = len(_changes(site))
    without = manifest()
    del without["nodes"]["model.shop.people"]
    _write(site, _later(without, "2030-01-01T00:00:00Z"))
    site.collect()
    assert _changes(site)[count:] == [("model.shop.people", True)]

    _write(site, _later(manifest(), "2030-01-02T00:00:00Z"))
    site.collect()
    assert _changes(site)[count:] == [("model.shop.people", True), ("model.shop.people", False)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"metadata": {', "is not JSON, or not whole"),
        (b"secret", "is not JSON"),
        (b'{"metadata": {"dbt_schema_version": "https://x/dbt/manifest/v99.json"}}', "is a manifest of version 99"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_told_and_the_rest_is_done(site: Site, content: bytes, words: str) -> None:
    _write(site, manifest(), "good")
    _write(site, content, "bad")

    (failure,) = site.collect().failures

    assert f"dbt/bad/manifest.json {words}" in failure
    assert "secret" not in failure
    assert site.rows("select artifact_path, outcome, error is null from dbt_artifacts order by 1") == [
        ("dbt/bad/manifest.json", "unreadable", False),
        ("dbt/good/manifest.json", "read", True),
    ]
    assert site.collect().failures == [failure]
    _write(site, manifest(), "bad")
    assert site.collect().failures == []


def test_a_file_that_is_too_large_is_not_opened_and_the_rest_is_done(site: Site) -> None:
    _write(site, manifest(), "good")
    with _write(site, b"", "vast").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)

    (failure,) = site.collect().failures

    assert f"vast/manifest.json has more than {MAX_FILE_BYTES >> 20} MB" in failure
    assert site.column("select artifact_path from dbt_artifacts where outcome = 'read'") == ["dbt/good/manifest.json"]


def test_a_large_project_is_stored_piece_by_piece(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_artifacts, "_ROWS_AT_ONCE", 3)
    _write(site, manifest())

    assert site.collect().failures == []

    found = read_manifest(as_bytes(manifest()), None, None, ())
    assert set(site.column("select unique_id from dbt_nodes")) == set(found.nodes)
    assert site.column("select count(*) from dbt_dependencies") == [
        sum(len(node.parents) for node in found.nodes.values())
    ]
    assert site.doubled() == []


def test_a_manifest_that_went_away_is_told_and_what_was_read_is_kept(site: Site) -> None:
    file = _write(site, manifest())
    site.collect()
    before = site.contents(["dbt_nodes"])
    file.unlink()

    (failure,) = site.collect().failures

    assert "dbt/manifest.json is not there any more" in failure
    assert site.contents(["dbt_nodes"]) == before
    assert site.column("select outcome from dbt_artifacts order by since") == ["read", "missing"]


def test_a_place_that_is_not_configured_any_more_is_left_out_once(site: Site) -> None:
    _write(site, manifest())
    site.collect()
    site.configure({}, destinations="[]", dbt_artifacts="[]", pipelines_dirs='["dbt"]')
    site.collect()
    site.collect()

    assert site.column("select outcome from dbt_artifacts order by since") == ["read", "excluded"]
    assert site.rows("select dataset_name, outcome, error from coverage where destination_name = 'dbt_artifacts'") == [
        ("dbt", "complete", None),
        ("dbt", "excluded", "dbt_artifacts dbt is not named any more; what was collected of it is kept"),
    ]


def test_a_place_that_is_configured_again_is_read_again(site: Site) -> None:
    _write(site, manifest())
    site.collect()
    site.configure({}, destinations="[]", dbt_artifacts="[]", pipelines_dirs='["dbt"]').collect()
    site.configure({}, destinations="[]", dbt_artifacts='["dbt"]').collect()

    assert site.coverage()["dbt_artifacts", "dbt"] == ("complete", None)
    assert site.column("select outcome from dbt_artifacts order by since") == ["read", "excluded"]


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_a_place_without_a_manifest_says_what_to_do(site: Site, place: str) -> None:
    (site.folder / "empty").mkdir()
    site.configure({}, destinations="[]", dbt_artifacts=json.dumps([place]))

    (failure,) = site.collect().failures

    assert place in failure
    assert "dbt_artifacts in .dlt/config.toml" in failure


@pytest.mark.parametrize(("place", "note"), [("dbt", "1 manifest"), ("empty", "no manifest.json in empty")])
def test_check_says_what_will_be_read(site: Site, place: str, note: str) -> None:
    (site.folder / "empty").mkdir()
    _write(site, manifest())

    (finding,) = check_destinations(parse_settings({"dbt_artifacts": [place]}))

    assert note in finding.note
    assert finding.is_read == (place == "dbt")
    assert not site.folder.joinpath("meta_pipeline.duckdb").exists()


def test_no_code_of_a_model_and_nothing_secret_is_stored(site: Site) -> None:
    code = "select 'sesame' as word, email from shop.crm.customers where name = 'sesame'"
    found = with_code(manifest(), "people", code, raw_code=code, meta={"password": "sesame", "pii": True})
    found["exposures"]["exposure.shop.revenue_page"]["owner"] = {"email": "sesame@example.com"}
    found["metadata"]["env"] = {"DBT_ENV_CUSTOM_ENV_X": "sesame"}
    _write(site, found)
    site.collect()

    stored = str(site.contents())
    assert "model.shop.people" in stored
    assert "sesame" not in stored
    assert b"sesame" not in Path(site.home.database).read_bytes()


def test_a_new_column_that_dlt_loads_is_traced_without_a_new_manifest(tmp_path: Path, site: Site) -> None:
    shop = DbtShop(tmp_path / "shop").load()
    _write(site, with_code(manifest(), "stg_customers", "select * from shop.crm.customers"))
    site.configure(shop.environment(), dbt_artifacts='["dbt"]')
    site.collect()
    columns = "select column_name from dbt_output_columns join dbt_nodes using (analysis_hash) where node_name = '{}'"
    assert "phone" not in site.column(columns.format("stg_customers"))

    shop.load_more()
    site.collect()

    assert "phone" in site.column(columns.format("stg_customers"))
