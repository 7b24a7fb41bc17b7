"""Pipelines, and what is known of them, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from meta_pipeline.report.explanations import RULES, Evidence
from meta_pipeline.report.status import FleetStatus, PipelineStatus, Uncovered

NOON = datetime(2026, 2, 1, 12, tzinfo=timezone.utc)

ORDERS = PipelineStatus(
    "1", "healthy", datetime(2026, 2, 1, 6, tzinfo=timezone.utc), "orders", "pg", "crm", NOON, NOON, "last load 6 h ago"
)


def pipeline(status: str, name: str | None = "orders", **changes: Any) -> PipelineStatus:
    """Returns a pipeline with a status."""
    return replace(ORDERS, status=status, pipeline_name=name, **changes)


def fleet(pipelines: Sequence[PipelineStatus], uncovered: Sequence[Uncovered] = ()) -> FleetStatus:
    """Returns a fleet at noon that was collected at noon."""
    return FleetStatus(NOON, False, NOON, 1, 0, pipelines, uncovered)


def evidence(*holding: str, run_count: int = 3, scored_tables: int = 2, **columns: Any) -> Evidence:
    """Returns what is known of a pipeline that loads every day at six: some rules hold, and some columns differ."""
    row = {
        "judged_at": NOON,
        "outcome": "complete",
        "first_collected_at": datetime(2026, 1, 1, tzinfo=timezone.utc),
        "read_until": NOON,
        "load_count": 30,
        "last_load_at": datetime(2026, 2, 1, 6, tzinfo=timezone.utc),
        "first_load_at": datetime(2026, 1, 3, 6, tzinfo=timezone.utc),
        "last_certain_load_at": datetime(2026, 2, 1, 6, tzinfo=timezone.utc),
        "uncertain_load_count": None,
        "pipeline_candidates": None,
        "calendar": "day",
        "habit": "every day at about 06:00 UTC",
        "expected_at": datetime(2026, 2, 2, 6, tzinfo=timezone.utc),
        "expected_by": datetime(2026, 2, 2, 7, tzinfo=timezone.utc),
        "expected_interval_seconds": 86_400.0,
        "tolerance_seconds": 3_600.0,
        "within_hours": None,
        "longest_gap_seconds": 90_000.0,
        "known_seconds": 2_500_000.0,
        "silent_seconds": 21_600.0,
        "idle_seconds": 21_600.0,
        "patience_seconds": 86_400.0,
        "last_outcome": "succeeded",
        "last_run_at": datetime(2026, 2, 1, 5, 59, tzinfo=timezone.utc),
        "last_finished_at": datetime(2026, 2, 1, 6, tzinfo=timezone.utc),
        "last_empty_at": None,
        "failure_count": 0,
        "failing_since": None,
        "failed_job_count": 0,
        "failed_table": None,
        "unusual_empty_count": 0,
        "empty_since": None,
        "pending_count": 0,
        "stuck_since": None,
        "anomaly_count": None,
        "anomalous_table": None,
        "anomalous_grain": None,
        "anomaly_observed_at": None,
        "observed_rows": None,
        "expected_rows": None,
        **{f"is_{status}": status in holding for status in RULES},
        **columns,
    }
    return Evidence(row, None, {"trace": 30}, [86_400.0, 86_340.0], run_count, scored_tables)
