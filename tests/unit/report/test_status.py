from __future__ import annotations

from datetime import datetime, timezone

import pytest

from meta_pipeline.file_places import FILE_PLACES
from meta_pipeline.report.status import _fleet_status

NOW = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize("place", sorted(FILE_PLACES))
def test_places_of_files_are_no_datasets(place: str) -> None:
    coverage = [
        ("warehouse", "crm", "complete", None, NOW, "duckdb"),
        (place, "/data/there", "complete", None, NOW, place),
    ]
    assert _fleet_status([], coverage, NOW, False).dataset_count == 1
