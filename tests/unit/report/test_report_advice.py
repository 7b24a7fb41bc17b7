from __future__ import annotations

from pathlib import Path

import pytest

from meta_pipeline.report.advice import what_to_do
from meta_pipeline.report.status import STATUSES


@pytest.mark.parametrize("status", STATUSES)
def test_there_is_something_to_do_about_every_status(status: str) -> None:
    assert what_to_do(status, is_captured=True).endswith(".")


def test_the_documentation_says_the_same() -> None:
    page = (Path(__file__).parents[3] / "docs" / "terminal.md").read_text(encoding="utf-8")

    assert [
        status for status in STATUSES if f"| `{status}` | {what_to_do(status, is_captured=True)} |" not in page
    ] == []


def test_a_pipeline_that_is_late_and_not_captured_may_have_failed() -> None:
    assert "failed" in what_to_do("late", is_captured=False)
    assert "failed" not in what_to_do("late", is_captured=True)
