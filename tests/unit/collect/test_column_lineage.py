"""What columns are made of: each query in `tests/fixtures/column_lineage/` with what is expected of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from meta_pipeline.collect.column_lineage import (
    WHOLE_RELATION,
    QueryLineage,
    Relation,
    UnreadableQueryError,
    trace_query,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "column_lineage"
COLUMNS = {
    Relation("", "raw", "orders"): ["id", "customer_id", "amount", "email", "status", "items", "payload"],
    Relation("", "raw", "customers"): ["id", "name", "email", "parent_id"],
}
OWN = Relation("lab", "main", "own")


class Case(NamedTuple):
    """A query and what its columns are made of, as it stands in a file."""

    title: str
    dialect: str
    query: str
    expected: list[str]


def _cases() -> Iterator[Case]:
    for file in sorted(FIXTURES.glob("*.sql")):
        for block in file.read_text(encoding="utf-8").split("\n\n"):
            heading, *lines = block.strip().splitlines()
            title, dialect = re.fullmatch(r"-- (.*) \[(\w+)\]", heading).groups()  # type: ignore[union-attr]
            query = "\n".join(line for line in lines if not line.startswith("-->"))
            yield Case(title, dialect, query.rstrip(";"), [line for line in lines if line.startswith("-->")])


CASES = list(_cases())


def _written(lineage: QueryLineage) -> list[str]:
    lines = []
    for column in lineage.columns:
        made_of = [
            f"{edge.transformation}{' masked' if edge.is_masked else ''} {edge.source.identifier}.{edge.from_column}"
            for edge in lineage.edges
            if edge.to_column == column.name
        ]
        state = [] if column.state == "traced" else [column.state]
        lines.append(f"--> {column.name}: {'; '.join([*state, *([', '.join(made_of)] if made_of else [])])}")
    rows = [
        f"{edge.source.identifier}.{edge.from_column}" for edge in lineage.edges if edge.to_column == WHOLE_RELATION
    ]
    return [*lines, f"--> rows: {', '.join(rows)}"] if rows else lines


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_columns_are_traced_to_what_they_are_made_of(case: Case) -> None:
    assert _written(trace_query(case.query, case.dialect, COLUMNS)) == case.expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select 'secret' from raw.orders where (", "cannot be parsed at line 1"),
        ("select 'secret", "cannot be parsed"),
        ("delete from raw.orders where email = 'secret'", "is no query but delete"),
        ("values ('secret')", "is no query but values"),
        ("", "cannot be parsed"),
    ],
)
def test_what_is_not_understood_is_told_without_a_word_of_the_query(query: str, words: str) -> None:
    with pytest.raises(UnreadableQueryError) as told:
        trace_query(query, "duckdb", COLUMNS)

    assert words in str(told.value)
    assert "secret" not in str(told.value)


def test_a_query_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(UnreadableQueryError):
        trace_query("select " + "(" * 20_000 + "1" + ")" * 20_000, "duckdb", COLUMNS)


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("lab.main.t", Relation("lab", "main", "t")),
        ("main.t", Relation("lab", "main", "t")),
        ("t", Relation("lab", "main", "t")),
        ("other.t", Relation("lab", "other", "t")),
        ("far.main.t", Relation("far", "main", "t")),
    ],
)
def test_a_table_whose_name_is_not_whole_is_looked_for_where_the_model_stands(named: str, meant: Relation) -> None:
    lineage = trace_query(f"select a from {named}", "duckdb", {}, OWN)

    assert [edge.source for edge in lineage.edges] == [meant]


def test_functions_on_the_way_are_named() -> None:
    lineage = trace_query("select count(distinct lower(email)) as n from raw.orders", "duckdb", COLUMNS)

    assert [edge.functions for edge in lineage.edges] == [("count", "lower")]
