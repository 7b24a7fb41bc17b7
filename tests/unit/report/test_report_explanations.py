from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from meta_pipeline.report.explanations import RULES, Explanation, explain
from meta_pipeline.report.status import STATUSES
from tests.unit.report.fleets import evidence, pipeline

LATER = datetime(2026, 2, 1, 7, tzinfo=timezone.utc)
UNCAPTURED: dict[str, Any] = dict.fromkeys(("last_outcome", "last_run_at", "last_finished_at", "idle_seconds"))


def because(explanation: Explanation, status: str) -> str:
    (rule,) = [rule for rule in explanation.rules if rule.status == status]
    return rule.because


def test_every_status_has_its_rule_in_order() -> None:
    explanation = explain(pipeline("healthy"), evidence())

    assert {*RULES, "healthy"} == set(STATUSES)
    assert [rule.status for rule in explanation.rules] == [*RULES, "healthy"]
    assert [rule.status for rule in explanation.rules if rule.decides] == ["healthy"]
    assert because(explanation, "healthy") == "none of the rules above holds"


def test_the_first_rule_that_holds_decides_and_what_would_hold_too_is_told() -> None:
    explanation = explain(pipeline("failing"), evidence("failing", "late", failure_count=2, failing_since=LATER))

    holding = [(rule.status, rule.decides) for rule in explanation.rules if rule.holds]
    assert holding == [("failing", True), ("late", False)]
    assert because(explanation, "failing") == (
        "2 runs failed since 2026-02-01 07:00 UTC, and no load of its own came after"
    )


@pytest.mark.parametrize(
    ("status", "columns", "words"),
    [
        (
            "failing",
            {"failure_count": 1, "failing_since": LATER},
            "1 run failed since 2026-02-01 07:00 UTC, but it has",
        ),
        ("unreachable", {}, "its dataset was read until 2026-02-01 12:00 UTC"),
        ("unreachable", {"outcome": "locked"}, "its dataset is locked since 2026-01-01 00:00 UTC"),
        ("unreachable", {"outcome": None, "is_unreachable": True}, "no finished collection has read its dataset"),
        ("unreachable", {"is_unreachable": True}, "due by 2026-02-02 07:00 UTC: nobody looked since"),
        ("retired", {}, "silent for 6 h; it takes more than 30 d"),
        ("retired", {"patience_seconds": 604_800}, "it takes more than 70 d"),
        ("retired", {"silent_seconds": None, "idle_seconds": None}, "no load and no run is known"),
        ("stalled", {}, "its last run ended, its runs bring rows"),
        ("stalled", {"is_stalled": True, "last_outcome": "unfinished"}, "its run of 2026-02-01 05:59 UTC began and"),
        ("stalled", {"unusual_empty_count": 4}, "4 runs brought no rows, more in a row than ever"),
        ("stalled", {"stuck_since": LATER}, "none of its cursors moved since 2026-02-01 07:00 UTC"),
        ("late", {}, "2026-02-01 12:00 UTC is not later than 2026-02-02 07:00 UTC"),
        ("late", {"is_late": True, "expected_by": LATER}, "2026-02-01 12:00 UTC is later than 2026-02-01 07:00 UTC"),
        ("late", {"expected_by": None}, "nobody knows yet when its next load is due"),
        ("partial", {}, "no job of its last run failed"),
        ("partial", {"failed_job_count": 2}, "2 jobs failed, but it has loaded since"),
        ("partial", {"failed_job_count": 2, "is_partial": True}, "2 jobs of its last run failed"),
        ("partial", {"pending_count": 1, "is_partial": True}, "1 load package of its last run was never loaded"),
        ("anomalous", {}, "no table's last load or day is outside of what was expected"),
        (
            "anomalous",
            {"anomaly_count": 1, "anomalous_table": "items", "observed_rows": 0, "expected_rows": 1_234.4},
            "items got 0 rows, expected about 1,234",
        ),
        ("new", {}, "30 loads: its rhythm is known"),
        ("new", {"expected_by": None, "load_count": 1, "known_seconds": None}, "1 load in 0 s: not enough"),
    ],
)
def test_a_rule_says_why_with_its_numbers(status: str, columns: dict[str, Any], words: str) -> None:
    assert words in because(explain(pipeline("healthy"), evidence(**columns)), status)


