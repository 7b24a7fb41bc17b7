"""Which evidence leads to a pipeline's status, step by step, read from the models that decide on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from meta_pipeline.home import MARTS_DATASET, MODELS_DATASET, Home, Session, open_home
from meta_pipeline.output import counted, span
from meta_pipeline.report.advice import what_to_do
from meta_pipeline.report.status import PipelineStatus, read_fleet, the_one_named

GAP_COUNT = 5
"""How many of the last gaps between a pipeline's loads are shown."""

Value = str | int | float | datetime | None


@dataclass(frozen=True)
class Fact:
    """Something that was looked at.

    Args:
        name: What it is, in words.
        value: Its value; a length of time in seconds where its source ends in `_seconds`.
        source: Table and column that it is from.
    """

    name: str
    value: Value
    source: str


@dataclass(frozen=True)
class EvidenceStep:
    """A question that was asked on the way to the status.

    Args:
        question: The question.
        answer: The answer, in words.
        facts: What it is made of.
    """

    question: str
    answer: str
    facts: Sequence[Fact]


@dataclass(frozen=True)
class Rule:
    """A rule of the status; the first that holds decides.

    Args:
        status: The status that it stands for.
        holds: Whether it holds, whatever the others say.
        decides: Whether it is the first that does.
        because: Why, with the numbers.
        source: Tables and columns that these are from.
    """

    status: str
    holds: bool
    decides: bool
    because: str
    source: str


@dataclass(frozen=True)
class Explanation:
    """Why a pipeline has its status.

    Args:
        pipeline: The pipeline and its status.
        judged_at: The moment that the status is true of.
        steps: What was looked at, in order.
        rules: All rules, in order.
        advice: What to do.
    """

    pipeline: PipelineStatus
    judged_at: datetime
    steps: Sequence[EvidenceStep]
    rules: Sequence[Rule]
    advice: str


RULES = ("failing", "unreachable", "retired", "stalled", "late", "partial", "anomalous", "new")
"""The statuses in the order in which their rules are asked; `healthy` is what is left."""

_COLUMNS = (
    *("judged_at", "outcome", "first_collected_at", "read_until", "load_count", "last_load_at", "first_load_at"),
    *("last_certain_load_at", "uncertain_load_count", "pipeline_candidates", "calendar", "habit", "expected_at"),
    *("expected_by", "expected_interval_seconds", "tolerance_seconds", "within_hours", "longest_gap_seconds"),
    *("known_seconds", "silent_seconds", "idle_seconds", "patience_seconds", "last_outcome", "last_run_at"),
    *("last_finished_at", "last_empty_at", "failure_count", "failing_since", "failed_job_count", "failed_table"),
    *("unusual_empty_count", "empty_since", "pending_count", "stuck_since", "anomaly_count", "anomalous_table"),
    *("anomalous_grain", "anomaly_observed_at", "observed_rows", "expected_rows"),
    *(f"is_{status}" for status in RULES),
)
_READ_LATER = "not yet at that moment: a collection that came later tells what there was"

_EVIDENCE = f"select {', '.join(_COLUMNS)} from {{}} where pipeline_id = %s"
_ATTRIBUTIONS = "select attribution, count(*) as loads from {} where pipeline_id = %s group by attribution"
_GAPS = "select started_seconds, gap_seconds from {} where pipeline_id = %s and gap_seconds is not null"
_RUN_COUNT = "select count(*) as runs from {} where pipeline_id = %s"
_SCORED = "select count(distinct relation_id) as tables from {} where pipeline_id = %s"
_BAND = "select lower_bound, upper_bound, score from {} where pipeline_id = %s"
_ERROR = "select error from {} where destination_name = %s and dataset_name = %s"


@dataclass(frozen=True)
class Evidence:
    """What is known of a pipeline.

    Args:
        row: The row of `int_pipeline_health` by column.
        error: Why its dataset was not read completely.
        attributions: Its loads, by how they are known to be its own.
        gaps: The last gaps between its loads, in seconds, the latest first.
        run_count: Its captured runs.
        scored_tables: Its tables with enough history to judge their rows.
        band: Of its worst anomaly the least and the most rows that were expected, and how many half widths of that
            band it is away from its middle; None where there is none.
    """

    row: Mapping[str, Any]
    error: str | None
    attributions: Mapping[str, int]
    gaps: Sequence[float]
    run_count: int
    scored_tables: int
    band: tuple[float, float, float] | None = None


