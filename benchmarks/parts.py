"""The parts of the benchmark: each runs one or two programs on the fleet, and makes sure that they did their work."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import duckdb

from benchmarks.captured import write_captured_runs
from benchmarks.fleet import Shape
from benchmarks.measure import CHECKOUT, ProgramFailedError, Usage, measure
from benchmarks.programs.names import COPIED_DATASET, DATABASE_FILE
from benchmarks.user_folder import (
    HOME_FILE,
    Collected,
    add_inbox,
    count_rows,
    last_loads,
    meta_pipeline,
    read_collected,
    write_user_folder,
)
from benchmarks.warehouse import create_fleet

FLEET = Shape("fleet", datasets=200)
TENANTS = Shape("tenants", datasets=1_000, loads=5, versions=1, states=1, shared_schema=True, has_user_tables=False)
FEW_DATASETS = 20

SQL_DATABASE_EACH, SQL_DATABASE_MERGED, COPY = "sql_database each", "sql_database merged", "copy"
COLLECT_FIRST, COLLECT_AGAIN, EMPTY_RUN = "collect first", "collect again", "empty run"
TRANSFORM_FIRST, TRANSFORM_AGAIN, DBT_START = "transform first", "transform again", "dbt start"
COLLECT_CAPTURED, COLLECT_CAPTURED_AGAIN = "collect captured", "collect captured again"
TRANSFORM_CAPTURED, TRANSFORM_CAPTURED_AGAIN = "transform captured", "transform captured again"
TRANSFORM_CAPTURED_FEW = "transform few captured"

Measured = Mapping[str, Usage]


@dataclass(frozen=True)
class Site:
    """Where the programs of one round work.

    Args:
        fleet_url: The fleet's database.
        shape: The fleet's shape.
        folder: Folder of this round, removed after it.
    """

    fleet_url: str
    shape: Shape
    folder: Path

    @property
    def user_folder(self) -> Path:
        """Returns the folder in which meta-pipeline runs."""
        return self.folder / "user"

    @property
    def expected_rows(self) -> Mapping[str, int]:
        """Returns the rows of dlt's tables in the whole fleet."""
        shape = self.shape
        return {
            "loads": shape.datasets * shape.loads,
            "schema_versions": shape.datasets * shape.versions,
            "pipeline_states": shape.datasets * shape.states,
        }


def run_sql_database(site: Site) -> Measured:
    """Copies the fleet with dlt's `sql_database`, into tables of each dataset's own and into three for all of them."""
    return {
        SQL_DATABASE_EACH: _copy_by_sql_database(site, "each"),
        SQL_DATABASE_MERGED: _copy_by_sql_database(site, "merged"),
    }


def run_copy(site: Site) -> Measured:
    """Reads the fleet by COPY into a null sink."""
    return {COPY: measure(_program("copy_out", site.fleet_url), site.folder / "copy")}


def run_collect(site: Site) -> Measured:
    """Collects the fleet in a new folder, and again with nothing new."""
    write_user_folder(site.user_folder, site.fleet_url)
    first = measure(meta_pipeline("collect"), site.user_folder)
    again = measure(meta_pipeline("collect"), site.user_folder)
    _expect(read_collected(site.user_folder).rows, site.expected_rows, "meta-pipeline collect")
    return {COLLECT_FIRST: first, COLLECT_AGAIN: again}


def run_empty_run(site: Site) -> Measured:
    """Runs dlt on an empty resource, where it has run before."""
    folder = site.folder / "empty_run"
    measure(_program("empty_run", folder), folder)
    return {EMPTY_RUN: measure(_program("empty_run", folder), folder)}


def run_transform(site: Site) -> Measured:
    """Builds the marts of what was collected, and again with nothing new."""
    if not site.user_folder.exists():
        run_collect(site)
    first = measure(meta_pipeline("transform"), site.user_folder)
    again = measure(meta_pipeline("transform"), site.user_folder)
    with duckdb.connect(str(site.user_folder / HOME_FILE), read_only=True) as home:
        found = {"loads": count_rows(home, "observability_marts", "loads")}
    _expect(found, {"loads": site.expected_rows["loads"]}, "meta-pipeline transform")
    return {TRANSFORM_FIRST: first, TRANSFORM_AGAIN: again}


