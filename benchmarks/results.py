"""What came out, what was aimed at, and both as text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import CHECKOUT, Series
from benchmarks.parts import (
    COLLECT_AGAIN,
    COLLECT_CAPTURED,
    COLLECT_CAPTURED_AGAIN,
    COLLECT_FIRST,
    COPY,
    DBT_START,
    EMPTY_RUN,
    SQL_DATABASE_EACH,
    SQL_DATABASE_MERGED,
    TRANSFORM_AGAIN,
    TRANSFORM_CAPTURED,
    TRANSFORM_CAPTURED_AGAIN,
    TRANSFORM_CAPTURED_FEW,
    TRANSFORM_FIRST,
)
from benchmarks.user_folder import CONTENT_TABLES, Collected

MEGABYTE, GIGABYTE = 10**6, 10**9
START_MARK, END_MARK = "<!-- measured: begin -->", "<!-- measured: end -->"

TITLES = {
    SQL_DATABASE_EACH: "`sql_database`, pyarrow, parallelized: into as many tables",
    SQL_DATABASE_MERGED: "`sql_database`, pyarrow, parallelized: into 3 tables",
    COPY: "COPY into a null sink",
    COLLECT_FIRST: "**`meta-pipeline collect`, first**",
    COLLECT_AGAIN: "**`meta-pipeline collect`, nothing new**",
    EMPTY_RUN: "dlt run of one empty resource",
    TRANSFORM_FIRST: "**`meta-pipeline transform`, first**",
    TRANSFORM_AGAIN: "**`meta-pipeline transform`, nothing new**",
    COLLECT_CAPTURED: "**`meta-pipeline collect`, captured runs**",
    COLLECT_CAPTURED_AGAIN: "**`meta-pipeline collect`, captured runs, nothing new**",
    TRANSFORM_CAPTURED: "**`meta-pipeline transform`, captured runs**",
    TRANSFORM_CAPTURED_AGAIN: "**`meta-pipeline transform`, captured runs, nothing new**",
    TRANSFORM_CAPTURED_FEW: "**`meta-pipeline transform`, one more captured run of each pipeline**",
    DBT_START: "dbt's own start: the same project, no model selected",
}


@dataclass(frozen=True)
class Results:
    """All that was measured in one run.

    Args:
        series: The runs of each program.
        collected: What collections of several sizes stored.
    """

    series: Mapping[str, Series]
    collected: Mapping[str, Collected] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """An aim and what became of it.

    Args:
        aim: What was aimed at.
        measured: What came out.
        is_met: Whether the aim was met; None where the aim has no figure.
    """

    aim: str
    measured: str
    is_met: bool | None


def verdicts(results: Results) -> Iterator[Verdict]:
    """Yields the aims of which everything was measured."""
    for needed, judge in _SERIES_AIMS:
        if all(name in results.series for name in needed):
            yield judge(*(results.series[name] for name in needed))
    for needed, judge_collected in _COLLECTED_AIMS:
        if all(name in results.collected for name in needed):
            yield judge_collected(*(results.collected[name] for name in needed))


def results_text(results: Results) -> str:
    """Returns the results as two tables in Markdown."""
    usages = [
        (TITLES[name], _seconds(series.wall_seconds), _range(series), _seconds(series.cpu_seconds), _memory(series))
        for name, series in results.series.items()
    ]
    return "\n\n".join(
        [
            markdown_table(("Program", "seconds", "all runs", "CPU seconds", "peak MB"), usages),
            aims_table(verdicts(results)),
        ]
    )


def aims_table(found: Iterable[Verdict]) -> str:
    """Returns aims, and what became of them, as a table in Markdown."""
    return markdown_table(("Aim", "Measured", "Met"), [(item.aim, item.measured, _word(item.is_met)) for item in found])


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replace_between_marks(page: str, text: str) -> str:
    """Returns a page with another text between its marks.

    Args:
        page: The page.
        text: The new text.

    Raises:
        ValueError: The page does not have both marks.
    """
    before, start, rest = page.partition(START_MARK)
    _, end, after = rest.partition(END_MARK)
    if not (start and end):
        raise ValueError(f"the page needs the marks {START_MARK} and {END_MARK}")
    return f"{before}{start}\n{text}\n{end}{after}"


def write_measured(page: Path, text: str) -> None:
    """Writes what was measured between the marks of a page, and says so.

    Args:
        page: The page.
        text: What was measured.

    Raises:
        ValueError: The page does not have both marks.
    """
    page.write_text(replace_between_marks(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    print(f"Written into {page.relative_to(CHECKOUT)}.", file=sys.stderr)


def _judge_against_sql_database(ours: Series, peer: Series) -> Verdict:
    ratio = peer.wall_seconds / ours.wall_seconds
    aim = "First collection at least 6x faster than `sql_database` copying the same tables"
    return Verdict(aim, _times(ratio), ratio >= 6)


def _judge_against_merging(ours: Series, peer: Series) -> Verdict:
    ratio = peer.wall_seconds / ours.wall_seconds
    return Verdict("… than `sql_database` writing all of them into 3 tables", _times(ratio), ratio >= 6)


def _judge_against_copy(ours: Series, copy: Series) -> Verdict:
    ratio = ours.wall_seconds / copy.wall_seconds
    return Verdict("First collection at most 10x a COPY into a null sink", _times(ratio), ratio <= 10)


def _judge_memory(ours: Series) -> Verdict:
    return Verdict("First collection under 1 GB of memory", f"{_memory(ours)} MB", ours.peak_bytes < GIGABYTE)


def _judge_against_empty_run(again: Series, empty: Series) -> Verdict:
    ratio = again.wall_seconds / empty.wall_seconds
    aim = "Collection with nothing new at most 3x a dlt run of one empty resource"
    return Verdict(aim, _times(ratio), ratio <= 3)


def _judge_transform(first: Series) -> Verdict:
    seconds = f"{_seconds(first.wall_seconds)} s"
    return Verdict("Full transform at most 30 s", seconds, first.wall_seconds <= 30)


def _judge_against_dbt(again: Series, start: Series) -> Verdict:
    more = again.wall_seconds - start.wall_seconds
    ratio = again.wall_seconds / start.wall_seconds
    return Verdict(
        "Transform with nothing new close to dbt's own start",
        f"{_times(ratio)}, {_seconds(more)} s more",
        None,
    )


def _judge_captured(captured: Series, again: Series) -> Verdict:
    more = captured.wall_seconds - again.wall_seconds
    return Verdict("What captured runs add to a transform with nothing new", f"{_seconds(more)} s", None)


def _judge_queries(*collected: Collected) -> Verdict:
    told = [
        f"{item.repeated_queries} ({item.first_queries} at first) for {item.datasets:,} datasets" for item in collected
    ]
    return Verdict(
        "Number of queries with nothing new does not depend on the number of datasets",
        "; ".join(told),
        len({item.repeated_queries for item in collected}) == 1,
    )


def _judge_content(tenants: Collected, one: Collected) -> Verdict:
    stored = ", ".join(f"{tenants.rows[table]:,} in {table}" for table in CONTENT_TABLES)
    return Verdict(
        f"{tenants.datasets:,} datasets with one schema hash: content stored once",
        f"{stored}; of one dataset alone {', '.join(f'{one.rows[table]:,}' for table in CONTENT_TABLES)}",
        all(tenants.rows[table] == one.rows[table] for table in CONTENT_TABLES),
    )


_SERIES_AIMS: tuple[tuple[tuple[str, ...], Callable[..., Verdict]], ...] = (
    ((COLLECT_FIRST, SQL_DATABASE_EACH), _judge_against_sql_database),
    ((COLLECT_FIRST, SQL_DATABASE_MERGED), _judge_against_merging),
    ((COLLECT_FIRST, COPY), _judge_against_copy),
    ((COLLECT_FIRST,), _judge_memory),
    ((COLLECT_AGAIN, EMPTY_RUN), _judge_against_empty_run),
    ((TRANSFORM_FIRST,), _judge_transform),
    ((TRANSFORM_AGAIN, DBT_START), _judge_against_dbt),
    ((TRANSFORM_CAPTURED_AGAIN, TRANSFORM_AGAIN), _judge_captured),
)
_COLLECTED_AIMS: tuple[tuple[tuple[str, ...], Callable[..., Verdict]], ...] = (
    (("few", "fleet", "tenants"), _judge_queries),
    (("tenants", "one tenant"), _judge_content),
)


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}x"


def _range(series: Series) -> str:
    return ", ".join(_seconds(run.wall_seconds) for run in series.runs)


def _memory(series: Series) -> str:
    return f"{series.peak_bytes / MEGABYTE:,.0f}"


def _word(is_met: bool | None) -> str:
    return "no figure set" if is_met is None else "yes" if is_met else "**no**"