def read_explanation(home: Home, written: str) -> Explanation:
    """Reads why a pipeline has its status.

    Args:
        home: Where the marts live.
        written: Name of the pipeline, or a glob that only one matches.

    Raises:
        ConfigurationError: The home's credentials are not usable.
        HomeError: The marts are not there yet, or the home cannot be opened.
        PipelineUnknownError: No pipeline, or more than one, has that name.
    """
    with open_home(home) as session:
        pipeline = the_one_named(read_fleet(session, home), written)
        evidence = _read_evidence(session, pipeline)
    return explain(pipeline, evidence)


def explain(pipeline: PipelineStatus, evidence: Evidence) -> Explanation:
    """Returns why a pipeline has its status.

    Args:
        pipeline: The pipeline.
        evidence: What is known of it.
    """
    rules = _rules(pipeline.status, evidence)
    steps = [_coverage(evidence), _loads(evidence), _rhythm(evidence), _runs(evidence), _volume(evidence)]
    advice = what_to_do(pipeline.status, is_captured=evidence.run_count > 0)
    return Explanation(pipeline, evidence.row["judged_at"], steps, rules, advice)


def _read_evidence(session: Session, pipeline: PipelineStatus) -> Evidence:
    def rows(query: str, table: str, *values: str, dataset: str = MARTS_DATASET) -> Sequence[Sequence[Any]]:
        return session.rows(query.format(session.relation(dataset, table)), *values)

    key = pipeline.pipeline_id
    (health,) = rows(_EVIDENCE, "int_pipeline_health", key, dataset=MODELS_DATASET)
    errors = rows(_ERROR, "destination_coverage", pipeline.destination_name, pipeline.dataset_name)
    gaps = sorted(map(tuple, rows(_GAPS, "int_firing_gaps", key, dataset=MODELS_DATASET)), reverse=True)
    return Evidence(
        row=dict(zip(_COLUMNS, health, strict=True)),
        error=next((row[0] for row in errors), None),
        attributions={row[0]: row[1] for row in sorted(map(tuple, rows(_ATTRIBUTIONS, "loads", key)))},
        gaps=[float(row[1]) for row in gaps[:GAP_COUNT]],
        run_count=rows(_RUN_COUNT, "runs", key)[0][0],
        scored_tables=rows(_SCORED, "volume_scores", key)[0][0],
        band=next(
            (
                (float(row[0]), float(row[1]), float(row[2]))
                for row in rows(_BAND, "int_pipeline_anomalies", key, dataset=MODELS_DATASET)
            ),
            None,
        ),
    )


def _coverage(evidence: Evidence) -> EvidenceStep:
    row = evidence.row
    if row["outcome"] is None:
        answer = "no finished collection has read it" if row["is_unreachable"] else _READ_LATER
    elif row["outcome"] in ("complete", "partial"):
        answer = f"yes, its loads are known up to {_minute(row['read_until'])}"
    else:
        answer = f"no, it is {row['outcome']} since {_minute(row['first_collected_at'])}"
    facts = [
        Fact("its last collection", row["outcome"], "destination_coverage.outcome"),
        Fact("ends like that since", row["first_collected_at"], "destination_coverage.first_collected_at"),
        Fact("what went wrong", evidence.error, "destination_coverage.error"),
        Fact("loads are known up to", row["read_until"], "int_pipeline_health.read_until"),
    ]
    return EvidenceStep("Was its dataset read?", answer, _known(facts))


def _loads(evidence: Evidence) -> EvidenceStep:
    row, total = evidence.row, sum(evidence.attributions.values())
    doubt = int(row["uncertain_load_count"] or 0)
    answer = f"{counted(total, 'load')}" if total else "none that is surely its own"
    if doubt:
        answer += f"; {counted(doubt, 'load')} since may be of {row['pipeline_candidates'].replace(', ', ' or ')}"
    facts = [
        *(Fact(f"known by {how}", count, "loads.attribution") for how, count in evidence.attributions.items()),
        Fact("the first one", row["first_load_at"], "pipelines.first_load_at"),
        Fact("the last one", row["last_certain_load_at"], "pipelines.last_load_at"),
        Fact("the last that may be", row["last_load_at"] if doubt else None, "pipeline_health.last_load_at"),
    ]
    return EvidenceStep("Which loads are its own?", answer, _known(facts))


