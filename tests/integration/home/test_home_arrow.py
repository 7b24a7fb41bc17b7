"""What is read of a home as Arrow has the same types on each of them."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from meta_pipeline.config import find_home
from meta_pipeline.home import open_home
from tests.fixtures.collected import clear_environment
from tests.integration.home.homes import KINDS, SERVERS, home_environment, setting

pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'insecure_mode' connection property"),
    pytest.mark.filterwarnings("ignore:Cannot create BigQuery Storage client"),
]

SCHEMA = pa.schema(
    [
        ("table_name", pa.string()),
        ("row_count", pa.int64()),
        ("score", pa.float64()),
        ("is_late", pa.bool_()),
        ("load_date", pa.date32()),
        ("committed_at", pa.timestamp("us", tz="UTC")),
        ("reason", pa.string()),
    ]
)
TIMES = {"bigquery": "timestamp", "snowflake": "timestamp_tz"}
DAY, MOMENT = date(2026, 1, 5), datetime(2026, 1, 5, 6, tzinfo=timezone.utc)


def query(kind: str, comparison: str) -> str:
    return f"""
        select table_name, row_count, score, is_late, load_date, committed_at, reason
        from (
            select
                'orders' as table_name, 3 as row_count, 0.5 as score, true as is_late,
                cast('2026-01-05' as date) as load_date,
                cast('2026-01-05 06:00:00+00:00' as {TIMES.get(kind, "timestamp with time zone")}) as committed_at,
                null as reason
        ) as loads
        where {comparison} >= %s
    """


@pytest.mark.parametrize("kind", [KINDS[0], *SERVERS])
def test_columns_have_the_types_that_were_asked_for(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    setting(home_environment(kind, request), monkeypatch)
    home = find_home(tmp_path)
    if kind == "duckdb":
        import duckdb

        duckdb.connect(home.database).close()
    expected = {
        "table_name": ["orders"],
        "row_count": [3],
        "score": [0.5],
        "is_late": [True],
        "load_date": [DAY],
        "committed_at": [MOMENT],
        "reason": [None],
    }

    with open_home(home) as session:
        found = session.arrow(query(kind, "load_date"), SCHEMA, DAY)
        none = session.arrow(query(kind, "committed_at"), SCHEMA, datetime(2026, 1, 6, tzinfo=timezone.utc))

    assert found.schema == SCHEMA
    assert found.to_pydict() == expected
    assert none.schema == SCHEMA
    assert none.num_rows == 0
