"""One fleet, collected and transformed into each home: the marts are the same, row by row."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.alert import AlertSettings, alert
from meta_pipeline.collect.stage import collect
from meta_pipeline.config import find_home
from meta_pipeline.home import Home
from meta_pipeline.report.explanations import read_explanation
from meta_pipeline.report.pipelines import read_pipelines
from meta_pipeline.report.status import read_status
from meta_pipeline.transform import transform
from tests.fixtures.captured_events import write_event
from tests.fixtures.collected import Site, clear_environment
from tests.fixtures.observed import LATER_ORDERS, ORDERS, Observed, ObservedDuckDb, ObservedLake, accounts, shop
from tests.fixtures.recorded_manifests import as_bytes, manifest, with_code
from tests.integration.home.homes import (
    PARITY_CASES,
    Marts,
    differences,
    events_of,
    home_environment,
    marts_of,
    setting,
)

pytestmark = [
    # dbt-snowflake names a setting that the driver calls deprecated.
    pytest.mark.filterwarnings("ignore:The 'insecure_mode' connection property"),
    # Only an extra of Google's driver has it, and it would not speak to a stand-in.
    pytest.mark.filterwarnings("ignore:Cannot create BigQuery Storage client"),
    # dbt-bigquery reads a property that is on its way out.
    pytest.mark.filterwarnings("ignore:This method will be deprecated:PendingDeprecationWarning"),
]

# So that events of every kind that has texts, times and nulls are written.
NOBODY_HEARS = AlertSettings(channels={"ops": "http://127.0.0.1:1/"})
EXPORTED = "export openlineage"
AS_OF = datetime(2026, 2, 9, 6, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Fleet:
    """Two moments of a fleet on DuckDB and in a folder.

    Args:
        folder: Holds both moments, each under the same paths.
    """

    folder: Path

    def configure(self, moment: str, site: Site) -> None:
        """Lets a site observe the fleet as it was at a moment; its paths are the same at both."""
        for link in ("warehouse", "lake", "inbox", "dbt"):
            (self.folder / link).unlink(missing_ok=True)
            (self.folder / link).symlink_to(self.folder / moment / link)
        duckdb, lake = ObservedDuckDb(self.folder / "warehouse"), ObservedLake(self.folder / "lake")
        site.configure(
            {**duckdb.environment("warehouse"), **lake.environment("lake")},
            row_counts="scan",
            inbox=str(self.folder / "inbox"),
            dbt_artifacts=json.dumps([str(self.folder / "dbt")]),
        )


def _fill(folder: Path) -> None:
    """Loads what the first collection finds: real loads of today, and daily ones in January that come to an end."""
    for observed in (ObservedDuckDb(folder / "warehouse"), ObservedLake(folder / "lake")):
        observed.fill()
        for day in range(1, 21):
            _daily(observed, day)
        observed.add_load("shared", "1767225600.5", "2026-01-01 00:00:01+00:00", schema="gone")
    for day in range(10, 19):
        write_event(folder / "inbox", "succeeded", "crm", "crm", _load_id(day))
    write_event(folder / "inbox", "started", "killed", "nowhere", _load_id(10))
    _write_manifest(folder, manifest(), "2026-01-10T00:00:00Z")


def _daily(observed: Observed, day: int) -> None:
    observed.add_load("crm", _load_id(day), f"2026-01-{day:02d} 06:00:05.25+00:00", schema="shop")


def _load_id(day: int, hour: int = 6) -> str:
    return f"{datetime(2026, 1, day, hour, tzinfo=timezone.utc).timestamp():.1f}"


def _change(folder: Path) -> None:
    """Loads what the second collection finds new: rows, a column, a status, rows that were never committed."""
    newest = {"id": 4, "changed_at": "2026-02-01T00:00:00Z", "note": "x"}
    for observed in (ObservedDuckDb(folder / "warehouse"), ObservedLake(folder / "lake")):
        observed.run("crm", "crm", shop([*ORDERS, *LATER_ORDERS, newest]))
        observed.run("ledger", "ledger", accounts([2, 3], "merge" if observed.can_merge else "append"))
        observed.set_status("crm", "1768370400.0", 2)
        observed.add_rows("crm", "orders", "1768370401.0", 2)
        observed.copy_dataset("crm", "crm_eu")
    for step in ("separate_extract", "separate_normalize", "separate_load"):
        write_event(folder / "inbox", step, "crm", "crm", _load_id(19))
    write_event(folder / "inbox", "with_failed_jobs", "crm", "crm", _load_id(20))
    write_event(folder / "inbox", "failed", "crm", "crm", _load_id(20, 7))
    write_event(folder / "inbox", "empty", "ledger", "ledger", _load_id(20, 8))
    changed = with_code(manifest(), "revenue", "select sum(quantity) as revenue from shop.main.customer_orders")
    del changed["nodes"]["model.shop.people"]
    _write_manifest(folder, changed, "2026-02-08T00:00:00Z")


def _write_manifest(folder: Path, found: Mapping[str, Any], generated_at: str) -> None:
    """Writes what dbt compiled for models of the table `orders`, and of tables that nobody observes."""
    (folder / "dbt").mkdir(exist_ok=True)
    metadata = {**found["metadata"], "generated_at": generated_at}
    (folder / "dbt" / "manifest.json").write_bytes(as_bytes({**found, "metadata": metadata}))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("fleet")
    _fill(folder / "first")
    shutil.copytree(folder / "first", folder / "second")
    _change(folder / "second")
    return Fleet(folder)


def explanations(home: Home) -> list[dict[str, Any]]:
    """Returns which rules hold for each pipeline, and what is looked at, as `explain` and `status` read it."""
    rows = []
    for item in read_status(home).pipelines:
        explanation = read_explanation(home, item.full_name)
        _, (detail,) = read_pipelines(home, item.full_name)
        rows.append(
            {
                "pipeline": item.full_name,
                "rules": [(rule.status, rule.holds, rule.decides) for rule in explanation.rules],
                "facts": [[fact.name for fact in step.facts] for step in explanation.steps],
                "volume": [(day.load_count, day.row_count) for day in detail.volume],
                "runs": [run.outcome for run in detail.runs],
            }
        )
    return rows


def steps(fleet: Fleet, site: Site) -> Iterator[tuple[str, Marts]]:
    """Yields the marts after each step of a home's life, from empty on."""
    # How long ago something was, or when it was noticed, differs from home to home where the marts show the present.
    elapsing = ("reason", "status_since", "changed_at", "ended_at", "summary")
    home = find_home(site.folder)
    fleet.configure("first", site)
    assert collect(home, site.folder).failures == []
    assert transform(home).full_refresh
    assert alert(home, NOBODY_HEARS).problems
    yield "at first", marts_of(home, elapsing)
    fleet.configure("second", site)
    assert collect(home, site.folder).failures == []
    assert not transform(home).full_refresh
    alert(home, NOBODY_HEARS)
    exported = events_of(home, site.folder / "events.ndjson")
    yield "with what is new", {**marts_of(home, elapsing), EXPORTED: exported, "explain": explanations(home)}
    transform(home, as_of=AS_OF)
    yield "as of a past moment", {**marts_of(home), "explain": explanations(home)}
    assert collect(home, site.folder).rows_read == 0
    assert transform(home).full_refresh
    exported = events_of(home, site.folder / "events.ndjson")
    yield "in the present again", {**marts_of(home, elapsing), EXPORTED: exported, "explain": explanations(home)}


