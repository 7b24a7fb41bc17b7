from __future__ import annotations

import pytest

from meta_pipeline.report.lineage import Coverage, ProjectCoverage


def _project(outcome: str, coverage: float | None) -> ProjectCoverage:
    return ProjectCoverage("shop", "m.json", outcome, None, 10, 8, 1, 1, 30, 1, 3, 3, 0, coverage)


@pytest.mark.parametrize(
    ("outcome", "coverage", "minimum", "is_below"),
    [
        ("read", 0.8, None, False),
        ("read", 0.8, 0.8, False),
        ("read", 0.8, 0.81, True),
        ("read", None, 1, False),
        ("unreadable", None, 0, True),
        ("missing", 1.0, 0.5, True),
        ("missing", 1.0, None, False),
    ],
)
def test_a_project_is_below_a_minimum_where_less_is_known_or_it_was_not_read(
    outcome: str, coverage: float | None, minimum: float | None, is_below: bool
) -> None:
    project = _project(outcome, coverage)

    assert project.is_below(minimum) == is_below
    assert Coverage([project], []).below(minimum) == ([project] if is_below else [])