def _rhythm(evidence: Evidence) -> EvidenceStep:
    row = evidence.row
    expected_by, judged_at = row["expected_by"], row["judged_at"]
    if expected_by is None:
        answer = "nobody can tell yet: its rhythm is known after four loads and a day"
    else:
        distance = span(abs(judged_at - expected_by))
        answer = f"by {_minute(expected_by)}, " + (f"{distance} ago" if judged_at > expected_by else f"in {distance}")
    # What is configured goes before what is learned, so the latter would only mislead.
    learned = row if row["within_hours"] is None else dict.fromkeys(row)
    facts = [
        Fact("it loads", row["habit"] if expected_by else None, "int_pipeline_health.habit"),
        Fact("configured: hours", row["within_hours"], "expected_within_hours in [transform]"),
        Fact("the rule that fits", learned["calendar"], "int_pipeline_rhythm.calendar"),
        Fact("the usual interval", row["expected_interval_seconds"], "pipeline_health.expected_interval_seconds"),
        Fact("its last gaps", ", ".join(map(_length, evidence.gaps)) or None, "int_firing_gaps.gap_seconds"),
        Fact("its longest gap", row["longest_gap_seconds"], "int_pipeline_rhythm.longest_gap_seconds"),
        Fact("expected at", learned["expected_at"], "int_pipeline_rhythm.expected_at"),
        Fact("tolerance", learned["tolerance_seconds"], "pipeline_health.tolerance_seconds"),
        Fact("expected by", expected_by, "pipeline_health.expected_by"),
        Fact("last run without data", row["last_empty_at"], "runs.finished_at"),
    ]
    return EvidenceStep("When is its next load due?", answer, _known(facts))


def _runs(evidence: Evidence) -> EvidenceStep:
    row = evidence.row
    if not evidence.run_count:
        answer = "nobody can tell: none of them is captured"
    elif row["last_outcome"] is None:
        answer = "nobody can tell yet: none of them has ended"
    else:
        answer = f"the last one, of {_minute(row['last_run_at'])}: {row['last_outcome'].replace('_', ' ')}"
    facts = [
        Fact("captured runs", evidence.run_count or None, "runs"),
        Fact("the last one", row["last_outcome"], "runs.outcome"),
        Fact("when it began", row["last_run_at"], "runs.started_at"),
        Fact("when it ended", row["last_finished_at"], "runs.finished_at"),
        Fact("failed in a row", row["failure_count"] or None, "runs.outcome"),
        Fact("the first of those", row["failing_since"], "runs.started_at"),
        Fact("failed jobs in the last", row["failed_job_count"] or None, "runs.failed_job_count"),
        Fact("empty in a row", row["unusual_empty_count"] or None, "runs.rows_loaded"),
        Fact("packages never loaded", row["pending_count"] or None, "int_waiting_packages.pending_count"),
        Fact("no cursor moved since", row["stuck_since"], "incremental_cursors.last_advanced_at"),
    ]
    return EvidenceStep("How did its runs go?", answer, _known(facts))


def _volume(evidence: Evidence) -> EvidenceStep:
    row, band = evidence.row, evidence.band
    if not evidence.scored_tables:
        answer = "nobody can tell: no table of it has eight observations with known rows"
    elif not row["anomaly_count"]:
        answer = f"yes, {counted(evidence.scored_tables, 'table')} did"
    else:
        answer = f"no, {row['anomaly_count']} of the last loads and days of its tables did not"
    facts = [
        Fact("tables with a history", evidence.scored_tables or None, "volume_scores.relation_id"),
        Fact("anomalies", row["anomaly_count"] or None, "volume_anomalies.is_latest"),
        Fact("the worst is of", row["anomalous_table"], "volume_anomalies.table_name"),
        Fact("of the", row["anomalous_grain"], "volume_anomalies.grain"),
        Fact("at", row["anomaly_observed_at"], "volume_anomalies.observed_at"),
        Fact("rows", row["observed_rows"], "volume_anomalies.observed_rows"),
        Fact("expected", row["expected_rows"], "volume_anomalies.expected_rows"),
        Fact("at least", band and band[0], "volume_anomalies.lower_bound"),
        Fact("at most", band and band[1], "volume_anomalies.upper_bound"),
        Fact("half bands away", band and f"{band[2]:.2f}", "volume_anomalies.score"),
    ]
    return EvidenceStep("Did it bring as many rows as usual?", answer, _known(facts))


