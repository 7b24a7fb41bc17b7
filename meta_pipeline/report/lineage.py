"""Where a table or column comes from and where it goes, read from the marts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from meta_pipeline.exceptions import LineageUnknownError
from meta_pipeline.home import MARTS_DATASET, Home, Session, open_home, require_marts
from meta_pipeline.report.names import ambiguity, is_named, spellings, suggestion

Direction = Literal["upstream", "downstream"]

WHOLE_RELATION = "*"
"""Column of an edge that concerns all columns: what decides which rows there are."""

_NODES = "select node_id, node_type, node_name, destination_name, dataset_name, materialization from {}"
_EDGES = "select from_node_id, to_node_id, edge_type, method, confidence from {}"
_COLUMN_EDGES = (
    "select from_node_id, from_column, to_node_id, to_column, transformation, is_masked, method, confidence from {}"
)
_COLUMNS = "select distinct relation_id, column_name from {}"
_COVERAGE = (
    "select project_name, artifact_path, outcome, error, model_count, analysed_count, partial_count, failed_count, "
    "column_count, unknown_column_count, source_count, matched_source_count, ambiguous_source_count, coverage from {}"
)
_GAPS = "select project_name, gap_type, subject, column_name, reason from {}"


@dataclass(frozen=True)
class Place:
    """A node of the lineage, or a column of one.

    Args:
        node_id: Key of the node.
        node_type: What it is: table, model, resource ...
        name: Its name with destination and dataset, as far as they are known.
        materialization: How dbt builds it; None where it does not.
        column: The column; None for the node as a whole.
    """

    node_id: str
    node_type: str
    name: str
    materialization: str | None = None
    column: str | None = None

    @property
    def label(self) -> str:
        """Returns its name, with the column."""
        return f"{self.name}.{self.column}" if self.column else self.name


@dataclass(frozen=True)
class Step:
    """One step away from where the question began.

    Args:
        place: Where it leads.
        origin: Where it comes from, one step nearer to the question.
        depth: How many steps away it is, from 1.
        relation: What it is: an edge type, or a transformation of a column.
        is_masked: Whether a column's value is hashed or masked there.
        method: How it is known.
        confidence: How surely, from 0 to 1.
        is_known: Whether the place stands in the answer already, so that nothing follows here.
    """

    place: Place
    origin: Place
    depth: int
    relation: str
    is_masked: bool
    method: str
    confidence: float
    is_known: bool


@dataclass(frozen=True)
class Answer:
    """What leads to a place, and what it leads to.

    Args:
        place: The place.
        upstream: Steps towards its origins, in the order of a walk into depth; empty where it was not asked.
        downstream: Steps towards what is made of it.
    """

    place: Place
    upstream: Sequence[Step]
    downstream: Sequence[Step]


@dataclass(frozen=True)
class ProjectCoverage:
    """How much of a dbt project's lineage is known; the columns of `lineage_coverage`."""

    project_name: str | None
    artifact_path: str
    outcome: str
    error: str | None
    model_count: int
    analysed_count: int
    partial_count: int
    failed_count: int
    column_count: int
    unknown_column_count: int
    source_count: int
    matched_source_count: int
    ambiguous_source_count: int
    coverage: float | None

    def is_below(self, minimum: float | None) -> bool:
        """Tells whether less is known than shall be; a project that was never read is below any minimum.

        Args:
            minimum: The least share of models whose columns are all known; None where nobody asks for one.
        """
        if minimum is None:
            return False
        return self.outcome != "read" or (self.coverage is not None and self.coverage < minimum)


@dataclass(frozen=True)
class Gap:
    """Something that lineage does not know; the columns of `lineage_gaps`."""

    project_name: str | None
    gap_type: str
    subject: str
    column_name: str | None
    reason: str


@dataclass(frozen=True)
class Coverage:
    """How much of the lineage is known.

    Args:
        projects: Each dbt project.
        gaps: What is not known.
    """

    projects: Sequence[ProjectCoverage]
    gaps: Sequence[Gap]

    def below(self, minimum: float | None) -> list[ProjectCoverage]:
        """Returns the projects of which less is known than shall be."""
        return [project for project in self.projects if project.is_below(minimum)]


@dataclass(frozen=True)
class _Edge:
    origin: Place
    target: Place
    relation: str
    is_masked: bool
    method: str
    confidence: float


@dataclass
class _Graph:
    """The lineage of all tables and columns."""

    nodes: Mapping[str, Place]
    edges: list[_Edge]
    column_edges: list[_Edge]
    columns: dict[str, set[str]] = field(default_factory=dict)


def read_lineage(home: Home, name: str, directions: Iterable[Direction]) -> Answer:
    """Finds a table or column by its name, and what leads to it or away from it.

    Args:
        home: Where the marts live.
        name: ``table`` or ``table.column``; the table may have its dataset, and its destination, before it.
        directions: Which ways to look.

    Raises:
        HomeError: The marts are not there yet, or the home cannot be opened.
        LineageUnknownError: Nothing, or more than one thing, has that name; the text names what was probably meant.
    """
    with open_home(home) as session:
        graph = _read_graph(session, home)
    place = _find(name, graph)
    edges = graph.column_edges if place.column else graph.edges
    found = {direction: _walk(place, edges, direction) for direction in set(directions)}
    return Answer(place, found.get("upstream", ()), found.get("downstream", ()))