def run_captured(site: Site) -> Measured:
    """Collects captured runs of the fleet's last loads, builds the marts of them, and both again with nothing new.

    At the end one more run of each pipeline is captured, as between two collections of an hour.
    """
    if not site.user_folder.exists():
        run_transform(site)
    each = min(site.shape.captured, site.shape.loads)
    *before, newest = last_loads(site.user_folder, each)
    inbox = add_inbox(site.user_folder)
    write_captured_runs(inbox, [run for runs in before for run in runs])
    measured = {
        COLLECT_CAPTURED: measure(meta_pipeline("collect"), site.user_folder),
        COLLECT_CAPTURED_AGAIN: measure(meta_pipeline("collect"), site.user_folder),
        TRANSFORM_CAPTURED: measure(meta_pipeline("transform"), site.user_folder),
        TRANSFORM_CAPTURED_AGAIN: measure(meta_pipeline("transform"), site.user_folder),
    }
    write_captured_runs(inbox, newest)
    measure(meta_pipeline("collect"), site.user_folder)
    measured[TRANSFORM_CAPTURED_FEW] = measure(meta_pipeline("transform"), site.user_folder)
    with duckdb.connect(str(site.user_folder / HOME_FILE), read_only=True) as home:
        found = {"runs": count_rows(home, "observability_marts", "runs")}
    _expect(found, {"runs": each * site.shape.datasets}, "meta-pipeline transform")
    return measured


def run_dbt_start(site: Site) -> Measured:
    """Starts dbt on the same project, parsed before, and lets it select no model."""
    folder = site.folder / "dbt_start"
    command = _program("dbt_start", CHECKOUT / "dbt_project", folder)
    measure(command, folder)
    return {DBT_START: measure(command, folder)}


PARTS: Mapping[str, Callable[[Site], Measured]] = MappingProxyType(
    {
        "sql_database": run_sql_database,
        "copy": run_copy,
        "collect": run_collect,
        "empty_run": run_empty_run,
        "transform": run_transform,
        "captured": run_captured,
        "dbt_start": run_dbt_start,
    }
)
"""What is measured in each round, in this order, so that peers and meta-pipeline take turns."""


def collect_counts(site: Site, server_url: str, ends_at: datetime) -> dict[str, Collected]:
    """Collects fleets of other sizes, to see on what the numbers of queries and of stored rows depend.

    Args:
        site: Where the programs work.
        server_url: The server's maintenance database.
        ends_at: When the last loads of the fleets are.

    Returns:
        What was collected: of some datasets of the fleet, of all tenants, of one tenant.
    """
    tenants = replace(TENANTS, datasets=min(TENANTS.datasets, 5 * site.shape.datasets))
    tenants_url = create_fleet(server_url, tenants, ends_at)
    few = [f"{site.shape.name}_{index:04d}" for index in range(FEW_DATASETS)]
    wanted = {
        "few": (site.fleet_url, few),
        "tenants": (tenants_url, ["*"]),
        "one tenant": (tenants_url, [f"{tenants.name}_0000"]),
    }
    collected = {}
    for name, (url, datasets) in wanted.items():
        folder = site.folder / name.replace(" ", "_")
        write_user_folder(folder, url, datasets)
        measure(meta_pipeline("collect"), folder)
        measure(meta_pipeline("collect"), folder)
        collected[name] = read_collected(folder)
    return collected


def _copy_by_sql_database(site: Site, target: str) -> Usage:
    folder = site.folder / f"sql_database_{target}"
    usage = measure(_program("sql_database", site.fleet_url, folder, "pyarrow", target), folder)
    found: Counter[str] = Counter()
    with duckdb.connect(str(folder / DATABASE_FILE), read_only=True) as copy:
        tables = copy.execute("select table_name from duckdb_tables() where schema_name = ?", [COPIED_DATASET])
        for (table,) in tables.fetchall():
            found[table.rpartition("__")[2]] += count_rows(copy, COPIED_DATASET, table)
    expected = site.expected_rows
    names = {"loads": "loads", "version": "schema_versions", "pipeline_state": "pipeline_states"}
    _expect(found, {copied: expected[name] for copied, name in names.items()}, "sql_database")
    return usage


def _program(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.programs.{name}", *map(str, arguments)]


def _expect(found: Mapping[str, int], expected: Mapping[str, int], program: str) -> None:
    """Makes sure that a program was not fast because it left something out."""
    for name, rows in expected.items():
        if found.get(name) != rows:
            raise ProgramFailedError(f"{program} left {found.get(name)} rows of {name}; there are {rows}")