def _rules(status: str, evidence: Evidence) -> list[Rule]:
    row = evidence.row
    told = {
        "failing": (_why_failing(evidence), "runs.outcome, runs.finished_at, pipelines.last_load_at"),
        "unreachable": (_why_unreachable(row), "destination_coverage.outcome, pipeline_health.expected_by"),
        "retired": (_why_retired(row), "pipeline_health.last_load_at, runs.started_at"),
        "stalled": (_why_stalled(evidence), "runs.outcome, runs.rows_loaded, incremental_cursors.is_stuck"),
        "late": (_why_late(row), "pipeline_health.judged_at, pipeline_health.expected_by"),
        "partial": (_why_partial(evidence), "runs.failed_job_count, int_waiting_packages.pending_count"),
        "anomalous": (_why_anomalous(row), "volume_anomalies.is_latest"),
        "new": (_why_new(row), "pipeline_health.expected_by, pipeline_health.load_count"),
    }
    rules = [Rule(name, bool(row[f"is_{name}"]), name == status, *told[name]) for name in RULES]
    rest = "none of the rules above holds" if status == "healthy" else "a rule above holds"
    return [*rules, Rule("healthy", status == "healthy", status == "healthy", rest, "pipeline_health.status")]


def _why_failing(evidence: Evidence) -> str:
    row = evidence.row
    if not evidence.run_count:
        return "none of its runs is captured"
    if not row["failure_count"]:
        return "its last run did not fail"
    failures = f"{counted(int(row['failure_count']), 'run')} failed since {_minute(row['failing_since'])}"
    if row["is_failing"]:
        return f"{failures}, and no load of its own came after"
    return f"{failures}, but that is long ago" if row["is_retired"] else f"{failures}, but it has loaded since"


def _why_unreachable(row: Mapping[str, Any]) -> str:
    if row["outcome"] is None:
        return "no finished collection has read its dataset" if row["is_unreachable"] else _READ_LATER
    if row["outcome"] not in ("complete", "partial"):
        return f"its dataset is {row['outcome']} since {_minute(row['first_collected_at'])}"
    if row["is_unreachable"]:
        return f"read until {_minute(row['read_until'])}, and due by {_minute(row['expected_by'])}: nobody looked since"
    return f"its dataset was read until {_minute(row['read_until'])}"


def _why_retired(row: Mapping[str, Any]) -> str:
    signs = [value for value in (row["silent_seconds"], row["idle_seconds"]) if value is not None]
    if not signs:
        return "no load and no run is known that could have been long ago"
    bound = max(30 * 86_400, 10 * float(row["patience_seconds"]))
    return f"silent for {_length(min(signs))}; it takes more than {_length(bound)}"


def _why_stalled(evidence: Evidence) -> str:
    row = evidence.row
    if not evidence.run_count:
        return "none of its runs is captured"
    if row["is_stalled"] and row["last_outcome"] == "unfinished":
        return f"its run of {_minute(row['last_run_at'])} began and never ended"
    if row["unusual_empty_count"]:
        return f"{counted(int(row['unusual_empty_count']), 'run')} brought no rows, more in a row than ever"
    if row["stuck_since"]:
        return f"none of its cursors moved since {_minute(row['stuck_since'])}"
    return "its last run ended, its runs bring rows as they used to, and its cursors do not all rest"


def _why_late(row: Mapping[str, Any]) -> str:
    if row["expected_by"] is None:
        return "nobody knows yet when its next load is due"
    relation = "later" if row["is_late"] else "not later"
    return f"{_minute(row['judged_at'])} is {relation} than {_minute(row['expected_by'])}"


def _why_partial(evidence: Evidence) -> str:
    row = evidence.row
    if not evidence.run_count:
        return "none of its runs is captured"
    jobs, packages = int(row["failed_job_count"] or 0), int(row["pending_count"] or 0)
    if packages:
        return f"{counted(packages, 'load package')} of its last run {'was' if packages == 1 else 'were'} never loaded"
    if row["is_partial"]:
        return f"{counted(jobs, 'job')} of its last run failed"
    return "no job of its last run failed" if not jobs else f"{counted(jobs, 'job')} failed, but it has loaded since"


def _why_anomalous(row: Mapping[str, Any]) -> str:
    if not row["anomaly_count"]:
        return "no table's last load or day is outside of what was expected"
    got = f"{row['anomalous_table']} got {int(row['observed_rows']):,} rows, expected about {row['expected_rows']:,.0f}"
    return f"{got} ({row['anomaly_count']} of its tables' last loads and days)"


def _why_new(row: Mapping[str, Any]) -> str:
    loads = counted(int(row["load_count"]), "load")
    known = row["expected_by"] is not None
    return f"{loads}: its rhythm is known" if known else f"{loads} in {_length(row['known_seconds'] or 0)}: not enough"


def _known(facts: Sequence[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.value is not None]


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _length(seconds: float) -> str:
    return span(timedelta(seconds=round(float(seconds))))
