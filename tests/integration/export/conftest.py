from __future__ import annotations

from pathlib import Path

import pytest

from meta_pipeline.transform import transform
from tests.fixtures.captures import call
from tests.integration.lineage.conftest import built
from tests.integration.transform.fleet import SECOND as SECOND_AT
from tests.integration.transform.fleet import FleetHome, write_first, write_second

__all__ = ["built", "fleet_folder"]

FIRST, SECOND = "first", "second"
PII = {"table_hash": "c1", "column_name": "email", "ordinal_position": 2, "data_type": "text"} | {
    "hints": '{"x-annotation-pii": true}'
}
RUN_BY = {"dlt_version": "1.31.0", "orchestrator": "airflow", "job_name": "crm.load", "orchestrator_run_id": "manual_1"}


@pytest.fixture(scope="module")
def fleet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the home of a small fleet after each of two collections."""
    home = FleetHome(tmp_path_factory.mktemp("export"))
    home.raw.create()
    write_first(home.raw)
    home.raw.write(schema_columns=[PII])
    transform(home.home)
    home.save(FIRST)
    write_second(home.raw)
    home.raw.write(
        **call("engine", "2026-01-20 08:00", dataset="engine", outcome="empty", **RUN_BY, collected=SECOND_AT)
    )
    transform(home.home)
    home.save(SECOND)
    return home.folder
