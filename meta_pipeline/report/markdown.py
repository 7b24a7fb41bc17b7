"""What is wrong in Markdown, for the summary of a job."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from meta_pipeline.home import MARTS_DATASET, Home, open_home
from meta_pipeline.output import counted
from meta_pipeline.report.advice import what_to_do
from meta_pipeline.report.status import FleetStatus, PipelineStatus, read_fleet
from meta_pipeline.severity import SEVERITIES, Severity

MAX_BYTES = 900 * 1024
"""Largest summary that is written; GitHub refuses one of more than a mebibyte."""
MAX_ROWS = 200
"""Rows of each table."""
MAX_TEXT = 400
"""Characters of each cell."""

_STATUS_TYPES = ("failing", "stalled", "late", "partial", "unreachable")
_FINDINGS = "select severity, alert_type, subject, summary, run_url from {}"
# What Markdown, or GitHub after it, would make something of: marks, tables, sums, addresses.
_MARKS = re.compile(r"[\\`*_\[\]()!|~:.$]")
# GitHub looks for people and issues in what Markdown left as text.
_CALLS = re.compile(r"[@#](?=\w)")


@dataclass(frozen=True)
class OpenFinding:
    """A row of `alerts`."""

    severity: Severity
    alert_type: str
    subject: str
    summary: str
    run_url: str | None


def read_findings(home: Home) -> tuple[FleetStatus, list[OpenFinding]]:
    """Reads the fleet, and the open findings that are no pipeline's status.

    Args:
        home: Where the marts live.

    Raises:
        ConfigurationError: The home's credentials are not usable.
        HomeError: The marts are not there yet, or the home cannot be opened.
    """
    with open_home(home) as session:
        fleet = read_fleet(session, home)
        rows = session.rows(_FINDINGS.format(session.relation(MARTS_DATASET, "alerts")))
    findings = [OpenFinding(*row) for row in rows]
    others = [item for item in findings if item.alert_type not in _STATUS_TYPES]
    return fleet, sorted(others, key=lambda item: (-SEVERITIES.index(item.severity), item.subject, item.summary))


def markdown_of(fleet: FleetStatus, findings: Sequence[OpenFinding]) -> str:
    """Returns what is wrong as Markdown of bounded size, in which no name does anything but stand there.

    Args:
        fleet: The fleet.
        findings: Open findings that are no pipeline's status.
    """
    wrong = [item for item in fleet.pipelines if item.severity != "info"]
    notable = [item for item in findings if item.severity != "info"]
    parts = ["## meta-pipeline", fleet.summary()]
    if not wrong and not fleet.uncovered and not notable:
        parts.append("Nothing is wrong.")
    if wrong:
        cells = [(item.status, escaped(item.full_name), escaped(item.reason), _advice(item)) for item in wrong]
        parts.append(_table("Pipelines", ("Status", "Pipeline", "Why", "What to do"), cells))
    if fleet.uncovered:
        parts.append(_table("Not read", ("What",), [(escaped(line),) for line in fleet.uncovered_lines]))
    if notable:
        cells = [
            (item.severity, item.alert_type.replace("_", " "), escaped(item.subject), escaped(item.summary))
            for item in notable
        ]
        parts.append(_table("Open findings", ("Severity", "Type", "Of", "What"), cells))
    if len(findings) > len(notable):
        parts.append(f"{counted(len(findings) - len(notable), 'finding')} for information only: mart `alerts`.")
    return _bounded("\n\n".join(parts))


def escaped(text: str) -> str:
    """Returns a text that Markdown shows as it is: in one line, without markup, links or mentions, of bounded length.

    Args:
        text: The text, which may come from anybody.
    """
    visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 4 * MAX_TEXT])
    line = " ".join(visible.split())
    line = line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"
    quiet = _CALLS.sub(lambda found: f"{found.group()}\N{ZERO WIDTH SPACE}", line)
    return _MARKS.sub(lambda found: f"&#{ord(found.group())};", html.escape(quiet, quote=False))


def _advice(pipeline: PipelineStatus) -> str:
    return what_to_do(pipeline.status, is_captured=True)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(row) for row in rows[:MAX_ROWS]]
    more = f"\n\n... and {len(rows) - MAX_ROWS} more: `meta-pipeline status`" if len(rows) > MAX_ROWS else ""
    return f"### {title}\n\n" + "\n".join(f"| {line} |" for line in lines) + more


def _bounded(text: str) -> str:
    """Cuts a text of more than the largest size at the end of a line."""
    if len(text.encode()) <= MAX_BYTES:
        return text
    kept = text.encode()[:MAX_BYTES].decode(errors="ignore").rpartition("\n")[0]
    return f"{kept}\n\n... cut off: `meta-pipeline status` shows all"