def read_coverage(home: Home) -> Coverage:
    """Reads how much of the lineage is known.

    Args:
        home: Where the marts live.

    Raises:
        HomeError: The marts are not there yet, or the home cannot be opened.
    """
    with open_home(home) as session:
        require_marts(session, home, "column_lineage", about=" with lineage")
        projects = [ProjectCoverage(*row) for row in _rows(session, _COVERAGE, "lineage_coverage")]
        gaps = [Gap(*row) for row in _rows(session, _GAPS, "lineage_gaps")]
    order = [(gap.project_name or "", gap.gap_type, gap.subject, gap.column_name or "") for gap in gaps]
    return Coverage(
        sorted(projects, key=lambda project: project.artifact_path),
        [gap for _, gap in sorted(zip(order, gaps, strict=True), key=lambda item: item[0])],
    )


def _rows(session: Session, query: str, mart: str) -> Sequence[Sequence[Any]]:
    return session.rows(query.format(session.relation(MARTS_DATASET, mart)))


def _read_graph(session: Session, home: Home) -> _Graph:
    require_marts(session, home, "column_lineage", about=" with lineage")
    nodes = {row[0]: Place(row[0], row[1], _name(*row[2:5]), row[5]) for row in _rows(session, _NODES, "lineage_nodes")}
    edges = [
        _Edge(nodes[source], nodes[target], edge_type, False, method, float(confidence))
        for source, target, edge_type, method, confidence in _rows(session, _EDGES, "lineage_edges")
    ]
    column_edges = [
        _Edge(_column_of(nodes[row[0]], row[1]), _column_of(nodes[row[2]], row[3]), row[4], *row[5:])
        for row in _rows(session, _COLUMN_EDGES, "column_lineage")
    ]
    graph = _Graph(nodes, edges, column_edges)
    listed = [(row[0], row[1]) for row in _rows(session, _COLUMNS, "observed_columns")]
    touched = [place for edge in column_edges for place in (edge.origin, edge.target)]
    for node_id, column in [*listed, *((place.node_id, place.column or "") for place in touched)]:
        graph.columns.setdefault(node_id, set()).add(column.lower())
    return graph


def _name(node_name: str, destination_name: str | None, dataset_name: str | None) -> str:
    return ".".join(part for part in (destination_name, dataset_name, node_name) if part)


def _column_of(node: Place, column: str) -> Place:
    return Place(node.node_id, node.node_type, node.name, node.materialization, column.lower())


def _find(name: str, graph: _Graph) -> Place:
    found = _named(name, graph.nodes.values()) or _columns_named(name, graph)
    if len(found) == 1:
        return found[0]
    found = found or [_column_of(node, name) for node in graph.nodes.values() if _has_column(graph, node, name)]
    if found:
        raise LineageUnknownError(ambiguity(name, [f"{place.label} ({place.node_type})" for place in found]))
    raise LineageUnknownError(f"There is no table or column {name!r} in the lineage.{_suggestion(name, graph)}")


def _named(name: str, nodes: Iterable[Place]) -> list[Place]:
    """Returns the nodes whose name ends in a name; what loads a table is only meant where no table is."""
    found = [node for node in nodes if is_named(node.name, name)]
    return [node for node in found if node.node_type != "resource"] or found


def _columns_named(name: str, graph: _Graph) -> list[Place]:
    table, _, column = name.rpartition(".")
    return [
        _column_of(node, column) for node in _named(table, graph.nodes.values()) if _has_column(graph, node, column)
    ]


def _has_column(graph: _Graph, node: Place, column: str) -> bool:
    return column != WHOLE_RELATION and column.lower() in graph.columns.get(node.node_id, set())


def _suggestion(name: str, graph: _Graph) -> str:
    places = spellings(node.name for node in graph.nodes.values())
    table = name.lower().rpartition(".")[0]
    for node in _named(table, graph.nodes.values()):
        places |= {f"{table}.{column}": f"{node.name}.{column}" for column in graph.columns.get(node.node_id, ())}
    return suggestion(name, places) or " meta-pipeline lineage says what is known."


def _walk(start: Place, edges: Iterable[_Edge], direction: Direction) -> list[Step]:
    """Returns all steps from a place in one direction; what is reached again is told, and not followed again."""
    leaving: dict[tuple[str, str | None], list[tuple[Place, _Edge]]] = {}
    for edge in edges:
        near, far = (edge.target, edge.origin) if direction == "upstream" else (edge.origin, edge.target)
        leaving.setdefault((near.node_id, near.column), []).append((far, edge))
    steps: list[Step] = []
    seen = {(start.node_id, start.column)}
    waiting = _next(start, 1, leaving, direction)
    while waiting:
        place, origin, depth, edge = waiting.pop()
        key = (place.node_id, place.column)
        steps.append(
            Step(place, origin, depth, edge.relation, edge.is_masked, edge.method, edge.confidence, key in seen)
        )
        # What decides on rows is told, but its own origins are another question.
        if key not in seen and edge.relation != "filter":
            waiting += _next(place, depth + 1, leaving, direction)
        if edge.relation != "filter":
            seen.add(key)
    return steps


def _next(
    place: Place,
    depth: int,
    leaving: Mapping[tuple[str, str | None], Sequence[tuple[Place, _Edge]]],
    direction: Direction,
) -> list[tuple[Place, Place, int, _Edge]]:
    found = list(leaving.get((place.node_id, place.column), ()))
    if place.column and direction == "upstream":
        found += leaving.get((place.node_id, WHOLE_RELATION), ())
    ordered = sorted(found, key=lambda item: (item[1].relation == "filter", item[0].label), reverse=True)
    return [(far, place, depth, edge) for far, edge in ordered]
