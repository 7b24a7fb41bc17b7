"""Analyses the models of a dbt project, each after what it reads, so that no catalogue is asked for columns."""

from __future__ import annotations

import gc
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version

from meta_pipeline.collect.column_lineage import (
    ColumnEdge,
    OutputColumn,
    Relation,
    UnreadableQueryError,
    trace_query,
)
from meta_pipeline.collect.dbt_manifest import DbtNode, DbtProject
from meta_pipeline.collect.outcomes import digest_of

RULES_VERSION = 1
"""Changes with the rules of the analysis, so that what an earlier one made is not kept."""

SQLGLOT_VERSION = version("sqlglot")

DIALECTS: Mapping[str, str] = {
    **{
        name: name
        for name in (
            *("athena", "bigquery", "clickhouse", "databricks", "doris", "dremio", "duckdb", "exasol", "fabric"),
            *("materialize", "mysql", "oracle", "postgres", "redshift", "risingwave", "singlestore", "snowflake"),
            *("spark", "sqlite", "starrocks", "teradata", "trino"),
        )
    },
    "sqlserver": "tsql",
    "synapse": "tsql",
    "fabricspark": "spark",
    "glue": "spark",
}
"""sqlglot's dialect by dbt's adapter."""

NOT_COMPILED = "not compiled; run dbt compile"
NOT_SQL = "a Python model, whose code is not analysed"

_WORD = re.compile(r"\w+")
_SNAPSHOT_COLUMNS = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")


@dataclass(frozen=True)
class Analysis:
    """What came of the analysis of a model.

    Args:
        analysis_hash: Hash of the model and of all that the analysis depends on.
        error: Why it failed; None where it did not.
        columns: The model's columns, in order.
        edges: What they are made of; empty for an analysis that is known from before.
        declared: The relations that dbt knows the model to read.
        is_new: Whether it was made just now.
    """

    analysis_hash: str
    error: str | None
    columns: tuple[OutputColumn, ...]
    edges: tuple[ColumnEdge, ...] = ()
    declared: frozenset[Relation] = frozenset()
    is_new: bool = True


@dataclass(frozen=True)
class _Input:
    """What a model may read.

    Args:
        columns: Relations with their columns, as far as they are known.
        declared: Those of them that dbt knows.
    """

    columns: Mapping[Relation, Sequence[str]]
    declared: frozenset[Relation]

    @property
    def digest(self) -> str:
        """Returns a hash of it."""
        named = [[name.database, name.schema, name.identifier, found] for name, found in sorted(self.columns.items())]
        return digest_of(named)


def analyse_project(
    project: DbtProject, observed: Mapping[Relation, Sequence[str]], known: Mapping[str, Analysis]
) -> dict[str, Analysis]:
    """Analyses the models and snapshots of a project.

    Args:
        project: The project.
        observed: Columns of the tables that dlt loaded, by schema and table (their database is empty).
        known: Analyses from before, by their hash.

    Returns:
        The analyses by unique id.
    """
    dialect = DIALECTS.get(project.adapter_type)
    analyses: dict[str, Analysis] = {}
    columns: dict[str, Sequence[str]] = {}
    by_word = _by_identifier(observed)
    with _garbage_collected_by_hand() as collect_garbage:
        for unique_id in _in_order(project.nodes):
            node = project.nodes[unique_id]
            if node.resource_type in ("model", "snapshot"):
                reads = _input_of(node, project, columns, observed, by_word)
                analyses[unique_id] = _analysis(node, dialect, project.adapter_type, reads, known)
                collect_garbage()
            columns[unique_id] = _columns_of(node, analyses.get(unique_id), observed)
    return analyses


