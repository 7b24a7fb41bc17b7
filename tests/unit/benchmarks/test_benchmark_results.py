from dataclasses import replace
from pathlib import Path

import pytest

import benchmarks
from benchmarks import capture
from benchmarks.measure import Series, Usage
from benchmarks.parts import (
    COLLECT_AGAIN,
    COLLECT_FIRST,
    COPY,
    DBT_START,
    EMPTY_RUN,
    SQL_DATABASE_EACH,
    SQL_DATABASE_MERGED,
    TRANSFORM_AGAIN,
    TRANSFORM_FIRST,
)
from benchmarks.results import (
    END_MARK,
    START_MARK,
    Results,
    markdown_table,
    replace_between_marks,
    results_text,
    verdicts,
)
from benchmarks.user_folder import Collected
from benchmarks.warehouse import copy_text, database_url

SECONDS = {
    SQL_DATABASE_EACH: 40.0,
    SQL_DATABASE_MERGED: 30.0,
    COPY: 1.0,
    COLLECT_FIRST: 5.0,
    COLLECT_AGAIN: 3.0,
    EMPTY_RUN: 1.0,
    TRANSFORM_FIRST: 20.0,
    TRANSFORM_AGAIN: 6.0,
    DBT_START: 4.0,
}
ROWS = {"schema_version_tables": 50, "schema_tables": 50, "schema_columns": 1_000}


def series(*seconds, peak=10**8):
    return Series(tuple(Usage(value, value / 2, peak) for value in seconds))


@pytest.fixture
def results():
    collected = {name: Collected(20, 12, 4, ROWS) for name in ("few", "fleet", "tenants", "one tenant")}
    return Results({name: series(seconds) for name, seconds in SECONDS.items()}, collected)


def slower(results, name, seconds):
    return replace(results, series={**results.series, name: series(seconds)})


def outcomes(results):
    return {verdict.aim: verdict.is_met for verdict in verdicts(results)}


def missed(results):
    return [aim for aim, is_met in outcomes(results).items() if is_met is False]


def test_aims_that_are_just_reached_are_met(results):
    assert missed(results) == []


def test_an_aim_without_a_figure_is_neither_met_nor_missed(results):
    assert [aim for aim, is_met in outcomes(results).items() if is_met is None] == [
        "Transform with nothing new close to dbt's own start"
    ]


@pytest.mark.parametrize(
    ("name", "seconds", "word"),
    [
        (SQL_DATABASE_EACH, 29.9, "copying the same tables"),
        (SQL_DATABASE_MERGED, 29.9, "into 3 tables"),
        (COPY, 0.49, "COPY"),
        (COLLECT_AGAIN, 3.1, "empty resource"),
        (TRANSFORM_FIRST, 30.1, "30 s"),
    ],
)
def test_an_aim_that_is_just_not_reached_is_missed(results, name, seconds, word):
    (aim,) = missed(slower(results, name, seconds))
    assert word in aim


def test_memory_is_the_highest_peak_of_all_runs():
    peaks = Series((Usage(1, 1, 10**8), Usage(1, 1, 2 * 10**9), Usage(1, 1, 10**8)))
    (verdict,) = verdicts(Results({COLLECT_FIRST: peaks}))
    assert verdict.measured == "2,000 MB"
    assert verdict.is_met is False


def test_queries_that_grow_with_the_datasets_miss_the_aim(results):
    grown = replace(results.collected["tenants"], repeated_queries=9)
    assert len(missed(replace(results, collected={**results.collected, "tenants": grown}))) == 1


def test_content_stored_twice_misses_the_aim(results):
    doubled = replace(results.collected["tenants"], rows={**ROWS, "schema_columns": 2_000})
    assert len(missed(replace(results, collected={**results.collected, "tenants": doubled}))) == 1


def test_what_was_not_measured_is_not_judged():
    assert list(verdicts(Results({COPY: series(1.0)}))) == []


def test_seconds_are_the_median_and_every_run_is_told():
    text = results_text(Results({COPY: series(1.0, 9.0, 2.0)}))
    assert "| COPY into a null sink | 2.00 | 1.00, 9.00, 2.00 | 1.00 | 100 |" in text


def test_a_missed_aim_is_said_so(results):
    text = results_text(slower(results, TRANSFORM_FIRST, 31.0))
    assert "| Full transform at most 30 s | 31.0 s | **no** |" in text


def test_a_table_has_a_row_for_each():
    assert markdown_table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_only_what_is_between_the_marks_is_replaced():
    page = f"before\n{START_MARK}\nold\n{END_MARK}\nafter\n"
    assert replace_between_marks(page, "new") == f"before\n{START_MARK}\nnew\n{END_MARK}\nafter\n"


@pytest.mark.parametrize("page", ["", START_MARK, END_MARK])
def test_a_page_without_marks_is_refused(page):
    with pytest.raises(ValueError, match="needs the marks"):
        replace_between_marks(page, "new")


def test_the_readme_has_the_marks():
    page = Path(benchmarks.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert "new" in replace_between_marks(page, "new")


def test_copy_text_escapes_what_copy_takes_for_its_own():
    assert copy_text([(1, "a\tb"), (2, "c\\d\ne\rf")]) == "1\ta\\tb\n2\tc\\\\d\\ne\\rf\n"


def test_database_url_keeps_everything_but_the_database():
    assert database_url("postgresql://u:p@host:5/postgres", "fleet") == "postgresql://u:p@host:5/fleet"


def test_what_the_plugin_adds_is_the_median_of_differences():
    runs = {"without": [100.0, 300.0, 110.0], "with": [103.0, 301.0, 115.0], "inside": [1.0, 2.0, 1.5]}
    text = capture.results_text([{"dlt": 500.0, "plugin": 2.0}, {"dlt": 700.0, "plugin": 4.0}], runs)

    assert text.splitlines()[2:] == [
        "| import, 2 processes | 600.0 | 603.0 | 3.0 | < 20 |",
        "| run, 3 of each | 110.0 | 115.0 | 3.0 | < 5 |",
        "| of it in the plugin's hooks |  |  | 1.5 |  |",
    ]


def test_the_page_of_the_plugin_has_a_place_for_it():
    page = capture.PAGE.read_text(encoding="utf-8")

    assert "anything" in replace_between_marks(page, "anything")