@pytest.fixture(scope="module")
def expected(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Marts]:
    """The marts in a DuckDB file."""
    folder = tmp_path_factory.mktemp("duckdb")
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        patch.chdir(folder)
        return dict(steps(fleet, Site(folder, patch)))


def test_the_fleet_has_something_in_every_mart(expected: dict[str, Marts]) -> None:
    empty = [mart for mart, rows in expected["with what is new"].items() if not rows]

    assert empty == []
    assert expected["in the present again"] == expected["with what is new"]
    statuses = {row["status"] for row in expected["as of a past moment"]["pipeline_health"]}
    assert statuses >= {"late", "failing"}
    outcomes = {row["outcome"] for row in expected["with what is new"]["runs"]}
    assert outcomes == {"succeeded", "with_failed_jobs", "failed", "empty", "unfinished"}
    assert {row["attribution"] for row in expected["with what is new"]["loads"]} >= {"trace"}
    assert {row["method"] for row in expected["with what is new"]["lineage_edges"]} == {
        "declared",
        "traced",
        "inferred",
    }


@pytest.mark.parametrize(("kind", "step_count"), PARITY_CASES)
def test_marts_are_the_same_as_in_a_duckdb_home(
    kind: str,
    step_count: int,
    fleet: Fleet,
    expected: dict[str, Marts],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    variables = home_environment(kind, request)
    clear_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    setting(variables, monkeypatch)
    assert os.environ["DESTINATION__OBSERVABILITY__DESTINATION_TYPE"] == kind

    found = dict(islice(steps(fleet, Site(tmp_path, monkeypatch)), step_count))

    assert len(found) == step_count
    assert {step: differences(marts, expected[step]) for step, marts in found.items()} == {step: {} for step in found}
