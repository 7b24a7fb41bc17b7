from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import date, datetime, timedelta, timezone

import pytest
from rich.cells import cell_len

from meta_pipeline.report.advice import what_to_do
from meta_pipeline.report.explanations import explain
from meta_pipeline.report.pipelines import DAY_COUNT, DayVolume, PipelineDetail, RunSummary, volume_by_day
from meta_pipeline.report.screens import print_details, print_explanation
from tests.unit.report.fleets import NOON, evidence, pipeline

HOSTILE = "\x1b[31m[bold]x[/bold]\u202e" + "y" * 500
SINCE = "since 2026-02-01 06:00 UTC"


def run(outcome: str | None, **failure: str) -> RunSummary:
    whole = {"failed_step": None, "exception_type": None, "message": None, "orchestrator": "cron", "run_url": None}
    return RunSummary("r", NOON, 61.5, outcome, 1_234, **{**whole, **failure})


def detail(name: str | None = "orders", **changes: object) -> PipelineDetail:
    failed = run(
        "failed", failed_step="extract", exception_type="KeyError", message="no such key", run_url="https://ci/1"
    )
    values: dict[str, object] = {
        "orchestrators": "cron",
        "runs": [failed, run("with_failed_jobs"), run(None)],
        "last_failure": failed,
        "volume": [DayVolume(date(2026, 1, 30), 1, 50), DayVolume(date(2026, 1, 31), 0, None)],
        "advice": what_to_do("failing", is_captured=True),
        **changes,
    }
    return PipelineDetail(pipeline=pipeline("failing", name), **values)  # type: ignore[arg-type]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(write: Callable[[], None]) -> list[str]:
    """Returns what a terminal of 80 columns shows."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(Terminal()) as stream:
        for name, value in {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "xterm"}.items():
            patch.setenv(name, value)
        write()
    return [line.rstrip() for line in re.sub("\x1b\\[[0-9;]*m", "", stream.getvalue()).splitlines()]


def test_a_pipeline_from_near_fits_80_columns() -> None:
    lines = shown(lambda: print_details([detail()], NOON))

    assert max(map(cell_len, lines)) <= 80
    assert lines[1] == f"orders  failing  {SINCE}"
    assert "Volume        █· rows a day, 2 days (· no load); 50 rows on 2026-01-30" in lines
    assert "Last failure  2026-02-01 12:00 UTC in extract: KeyError: no such key" in lines
    assert "Its page      https://ci/1" in lines
    assert [re.split("  +", line.strip()) for line in lines if line.startswith(" 2026")] == [
        ["2026-02-01 12:00", "1 min 1 s", "failed", "1,234", "extract: KeyError"],
        ["2026-02-01 12:00", "1 min 1 s", "with failed jobs", "1,234"],
        ["2026-02-01 12:00", "1 min 1 s", "running", "1,234"],
    ]


def test_what_is_not_known_has_no_line() -> None:
    lines = shown(
        lambda: print_details([detail(None, runs=[], last_failure=None, orchestrators=None, volume=[])], NOON)
    )

    assert lines[1] == f"(unknown)  failing  {SINCE}"
    assert not [line for line in lines if line.startswith(("Last failure", "Its page", "Runs on", " Run of"))]
    assert "Volume        no load in 0 days" in lines


def test_loads_are_drawn_where_no_rows_are_known() -> None:
    days = [DayVolume(date(2026, 1, 30), 3, None), DayVolume(date(2026, 1, 31), 1, None)]

    lines = shown(lambda: print_details([detail(volume=days)], NOON))

    assert "Volume        █▃ loads a day, 2 days (· no load); 1 load on 2026-01-31" in lines


def test_an_explanation_fits_80_columns_and_marks_what_decides() -> None:
    lines = shown(lambda: print_explanation(explain(pipeline("late"), evidence("late", "new"))))

    assert max(map(cell_len, lines)) <= 80
    assert lines[1] == f"orders  late  {SINCE}"
    assert "tolerance                 1 h  pipeline_health.tolerance_seconds" in lines
    assert [line.split(":")[0] for line in lines if re.match(r"(failing|late|partial|new) ", line)] == [
        "failing       no",
        "late          YES",
        "partial       no",
        "new           would hold too",
    ]


def test_hostile_names_do_not_steer_the_terminal() -> None:
    hostile = detail(HOSTILE, runs=[run("failed", exception_type=HOSTILE, message=HOSTILE)])

    text = "\n".join(
        shown(lambda: print_details([hostile], NOON))
        + shown(lambda: print_explanation(explain(pipeline("late", HOSTILE), evidence("late"))))
    )

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]x[/bold]" in text
    assert max(map(cell_len, text.splitlines())) <= 80


def test_elsewhere_each_fact_is_a_line_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_details([detail()], NOON)
    print_explanation(explain(pipeline("late"), evidence("late")))

    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["Pipeline", "What", "Value"]
    assert [
        "pg.crm.orders",
        "Run",
        "2026-02-01 12:00, 1 min 1 s, failed, 1,234, extract: KeyError, https://ci/1",
    ] in lines
    heading = lines.index(["Question", "What", "Answer", "From"])
    assert {len(line) for line in lines[:heading]} == {3}
    assert {len(line) for line in lines[heading:]} == {4}


def test_loads_are_added_up_by_day() -> None:
    first = date(2026, 1, 1)
    at = datetime(2026, 1, 1, 23, 59, tzinfo=timezone.utc)

    days = volume_by_day([(at, 5), (at, None), (at + timedelta(minutes=1), None)], first)

    assert len(days) == DAY_COUNT
    assert days[:3] == [
        DayVolume(first, 2, 5),
        DayVolume(date(2026, 1, 2), 1, None),
        DayVolume(date(2026, 1, 3), 0, None),
    ]