@contextmanager
def _garbage_collected_by_hand() -> Iterator[Callable[[], object]]:
    """Yields what frees a query's tree once it is analysed.

    The nodes of a tree know each other in circles. Python by itself looks through them again and again while they are
    in use, which took a quarter of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield lambda: gc.collect(0)
    finally:
        if was_enabled:
            gc.enable()


def words_of(project: DbtProject) -> set[str]:
    """Returns the names, in lower case, that schemas read by a project may have.

    Args:
        project: The project.
    """
    schemas = {node.relation.folded.schema for node in project.nodes.values() if node.relation}
    return schemas.union(*(_WORD.findall((node.code or "").lower()) for node in project.nodes.values()))


def _in_order(nodes: Mapping[str, DbtNode]) -> list[str]:
    """Returns the nodes, each after those it depends on; where names go in a circle, it is cut in one place."""
    graph = {name: {parent for parent in node.parents if parent in nodes} for name, node in sorted(nodes.items())}
    while True:
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            parent, child, *_ = error.args[1]
            graph[child].remove(parent)


def _by_identifier(observed: Iterable[Relation]) -> dict[str, list[Relation]]:
    found = defaultdict(list)
    for relation in observed:
        found[relation.identifier].append(relation)
    return found


def _input_of(
    node: DbtNode,
    project: DbtProject,
    columns: Mapping[str, Sequence[str]],
    observed: Mapping[Relation, Sequence[str]],
    by_word: Mapping[str, Sequence[Relation]],
) -> _Input:
    reads: dict[Relation, Sequence[str]] = {}
    for parent in _relations_read(node, project.nodes):
        if parent.relation:
            reads[parent.relation.folded] = columns.get(parent.unique_id, ())
    declared = frozenset(reads)
    named = {(relation.schema, relation.identifier) for relation in reads}
    # Code may also name a table of dlt outright, past dbt.
    words = set(_WORD.findall((node.code or "").lower()))
    for word in words & by_word.keys():
        for relation in by_word[word]:
            if relation.schema in words and (relation.schema, relation.identifier) not in named:
                reads[relation] = observed[relation]
    return _Input(reads, declared)


def _relations_read(node: DbtNode, nodes: Mapping[str, DbtNode]) -> Iterator[DbtNode]:
    """Yields what a node reads, through ephemeral models, whose code stands in its own."""
    seen = set()
    waiting = list(node.parents)
    while waiting:
        parent = nodes.get(waiting.pop())
        if parent is None or parent.unique_id in seen:
            continue
        seen.add(parent.unique_id)
        if parent.relation is None:
            waiting += parent.parents
        yield parent


def _analysis(
    node: DbtNode, dialect: str | None, adapter_type: str, reads: _Input, known: Mapping[str, Analysis]
) -> Analysis:
    own = node.relation.folded if node.relation else None
    rules = [RULES_VERSION, SQLGLOT_VERSION, adapter_type]
    analysis_hash = digest_of([*rules, node.unique_id, node.language, node.code, str(own), reads.digest])
    if analysis_hash in known:
        return known[analysis_hash]
    error = _obstacle(node, dialect, adapter_type)
    if error or dialect is None or node.code is None:
        return Analysis(analysis_hash, error, ())
    try:
        lineage = trace_query(node.code, dialect, reads.columns, own)
    except UnreadableQueryError as unreadable:
        return Analysis(analysis_hash, f"its code {unreadable}", ())
    columns = lineage.columns
    if node.resource_type == "snapshot":
        columns += tuple(OutputColumn(name, "without_input") for name in _SNAPSHOT_COLUMNS)
    # An incremental model that looks at itself learns nothing from it that it did not have.
    edges = tuple(edge for edge in lineage.edges if edge.source != own)
    return Analysis(analysis_hash, None, columns, edges, reads.declared)


def _obstacle(node: DbtNode, dialect: str | None, adapter_type: str) -> str | None:
    if node.language != "sql":
        return NOT_SQL
    if not node.code:
        return NOT_COMPILED
    if dialect is None:
        return f"the SQL of adapter {adapter_type or '(not named)'} is not known"
    return None


def _columns_of(node: DbtNode, analysis: Analysis | None, observed: Mapping[Relation, Sequence[str]]) -> Sequence[str]:
    """Returns the columns that a query over a node may mean by a star; none where they are not all known."""
    if node.relation is None:
        return ()
    if node.resource_type == "source":
        folded = node.relation.folded
        found = observed.get(Relation("", folded.schema, folded.identifier))
        if found:
            return found
    declared = [column.name.lower() for column in node.columns]
    if node.is_catalogued or analysis is None:
        return declared
    if analysis.error or any(column.name == "*" for column in analysis.columns):
        return ()
    return [column.name for column in analysis.columns]