def test_without_captured_runs_the_rules_that_need_them_say_so() -> None:
    explanation = explain(pipeline("late"), evidence("late", run_count=0, **UNCAPTURED))

    assert {because(explanation, status) for status in ("failing", "stalled", "partial")} == {
        "none of its runs is captured"
    }
    assert "None of its runs is captured" in explanation.advice


def test_each_step_answers_its_question_with_what_it_is_made_of() -> None:
    explanation = explain(pipeline("healthy"), evidence())

    assert [(step.question, step.answer) for step in explanation.steps] == [
        ("Was its dataset read?", "yes, its loads are known up to 2026-02-01 12:00 UTC"),
        ("Which loads are its own?", "30 loads"),
        ("When is its next load due?", "by 2026-02-02 07:00 UTC, in 19 h"),
        ("How did its runs go?", "the last one, of 2026-02-01 05:59 UTC: succeeded"),
        ("Did it bring as many rows as usual?", "yes, 2 tables did"),
    ]
    rhythm = {fact.name: (fact.value, fact.source) for fact in explanation.steps[2].facts}
    assert rhythm["tolerance"] == (3_600.0, "pipeline_health.tolerance_seconds")
    assert rhythm["its last gaps"] == ("1 d, 23 h 59 min", "int_firing_gaps.gap_seconds")


def test_what_is_configured_stands_in_place_of_what_is_learned() -> None:
    rhythm = explain(pipeline("healthy"), evidence(within_hours=6.0)).steps[2]

    assert [fact.name for fact in rhythm.facts if fact.source.endswith("[transform]")] == ["configured: hours"]
    assert not {"the rule that fits", "expected at", "tolerance"} & {fact.name for fact in rhythm.facts}


def test_the_band_of_the_worst_anomaly_is_told() -> None:
    columns = {"anomaly_count": 1, "anomalous_table": "items", "observed_rows": 1, "expected_rows": 20.0}
    known = replace(evidence("anomalous", **columns), band=(10.0, 30.0, 1.9))

    volume = {fact.name: fact.value for fact in explain(pipeline("anomalous"), known).steps[4].facts}

    assert {name: volume[name] for name in ("rows", "expected", "at least", "at most", "half bands away")} == {
        "rows": 1,
        "expected": 20.0,
        "at least": 10.0,
        "at most": 30.0,
        "half bands away": "1.90",
    }


@pytest.mark.parametrize(
    ("step", "changes", "answer"),
    [
        (0, {"outcome": None, "is_unreachable": True}, "no finished collection has read it"),
        (0, {"outcome": None}, "not yet at that moment: a collection that came later tells what there was"),
        (0, {"outcome": "forbidden"}, "no, it is forbidden since 2026-01-01 00:00 UTC"),
        (
            1,
            {"uncertain_load_count": 2, "pipeline_candidates": "a, b"},
            "30 loads; 2 loads since may be of a or b",
        ),
        (2, {"expected_by": None}, "nobody can tell yet: its rhythm is known after four loads and a day"),
        (2, {"expected_by": LATER}, "by 2026-02-01 07:00 UTC, 5 h ago"),
        (3, {"run_count": 0, **UNCAPTURED}, "nobody can tell: none of them is captured"),
        (3, UNCAPTURED, "nobody can tell yet: none of them has ended"),
        (4, {"scored_tables": 0}, "nobody can tell: no table of it has eight observations with known rows"),
        (4, {"anomaly_count": 3}, "no, 3 of the last loads and days of its tables did not"),
    ],
)
def test_what_is_not_known_is_told(step: int, changes: dict[str, Any], answer: str) -> None:
    columns = {"anomalous_table": "items", "observed_rows": 1, "expected_rows": 2.0, **changes}

    assert explain(pipeline("healthy"), evidence(**columns)).steps[step].answer == answer
