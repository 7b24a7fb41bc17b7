from __future__ import annotations

import re

import pytest

from meta_pipeline.report.markdown import MAX_BYTES, MAX_ROWS, MAX_TEXT, OpenFinding, escaped, markdown_of
from meta_pipeline.report.status import Uncovered
from tests.unit.report.fleets import fleet, pipeline

LINK = "[click](https://evil.example)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders", "orders"),
        ("a | b", "a &#124; b"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert&#40;1&#41;&lt;/script&gt;"),
        ("two\nlines\u202e", "two lines"),
        ("&amp;", "&amp;amp;"),
        ("@team #1", "@\u200bteam #\u200b1"),
        (LINK, "&#91;click&#93;&#40;https&#58;//evil&#46;example&#41;"),
        ("`code` *b* _i_ ~s~ $x$", "&#96;code&#96; &#42;b&#42; &#95;i&#95; &#126;s&#126; &#36;x&#36;"),
    ],
)
def test_names_are_shown_as_they_are_and_do_nothing(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_a_long_name_is_cut() -> None:
    assert escaped("x" * 10_000) == "x" * (MAX_TEXT - 1) + "…"


def test_what_is_wrong_is_told_worst_first_and_what_is_well_is_not() -> None:
    text = markdown_of(
        fleet(
            [pipeline("failing", "a|b"), pipeline("late", LINK), pipeline("healthy", "fine")],
            [Uncovered("lake", None, "unreachable", "lake: no answer")],
        ),
        [
            OpenFinding("warning", "volume", "orders", "0 rows; expected about 90", None),
            OpenFinding("info", "schema_change", "orders", "a column was added", None),
        ],
    )

    lines = text.splitlines()
    assert lines[2].startswith("1 failing, 1 late, 1 healthy in 1 dataset")
    assert [line.split(" | ")[0] for line in lines if line.startswith("| ")] == [
        *("| Status", "| ---", "| failing", "| late"),
        *("| What |", "| --- |", "| unreachable&#58; lake&#58; no answer |"),
        *("| Severity", "| ---", "| warning"),
    ]
    assert lines[-1] == "1 finding for information only: mart `alerts`."
    assert "fine" not in text
    assert LINK not in text
    assert {len(re.findall(r" \| ", line)) for line in lines if line.startswith(("| failing", "| late"))} == {3}


def test_a_fleet_that_is_well_says_so() -> None:
    assert markdown_of(fleet([pipeline("healthy")]), []).endswith("Nothing is wrong.")


def test_a_summary_of_any_fleet_is_smaller_than_what_is_allowed() -> None:
    hostile = "&<|`" * 1_000
    pipelines = [pipeline("failing", f"{number}{hostile}", reason=hostile) for number in range(2_000)]
    findings = [OpenFinding("warning", "volume", hostile, hostile, None)] * 2_000
    uncovered = [Uncovered(hostile, str(number), "locked", f"{number}{hostile}") for number in range(2_000)]

    text = markdown_of(fleet(pipelines, uncovered), findings)

    assert len(text.encode()) < 1024 * 1024
    assert f"... and {2_000 - MAX_ROWS} more" in text
    assert len(text.encode()) <= MAX_BYTES + 100
