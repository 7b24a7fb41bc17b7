"""How the rows of a table are traced to the load that brought them.

Root tables carry ``_dlt_load_id``. Nested tables do not: their rows are joined to the root's by ``_dlt_root_id`` where
dlt keeps it (merge), else from parent to parent by ``_dlt_parent_id``. Nested tables are named after their parents,
``orders__items__taxes``, or ``orders▶items▶taxes`` by the naming ``direct``; names that dlt had to shorten cannot be
traced and are not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LOAD_ID_COLUMN = "_dlt_load_id"
ROW_ID_COLUMN = "_dlt_id"
PARENT_COLUMN = "_dlt_parent_id"
ROOT_COLUMN = "_dlt_root_id"
LINK_COLUMNS = (LOAD_ID_COLUMN, ROW_ID_COLUMN, PARENT_COLUMN, ROOT_COLUMN)
SEPARATOR = re.compile("__|▶")


@dataclass(frozen=True)
class Step:
    """A join from a table to the one above it.

    Args:
        link: Column of the lower table that names the row above.
        table: The table above.
        key: The column of the table above that is named.
    """

    link: str
    table: str
    key: str


@dataclass(frozen=True)
class CountPath:
    """A table whose rows can be counted by load id.

    Args:
        table: The table.
        steps: Joins up to the table that carries the load id; empty for root tables.
        load_id: That table's column with the load id.
    """

    table: str
    steps: tuple[Step, ...]
    load_id: str


def count_paths(tables: Mapping[str, Mapping[str, str]]) -> Iterator[CountPath]:
    """Finds how each table's rows are counted by load id.

    Args:
        tables: By table the physical names of its link columns, keyed by their lower-case form.

    Yields:
        A path for each table that leads to a load id; dlt's own tables are left out.
    """
    for table, columns in sorted(tables.items()):
        if table.lower().startswith("_dlt_"):
            continue
        if LOAD_ID_COLUMN in columns:
            yield CountPath(table, (), columns[LOAD_ID_COLUMN])
        elif path := _nested_path(table, tables):
            yield path


def _nested_path(table: str, tables: Mapping[str, Mapping[str, str]]) -> CountPath | None:
    return _path_to_root(table, tables) or _path_through_parents(table, tables)


def _path_to_root(table: str, tables: Mapping[str, Mapping[str, str]]) -> CountPath | None:
    link = tables[table].get(ROOT_COLUMN)
    for above in _ancestors(table, tables):
        key, load_id = tables[above].get(ROW_ID_COLUMN), tables[above].get(LOAD_ID_COLUMN)
        if link and key and load_id:
            return CountPath(table, (Step(link, above, key),), load_id)
    return None


def _path_through_parents(table: str, tables: Mapping[str, Mapping[str, str]]) -> CountPath | None:
    steps: list[Step] = []
    below = table
    for above in _ancestors(table, tables):
        link, key = tables[below].get(PARENT_COLUMN), tables[above].get(ROW_ID_COLUMN)
        if link is None or key is None:
            continue
        steps.append(Step(link, above, key))
        if load_id := tables[above].get(LOAD_ID_COLUMN):
            return CountPath(table, tuple(steps), load_id)
        below = above
    return None


def _ancestors(table: str, tables: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for separator in reversed([*SEPARATOR.finditer(table)]):
        name = table[: separator.start()]
        if name in tables:
            yield name
