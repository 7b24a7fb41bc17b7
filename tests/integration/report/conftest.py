from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from meta_pipeline.report.page import write_page
from meta_pipeline.transform import transform
from meta_pipeline.transform.project import project_folder
from tests.fixtures.captures import call
from tests.fixtures.command import Done, run, write_configuration
from tests.fixtures.raw_dataset import RawDataset, coverage, load, state
from tests.integration.transform import fleet

NOW = datetime(2026, 1, 21, 12, 5, tzinfo=timezone.utc)

SCRIPT = "<script>document.title = 'hacked'</script><img src=x onerror=document.title='hacked'>"
RIGHT_TO_LEFT = "\u202eevil\u202c\u0627\u0644\u0645\u0628\u064a\u0639\u0627\u062a"
LONG = "long_" + "x" * 495
HOSTILE = (SCRIPT, RIGHT_TO_LEFT, LONG)
SECRET_WORDS = "the register says no to hunter2"
INBOX = "s3://hidden-bucket/inbox"
ADDRESS = "hidden-host.example"
PERSON = "ada@hidden.example"


@dataclass(frozen=True)
class Site:
    """What was written of one fleet.

    Args:
        public: Folder of a page for everybody.
        detailed: Folder of one with details.
        late: Folder of a public page whose marts show the present.
    """

    public: Path
    detailed: Path
    late: Path


def owner_of(pipeline_name: str | None, destination_name: str, dataset_name: str) -> str | None:
    return "web team" if dataset_name == "shared" else None


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    home = fleet.FleetHome(folder)
    home.raw.create()
    fleet.write_first(home.raw)
    fleet.write_second(home.raw)
    _write_hostile(home.raw)
    _write_hidden(home.raw)
    transform(home.home, as_of=NOW)
    site = Site(folder / "public", folder / "detailed", folder / "late")
    write_page(home.home, site.public, project_folder(), owner_of)
    write_page(home.home, site.detailed, project_folder(), owner_of, with_details=True)
    with duckdb.connect(str(home.raw.path)) as connection:
        connection.execute("update observability_models.clock set is_past = false")
    write_page(home.home, site.late, project_folder(), owner_of)
    return site


def _write_hostile(raw: RawDataset) -> None:
    """Writes pipelines whose names are as bad as names can be, and a run that failed with words to be kept."""
    at = "2026-01-20 06:00"
    of_hostile = {"dataset_name": "hostile", "collected_at": fleet.SECOND}
    raw.write(
        loads=[{**load(at, schema_name="hostile"), **of_hostile}],
        pipeline_states=[{**state(name, at), **of_hostile} for name in HOSTILE],
        counted_loads=[{"load_id": load(at)["load_id"], "counted_at": fleet.SECOND, **of_hostile}],
        row_counts=[
            {"load_id": load(at)["load_id"], "table_name": name, "row_count": 3, **of_hostile} for name in HOSTILE
        ],
        coverage=[coverage("hostile", "2026-01-14 12:00", fleet.SECOND)],
    )
    failure = ("extract", SECRET_WORDS)
    raw.write(
        **call(
            "visits", "2026-01-21 08:00", dataset="shared", outcome="failed", failure=failure, collected=fleet.SECOND
        )
    )


def _write_hidden(raw: RawDataset) -> None:
    """Writes what says where things lie, what is personal, and a person's address."""
    at = "2026-01-21 06:00"
    no_answer = {"destination_name": "inbox", "destination_type": "inbox", "error": f"{INBOX}: no answer"}
    reads = {"location_kind": "sql_database", "location": ADDRESS, "table_name": None}
    of_hint = {"version_hash": "v2", "parent_hash": "v1", "change_type": "column_hint_changed"}
    raw.write(
        coverage=[coverage(INBOX, fleet.SECOND, fleet.SECOND, "unreachable", **no_answer)],
        schema_changes=[
            {**of_hint, "change_id": "hint", "table_name": "orders", "column_name": "email"}
            | {"hint_name": "x-annotation-pii", "new_value": "true", "collected_at": fleet.SECOND}
        ],
        pipeline_cursors=[
            {"pipeline_name": "crm_daily", "load_id": load(at)["load_id"], "source_name": "crm"}
            | {
                "resource_name": "people",
                "cursor_path": "email",
                "initial_value": PERSON,
                "last_value": PERSON,
                "created_at": at,
            }
            | {"collected_at": fleet.SECOND}
        ],
    )
    raw.write(
        **call("reader", "2026-01-21 06:30", dataset="read", counts={"people": 3}, reads=reads, collected=fleet.SECOND)
    )


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    """Runs the command in a folder where there is nothing to see, and returns what it said, and the folder."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "exports").mkdir()
    settings = {"sources": {"dlt_metadata": {"schema_exports": ["exports"]}}, "report": {"out": "site"}}
    write_configuration(folder, settings, {})
    return run(folder, "run"), folder
