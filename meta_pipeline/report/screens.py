"""Prints one pipeline from near, or why it has its status: for a person on a terminal, as lines with tabs elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from meta_pipeline.output import counted, is_terminal, print_facts, print_rows, print_title, span
from meta_pipeline.report.explanations import EvidenceStep, Explanation, Fact, Rule, Value
from meta_pipeline.report.pipelines import DayVolume, PipelineDetail, RunSummary
from meta_pipeline.report.sparkline import sparkline

WIDTH_OF_NAMES = 24

Pairs = list[tuple[str, str]]


def print_details(details: Sequence[PipelineDetail], as_of: datetime) -> None:
    """Prints pipelines from near.

    Args:
        details: The pipelines.
        as_of: The moment that is shown.
    """
    if not is_terminal():
        rows = [
            (item.pipeline.full_name, name, value)
            for item in details
            for name, value in [*_headings(item), *_facts_of(item, as_of), *_run_lines(item.runs)]
        ]
        print_rows(dict.fromkeys(("Pipeline", "What", "Value")), rows)
        return
    for item in details:
        print_title(item.pipeline.name, item.pipeline.status, _since(item.pipeline.status_since))
        print_facts([(name, value, "") for name, value in [("Why", item.pipeline.reason), *_facts_of(item, as_of)]])
        if item.runs:
            columns = {"Run of (UTC)": 16, "Took": 10, "Outcome": 16, "Rows": 12, "Failed with": None}
            print_rows(columns, [_run_row(run) for run in item.runs])


def print_explanation(explanation: Explanation) -> None:
    """Prints why a pipeline has its status.

    Args:
        explanation: The explanation.
    """
    pipeline = explanation.pipeline
    if not is_terminal():
        rows = [
            ("Which pipeline?", pipeline.full_name, f"{pipeline.status}: {pipeline.reason}", "pipeline_health.status")
        ]
        rows += [row for step in explanation.steps for row in _step_lines(step)]
        rows += [
            ("Which rule?", rule.status, f"{_verdict(rule)}: {rule.because}", rule.source) for rule in explanation.rules
        ]
        print_rows(dict.fromkeys(("Question", "What", "Answer", "From")), rows)
        return
    print_title(pipeline.name, pipeline.status, _since(pipeline.status_since))
    print_facts([("Why", pipeline.reason, ""), ("Loads to", pipeline.where, "")])
    for number, step in enumerate(explanation.steps, 1):
        print_title(f"{number} {step.question}", "", step.answer)
        print_facts([(fact.name, _shown(fact), fact.source) for fact in step.facts], WIDTH_OF_NAMES)
    print_title(f"{len(explanation.steps) + 1} Which rule is the first that holds?", "", "")
    print_facts([(rule.status, f"{_verdict(rule)}: {rule.because}", rule.source) for rule in explanation.rules])
    print_title("What to do:", "", explanation.advice)


def _step_lines(step: EvidenceStep) -> list[tuple[str, str, str, str]]:
    facts = [(step.question, fact.name, _shown(fact), fact.source) for fact in step.facts]
    return [(step.question, "", step.answer, ""), *facts]


def _headings(item: PipelineDetail) -> Pairs:
    pipeline = item.pipeline
    return [("Status", pipeline.status), ("Since", _minute(pipeline.status_since)), ("Why", pipeline.reason)]


def _facts_of(item: PipelineDetail, as_of: datetime) -> Pairs:
    pipeline = item.pipeline
    facts = {
        "Loads to": pipeline.where,
        "Runs on": item.orchestrators,
        "Last load": _distance(pipeline.last_load_at, as_of),
        "Due by": _distance(pipeline.expected_by, as_of),
        "Volume": _volume(item.volume),
        "Last failure": _failure(item.last_failure),
        "Its page": item.last_failure.run_url if item.last_failure else None,
        "What to do": item.advice,
    }
    return [(name, value) for name, value in facts.items() if value]


def _volume(days: Sequence[DayVolume]) -> str:
    counts: list[float | None] = [day.row_count for day in days]
    what = "rows"
    if not any(count is not None for count in counts):
        counts, what = [day.load_count or None for day in days], "loads"
    last = next((day for day in reversed(days) if day.load_count), None)
    if last is None:
        return f"no load in {counted(len(days), 'day')}"
    is_known = what == "rows" and last.row_count is not None
    brought = f"{last.row_count:,} rows" if is_known else counted(last.load_count, "load")
    return f"{sparkline(counts)} {what} a day, {len(days)} days (· no load); {brought} on {last.day}"


def _failure(run: RunSummary | None) -> str | None:
    if run is None:
        return None
    where = f" in {run.failed_step}" if run.failed_step else ""
    return f"{_minute(run.started_at)}{where}{_cause(run)}"


def _cause(run: RunSummary) -> str:
    message = (run.message or "").strip()
    return "".join(f": {part}" for part in (run.exception_type, message) if part)


def _run_row(run: RunSummary) -> tuple[str, ...]:
    rows = "" if run.rows_loaded is None else f"{run.rows_loaded:,}"
    failure = ": ".join(part for part in (run.failed_step, run.exception_type) if part)
    return f"{run.started_at:%Y-%m-%d %H:%M}", _took(run), (run.outcome or "running").replace("_", " "), rows, failure


def _run_lines(runs: Iterable[RunSummary]) -> Pairs:
    return [("Run", ", ".join(part for part in (*_run_row(run), run.run_url or "") if part)) for run in runs]


def _took(run: RunSummary) -> str:
    return "" if run.duration_seconds is None else span(timedelta(seconds=run.duration_seconds))


def _shown(fact: Fact) -> str:
    value: Value = fact.value
    if isinstance(value, datetime):
        return _minute(value)
    if fact.source.endswith("_seconds") and isinstance(value, (int, float)):
        return span(timedelta(seconds=value))
    if isinstance(value, (int, float)):
        return f"{value:,.0f}"
    return str(value)


def _verdict(rule: Rule) -> str:
    if rule.decides:
        return "YES"
    return "would hold too" if rule.holds else "no"


def _distance(moment: datetime | None, as_of: datetime) -> str | None:
    if moment is None:
        return None
    length = span(abs(as_of - moment))
    return f"{_minute(moment)}, " + (f"{length} ago" if moment <= as_of else f"in {length}")


def _since(moment: datetime | None) -> str:
    return f"since {_minute(moment)}" if moment else ""


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
