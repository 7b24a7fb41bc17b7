from __future__ import annotations

from types import ModuleType

import duckdb
import pytest

from meta_pipeline.collect import dbt_artifacts, exports, inbox, working_folder
from meta_pipeline.report.page.contracts import read_contracts
from meta_pipeline.report.page.disclosure import PUBLIC_MARTS, is_shown, shown_rows
from meta_pipeline.report.page.views import GOVERNANCE_MARTS
from meta_pipeline.transform.project import project_folder

LEFT_OUT = "the words are left out here"


def shown(mart: str, *, with_details: bool = False, **columns: str | None) -> dict[str, object]:
    """Returns what is shown of a row."""
    with duckdb.connect() as connection:
        listed = ", ".join(f"?::varchar as {name}" for name in columns)
        connection.execute(f"create table taken as select {listed}", list(columns.values()))
        row = connection.execute(shown_rows("taken", mart, list(columns), with_details=with_details)).fetchone()
    return dict(zip(columns, row, strict=True)) if row else {}


def test_every_mart_is_public_or_kept_for_details() -> None:
    marts = set(read_contracts(project_folder()))

    assert marts - PUBLIC_MARTS <= set(GOVERNANCE_MARTS)
    assert marts >= PUBLIC_MARTS


def test_what_nobody_named_is_not_public() -> None:
    assert not is_shown("pii_columns", with_details=False)
    assert is_shown("pii_columns", with_details=True)


@pytest.mark.parametrize(
    ("reason", "is_told"),
    [
        (
            "its last run, on 2026-01-21 08:00 UTC, failed in extract: builtins.ValueError: no to hunter2",
            "its last run, on 2026-01-21 08:00 UTC, failed in extract",
        ),
        (
            "its last 2 runs, since 2026-01-21 08:00 UTC, failed, the last one in load: hunter2",
            "its last 2 runs, since 2026-01-21 08:00 UTC, failed, the last one in load",
        ),
        ("its last run, on 2026-01-21 08:00 UTC, failed: hunter2", "its last run, on 2026-01-21 08:00 UTC, failed"),
        (
            "its last run, on 2026-01-21 08:00 UTC, failed in hunter2",
            "its last run, on 2026-01-21 08:00 UTC, failed",
        ),
        ("hunter2 failed in extract", LEFT_OUT),
    ],
)
def test_of_a_failed_run_only_our_own_words_are_told(reason: str, is_told: str) -> None:
    assert shown("pipeline_health", status="failing", reason=reason)["reason"] == is_told
    assert shown("alerts", alert_type="failing", pipeline_id="p", summary=reason)["summary"] == is_told


def test_what_says_why_a_pipeline_is_late_is_told() -> None:
    reason = "no load for 10 d; it loads every day at about 07:12 UTC, ± 48 min"

    assert shown("pipeline_health", status="late", reason=reason)["reason"] == reason


@pytest.mark.parametrize(
    ("pipeline_id", "summary", "is_told"),
    [
        (
            None,
            "could not be read (locked) since 2026-01-21 12:00 UTC: close hunter2",
            "could not be read (locked) since 2026-01-21 12:00 UTC",
        ),
        (None, "hunter2", LEFT_OUT),
        ("p", "known from captured runs only: no collection has read its dataset", None),
    ],
)
def test_of_what_cannot_be_read_the_error_is_left_out(
    pipeline_id: str | None, summary: str, is_told: str | None
) -> None:
    row = shown("alerts", alert_type="unreachable", pipeline_id=pipeline_id, summary=summary)

    assert row["summary"] == (is_told or summary)


def test_changes_of_marks_of_governance_are_left_out() -> None:
    assert shown("schema_changes", hint_name="x-annotation-pii", new_value="true") == {}
    assert shown("schema_changes", hint_name="primary_key", new_value="true")
    assert shown("schema_changes", hint_name=None, new_value="text")
    assert shown("schema_changes", with_details=True, hint_name="x-annotation-pii", new_value="true")


