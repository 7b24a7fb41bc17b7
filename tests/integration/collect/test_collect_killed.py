"""A collection that is killed at any moment and run again leaves what one that was not killed leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.collect.tables import RAW_TABLES
from tests.fixtures.collected import Site, clear_environment
from tests.fixtures.observed import LATER_ORDERS, ORDERS, Observed, accounts, shop
from tests.integration.collect.conftest import Fill

# Where the process kills itself: before the nth call of a function.
MOMENTS = {
    "while the destinations are read": ("meta_pipeline.collect.reading:make_plan", 2),
    "when all was read": ("meta_pipeline.collect.readings:read_exports", 1),
    "before it is loaded": ("dlt.pipeline.pipeline:Pipeline.load", 1),
    "while files are copied": ("dlt.destinations.impl.duckdb.duck:DuckDbCopyJob.run", 6),
    "when most files are copied": ("dlt.destinations.impl.duckdb.duck:DuckDbCopyJob.run", 12),
    "while tables are merged": ("dlt.destinations.sql_jobs:SqlMergeFollowupJob.generate_sql", 5),
    "after some tables are merged": ("dlt.destinations.job_client_impl:SqlLoadJob.run", 4),
    "before the commit": ("dlt.load.load:Load.complete_package", 1),
    "after the commit": ("meta_pipeline.collect.stage:_read_coverage", 1),
}
# The first one merges nothing.
AT_FIRST = ("while files are copied", "when most files are copied", "before the commit")
# What lies on either side of each of these is killed by `make test-long`.
TELLING = (
    ("first", "when most files are copied"),
    ("later", "when all was read"),
    ("later", "while files are copied"),
    ("later", "while tables are merged"),
    ("later", "before the commit"),
    ("later", "after the commit"),
)

KILLED_RUN = """
import importlib, os, signal, sys
from meta_pipeline.cli import main
place, _, path = sys.argv[1].partition(":")
owner = importlib.import_module(place)
*parents, name = path.split(".")
for parent in parents:
    owner = getattr(owner, parent)
function, calls = getattr(owner, name), [0]

def counted(*args, **kwargs):
    calls[0] += 1
    if calls[0] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*args, **kwargs)

setattr(owner, name, counted)
main(["collect"])
"""


@dataclass(frozen=True)
class Stage:
    """A collection that was not killed.

    Args:
        observed: What was collected.
        home: The observability dataset before; None where there was none.
        expected: All rows after it.
    """

    observed: Observed
    home: Path | None
    expected: dict[str, list[tuple[Any, ...]]]


def rows_of(site: Site) -> dict[str, list[tuple[Any, ...]]]:
    """Returns all rows but those of collections that did not end, and that collections took place."""
    varying = {"collected_at", "counted_at", "since", "coverage_id"}
    committed = "_dlt_load_id in (select load_id from _dlt_loads)"
    found = {}
    for table in RAW_TABLES:
        columns = [column.name for column in table.columns if column.name not in varying]
        where = {
            "coverage": f"where {committed}",
            "table_statistics": f"where collected_at in (select collected_at from collections where {committed})",
        }
        if table.name != "collections":
            sql = f"select {', '.join(columns)} from {table.name} {where.get(table.name, '')} order by all"
            found[table.name] = site.rows(sql)
    return found


@pytest.fixture(scope="module")
def stages(filled: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    folder = tmp_path_factory.mktemp("killed")
    before = filled("duckdb").copy(folder / "before")
    after = before.copy(folder / "after")
    newest = {"id": 4, "changed_at": "2026-02-01T00:00:00Z", "note": "x"}
    after.run("crm", "crm", shop([*ORDERS, *LATER_ORDERS, newest]))
    after.run("ledger", "ledger", accounts([2, 3], "merge"))
    after.set_status("shared", _oldest_load(after), 1)
    after.copy_dataset("crm", "crm_eu")
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        patch.chdir(folder)
        site = Site(folder, patch).configure(before.environment(), row_counts="scan")
        site.collect()
        first = Stage(before, None, rows_of(site))
        home = folder / "first.duckdb"
        shutil.copy(site.home.database, home)
        site.configure(after.environment()).collect()
        yield {"first": first, "later": Stage(after, home, rows_of(site))}


def _oldest_load(observed: Any) -> str:
    return str(observed.execute("select min(load_id) from shared._dlt_loads")[0][0])


@pytest.mark.parametrize(
    ("stage", "moment"),
    [
        pytest.param(stage, moment, marks=[] if (stage, moment) in TELLING else pytest.mark.long)
        for stage, moments in {"first": AT_FIRST, "later": tuple(MOMENTS)}.items()
        for moment in moments
    ],
)
def test_what_a_killed_collection_leaves_is_made_whole(
    stages: dict[str, Stage], site: Site, stage: str, moment: str
) -> None:
    place, call = MOMENTS[moment]
    observed, home = stages[stage].observed, stages[stage].home
    if home:
        shutil.copy(home, site.home.database)
    site.configure(observed.environment(), row_counts="scan")

    killed = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, place, str(call)],
        env={**os.environ, "TMPDIR": str(site.folder)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert site.collect().failures == []
    found = rows_of(site)
    for table, rows in stages[stage].expected.items():
        assert found[table] == rows, table