def test_of_hints_only_those_that_dlt_loads_by_are_told() -> None:
    assert shown("schema_changes", hint_name="gdpr", new_value="true") == {}
    assert shown("schema_changes", hint_name="description", new_value="of our patients") == {}


@pytest.mark.parametrize("mart", ["alerts", "alert_history"])
@pytest.mark.parametrize(
    ("summary", "is_told"),
    [
        ("column hint changed x-annotation-pii (true) on 2026-01-21 08:00 UTC", False),
        ("column hint changed gdpr from no to yes on 2026-01-21 08:00 UTC", False),
        ("table hint changed description (of our patients) on 2026-01-21 08:00 UTC", False),
        ("column hint changed a\nprimary_key (true) on 2026-01-21 08:00 UTC", False),
        ("column hint changed primary_key (true) on 2026-01-21 08:00 UTC", True),
        ("table hint changed write_disposition from append to merge on 2026-01-21 08:00 UTC", True),
        ("table added on 2026-01-21 08:00 UTC", True),
    ],
)
def test_alerts_of_marks_of_governance_are_left_out(mart: str, summary: str, is_told: bool) -> None:
    place = {"destination_name": "lake", "dataset_name": "crm", "subject": "people.email", "pipeline_id": "p"}
    row = shown(mart, with_details=False, alert_type="schema_change", summary=summary, **place)

    assert bool(row) is is_told


@pytest.mark.parametrize("module", [dbt_artifacts, exports, inbox, working_folder])
def test_of_places_of_files_no_path_is_told(module: ModuleType) -> None:
    name, path = module.DESTINATION_NAME, "s3://bucket/private"
    place = {"destination_name": name, "dataset_name": path}
    finding = {**place, "alert_type": "unreachable", "pipeline_id": None, "summary": "", "subject": f"{name}.{path}"}
    reading = {**place, "destination_type": module.DESTINATION_TYPE, "error": f"{path} is not there"}
    for mart, row in (("alerts", finding), ("alert_history", finding), ("destination_coverage", reading)):
        told = shown(mart, with_details=False, **row)

        assert told["destination_name"] == name
        assert path not in str(told)
        assert told["dataset_name"] is None


def test_of_other_destinations_the_dataset_is_told() -> None:
    place = {"destination_name": "lake", "dataset_name": "crm"}
    finding = {**place, "alert_type": "unreachable", "pipeline_id": None, "summary": "", "subject": "lake.crm"}

    assert shown("alerts", with_details=False, **finding)["subject"] == "lake.crm"
    assert (
        shown("destination_coverage", with_details=False, destination_type="duckdb", **place)["dataset_name"] == "crm"
    )


@pytest.mark.parametrize(
    ("value", "is_told"),
    [("2026-01-21T08:00:00.5+01:00", True), ("2026-01-21 08:00Z", True), ("-12.5", True), ("ada@example.com", False)],
)
def test_of_cursors_only_times_and_numbers_are_told(value: str, is_told: bool) -> None:
    row = shown("incremental_cursors", initial_value=value, last_value=value)

    assert set(row.values()) == {value if is_told else None}


@pytest.mark.parametrize(
    ("node_type", "name", "is_told"),
    [
        ("location", "postgres.internal.example", False),
        ("endpoint", "https://shop.example/orders", False),
        ("endpoint", "orders", True),
        ("table", "orders", True),
    ],
)
def test_of_what_runs_read_no_address_is_told(node_type: str, name: str, is_told: bool) -> None:
    row = shown("lineage_nodes", node_type=node_type, node_name=name, location="s3://bucket", database_name="prod")

    assert row["node_name"] == (name if is_told else "an address")
    assert (row["location"], row["database_name"]) == (None, None)


def test_descriptions_are_left_out() -> None:
    for mart in ("observed_tables", "observed_columns"):
        assert shown(mart, hints="{}", description="of our patients") == {"hints": None, "description": None}


def test_with_details_everything_is_told() -> None:
    row = {"status": "failing", "reason": "hunter2"}

    assert shown("pipeline_health", with_details=True, **row) == row
