"""Reading what is exported from the marts: what is small as a whole, what grows with time by pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from meta_pipeline.exceptions import HomeError
from meta_pipeline.file_places import FILE_PLACES
from meta_pipeline.home import MARTS_DATASET, MODELS_DATASET, Home, Session, require_marts

ROWS_A_PAGE = 2_000
KEYS_A_STATEMENT = 200

_DBT_NODES = "int_dbt_nodes"
_PII_STATUSES = ("declared", "inherited", "suggested", "declassified")

Row = TypeVar("Row")


@dataclass(frozen=True)
class Node:
    """A node of the lineage; the columns of `lineage_nodes`."""

    node_id: str
    node_type: str
    node_name: str
    destination_name: str | None
    dataset_name: str | None
    table_name: str | None
    location: str | None
    database_name: str | None
    project_name: str | None
    unique_id: str | None
    materialization: str | None


@dataclass(frozen=True)
class Edge:
    """A step of the lineage; columns of `lineage_edges`."""

    from_node_id: str
    to_node_id: str
    edge_type: str


@dataclass(frozen=True)
class Pipeline:
    """A pipeline; columns of `pipelines`."""

    pipeline_id: str
    destination_name: str
    destination_type: str | None
    dataset_name: str
    pipeline_name: str | None
    schema_names: str | None
    last_possible_load_at: datetime | None


@dataclass(frozen=True)
class Table:
    """An observed table; columns of `observed_tables`."""

    relation_id: str
    destination_name: str
    dataset_name: str
    schema_name: str
    description: str | None


@dataclass(frozen=True)
class DbtNode:
    """What dbt builds or declares; columns of the model `int_dbt_nodes`."""

    project_name: str
    unique_id: str
    node_hash: str
    analysis_hash: str | None
    description: str | None
    tags: str | None
    changed_at: datetime


@dataclass(frozen=True)
class Run:
    """A captured run; columns of `runs`."""

    run_id: str
    pipeline_id: str | None
    pipeline_name: str | None
    destination_name: str | None
    dataset_name: str | None
    orchestrator: str | None
    job: str | None
    orchestrator_run_id: str | None
    run_url: str | None
    attempt: int | None
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    exception_type: str | None
    message: str | None
    failed_job_count: int | None
    failed_table: str | None
    dlt_version: str | None


@dataclass(frozen=True)
class Load:
    """A load that no captured run is known of; columns of `loads`."""

    destination_name: str
    dataset_name: str
    load_id: str
    schema_name: str | None
    pipeline_id: str | None
    pipeline_name: str | None
    attribution: str
    started_at: datetime | None
    committed_at: datetime
    is_complete: bool


@dataclass(frozen=True)
class Output:
    """Rows that a table received.

    Args:
        relation_id: The table.
        row_count: How many.
        committed_at: When they were committed.
    """

    relation_id: str
    row_count: int
    committed_at: datetime


@dataclass(frozen=True)
class Column:
    """A column of a table or view.

    Args:
        name: Its name.
        data_type: Its type; of an observed table in dlt's words.
        description: What its authors say of it.
        hints: JSON object of dlt's hints.
        tags: JSON list of dbt's tags.
        meta: JSON object of what is kept of dbt's meta.
        pii_status: How it is known to hold personal data; None where it is not.
    """

    name: str
    data_type: str | None = None
    description: str | None = None
    hints: str | None = None
    tags: str | None = None
    meta: str | None = None
    pii_status: str | None = None


@dataclass(frozen=True)
class ColumnEdge:
    """A column that is made of another; columns of `column_lineage`."""

    from_node_id: str
    from_column: str
    to_node_id: str
    to_column: str
    transformation: str
    is_masked: bool
    functions: str | None


@dataclass(frozen=True)
class Fleet:
    """What is exported and does not grow with time.

    Args:
        nodes: The lineage's nodes by their key.
        edges: Its edges.
        pipelines: The pipelines.
        tables: The observed tables.
        dbt_nodes: What dbt projects have, by project and dbt's name of it.
        dbt_collected: When each of them was collected last that it is as it is.
        types: dlt's type of each destination.
        databases: The database of destinations, where it was collected.
        read_databases: The database of what runs read, by location, dataset and table.
        last_written: When each table received rows last.
    """

    nodes: Mapping[str, Node]
    edges: Sequence[Edge]
    pipelines: Sequence[Pipeline]
    tables: Sequence[Table]
    dbt_nodes: Mapping[tuple[str, str], DbtNode]
    dbt_collected: Mapping[tuple[str, str], datetime]
    types: Mapping[str, str]
    databases: Mapping[str, str]
    read_databases: Mapping[tuple[str, str | None, str | None], str]
    last_written: Mapping[str, datetime]


def require_present(session: Session, home: Home) -> datetime:
    """Returns up to when the marts are built.

    Args:
        session: An open session of the home.
        home: The home, for messages.

    Raises:
        HomeError: There are no finished marts, or they show the past.
    """
    require_marts(session, home, "column_lineage")
    clock = session.relation(MODELS_DATASET, "clock")
    as_of, is_past, built_at = session.rows(f"select as_of, is_past, built_at from {clock}")[0]
    if is_past:
        raise HomeError(
            f"The marts show the past, {as_of:%Y-%m-%d %H:%M} UTC, which is not exported: others would take it for the "
            "present. To bring that back, run: meta-pipeline transform"
        )
    moment: datetime = built_at
    return moment


def read_fleet(session: Session) -> Fleet:
    """Reads what does not grow with time.

    Args:
        session: An open session of the home.
    """
    coverage = session.rows(
        "select distinct destination_name, destination_type from "
        f"{session.relation(MARTS_DATASET, 'destination_coverage')} where destination_type is not null"
    )
    pipelines = _all(session, Pipeline, MARTS_DATASET, "pipelines")
    types = {item.destination_name: item.destination_type for item in pipelines if item.destination_type}
    databases = session.relation(MODELS_DATASET, "stg_observability__destination_databases")
    written = session.relation(MARTS_DATASET, "table_loads")
    collected = session.relation(MODELS_DATASET, "stg_observability__dbt_nodes")
    dbt_nodes = _all(session, DbtNode, MODELS_DATASET, _DBT_NODES)
    return Fleet(
        nodes={node.node_id: node for node in _all(session, Node, MARTS_DATASET, "lineage_nodes")},
        edges=_all(session, Edge, MARTS_DATASET, "lineage_edges"),
        pipelines=pipelines,
        tables=_all(session, Table, MARTS_DATASET, "observed_tables"),
        dbt_nodes={(item.project_name, item.unique_id): item for item in dbt_nodes},
        dbt_collected={
            (row[0], row[1]): row[2]
            for row in session.rows(
                f"select project_name, unique_id, max(collected_at) from {collected} group by project_name, unique_id"
            )
        },
        types={**types, **{name: kind for name, kind in coverage if kind not in FILE_PLACES}},
        databases={row[0]: row[1] for row in session.rows(f"select destination_name, database_name from {databases}")},
        read_databases=_read_databases(session),
        last_written={
            row[0]: row[1]
            for row in session.rows(f"select relation_id, max(committed_at) from {written} group by relation_id")
        },
    )


def runs(session: Session, since: datetime | None) -> Iterator[Sequence[Run]]:
    """Yields captured runs by pages, oldest first.

    Args:
        session: An open session of the home.
        since: Only those that a later transform wrote.
    """
    yield from _pages(session, Run, "runs", "started_at", ("run_id",), "started_at is not null", since)


def loads(session: Session, since: datetime | None) -> Iterator[Sequence[Load]]:
    """Yields loads that no captured run is known of by pages, oldest first.

    Args:
        session: An open session of the home.
        since: Only those that a later transform wrote.
    """
    key = ("destination_name", "dataset_name", "load_id")
    yield from _pages(session, Load, "loads", "committed_at", key, "run_id is null", since)


def outputs_of_runs(session: Session, page: Sequence[Run]) -> dict[str, list[Output]]:
    """Returns the rows that tables received by runs.

    Args:
        session: An open session of the home.
        page: The runs, oldest first.

    Returns:
        By run_id.
    """
    found = session.rows(
        "select loads.run_id, table_loads.relation_id, sum(table_loads.row_count), max(table_loads.committed_at) "
        f"from {session.relation(MARTS_DATASET, 'runs')} as runs "
        f"inner join {session.relation(MARTS_DATASET, 'loads')} as loads on loads.run_id = runs.run_id "
        f"inner join {session.relation(MARTS_DATASET, 'table_loads')} as table_loads "
        "on table_loads.destination_name = loads.destination_name "
        "and table_loads.dataset_name = loads.dataset_name and table_loads.load_id = loads.load_id "
        "where runs.started_at between %s and %s group by loads.run_id, table_loads.relation_id",
        page[0].started_at,
        page[-1].started_at,
    )
    return _grouped((row[0], Output(row[1], int(row[2]), row[3])) for row in found)


def outputs_of_loads(session: Session, page: Sequence[Load]) -> dict[tuple[str, str, str], list[Output]]:
    """Returns the rows that tables received by loads.

    Args:
        session: An open session of the home.
        page: The loads, oldest first.

    Returns:
        By destination, dataset and load id.
    """
    found = session.rows(
        "select destination_name, dataset_name, load_id, relation_id, row_count, committed_at "
        f"from {session.relation(MARTS_DATASET, 'table_loads')} where committed_at between %s and %s",
        page[0].committed_at,
        page[-1].committed_at,
    )
    return _grouped(((row[0], row[1], row[2]), Output(row[3], int(row[4]), row[5])) for row in found)


def columns_of_tables(session: Session, relation_ids: Iterable[str]) -> dict[str, list[Column]]:
    """Returns the columns of observed tables, in their order.

    Args:
        session: An open session of the home.
        relation_ids: The tables.
    """
    query = (
        "select relation_id, column_name, data_type, description, hints, ordinal_position, schema_name from "
        f"{session.relation(MARTS_DATASET, 'observed_columns')} where relation_id in ({{}})"
    )
    # A table may stand in several schemas; where orders differ, that of the first schema counts.
    found = sorted(_by_keys(session, query, relation_ids), key=lambda row: (row[0], row[6], row[5] or 0, row[1]))
    first = {(row[0], row[1]): Column(row[1], row[2], row[3], row[4]) for row in reversed(found)}
    return _grouped((key[0], column) for key, column in reversed(first.items()))


def columns_of_dbt(session: Session, nodes: Sequence[DbtNode]) -> dict[tuple[str, str], list[Column]]:
    """Returns the columns of what dbt builds: as its code makes them, else as they are declared.

    Args:
        session: An open session of the home.
        nodes: The nodes.

    Returns:
        By project and dbt's name of the node.
    """
    declared_query = (
        "select node_hash, column_name, data_type, description, tags, meta, ordinal_position from "
        f"{session.relation(MODELS_DATASET, 'stg_observability__dbt_columns')} where node_hash in ({{}})"
    )
    made_query = (
        "select analysis_hash, column_name, ordinal_position from "
        f"{session.relation(MODELS_DATASET, 'stg_observability__dbt_output_columns')} "
        "where column_name <> '*' and analysis_hash in ({})"
    )
    declared: dict[str, dict[str, Column]] = {}
    found = _by_keys(session, declared_query, (node.node_hash for node in nodes))
    for row in sorted(found, key=lambda row: (row[0], row[6] or 0, row[1])):
        declared.setdefault(row[0], {})[row[1].lower()] = Column(row[1], row[2], row[3], tags=row[4], meta=row[5])
    made_rows = _by_keys(session, made_query, (node.analysis_hash for node in nodes if node.analysis_hash))
    made = _grouped((row[0], row[1]) for row in sorted(made_rows, key=lambda row: (row[0], row[2])))
    columns = {}
    for node in nodes:
        known = declared.get(node.node_hash, {})
        names = made.get(node.analysis_hash or "", [])
        plain = [known.get(name, Column(name)) for name in names]
        columns[node.project_name, node.unique_id] = plain or list(known.values())
    return columns


def column_edges(session: Session, node_ids: Iterable[str]) -> dict[str, list[ColumnEdge]]:
    """Returns what the columns of tables and views are made of.

    Args:
        session: An open session of the home.
        node_ids: The nodes of the tables and views.
    """
    names = ", ".join(item.name for item in fields(ColumnEdge))
    query = f"select {names} from {session.relation(MARTS_DATASET, 'column_lineage')} where to_node_id in ({{}})"
    found = [ColumnEdge(*row) for row in _by_keys(session, query, node_ids)]
    found.sort(key=lambda edge: (edge.to_column, edge.from_node_id, edge.from_column, edge.transformation))
    return _grouped((edge.to_node_id, edge) for edge in found)


def pii_statuses(session: Session, node_ids: Iterable[str]) -> dict[tuple[str, str], str]:
    """Returns the status of columns with personal data.

    Args:
        session: An open session of the home.
        node_ids: The nodes of the tables and views.

    Returns:
        By node and column in lower case; empty where the marts do not hold it.
    """
    if not session.has(MARTS_DATASET, "pii_columns"):
        return {}
    relation = session.relation(MARTS_DATASET, "pii_columns")
    query = f"select relation_id, column_name, status from {relation} where relation_id in ({{}})"
    found = _by_keys(session, query, node_ids)
    # A column with several origins is what the worst of them makes it.
    found.sort(key=lambda row: _PII_STATUSES.index(row[2]), reverse=True)
    return {(row[0], row[1].lower()): row[2] for row in found}


def _pages(
    session: Session, kind: type[Row], mart: str, time: str, key: Sequence[str], condition: str, since: datetime | None
) -> Iterator[Sequence[Row]]:
    """Yields rows by pages, each beginning after the last row of the one before, which all warehouses do alike."""
    names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    order = (time, *key)
    base = f"select {', '.join(names)} from {session.relation(MARTS_DATASET, mart)} where {condition}"
    base += "" if since is None else " and built_at > %s"
    values: list[Any] = [] if since is None else [since]
    after: Sequence[Any] = ()
    while True:
        steps = [
            " and ".join([*(f"{name} = %s" for name in order[:place]), f"{order[place]} > %s"])
            for place in range(len(order) if after else 0)
        ]
        beyond = [value for place in range(len(after)) for value in after[: place + 1]]
        later = f" and ({' or '.join(f'({step})' for step in steps)})" if steps else ""
        rows = session.rows(f"{base}{later} order by {', '.join(order)} limit {ROWS_A_PAGE}", *values, *beyond)
        if rows:
            yield [kind(*row) for row in rows]
        if len(rows) < ROWS_A_PAGE:
            return
        after = [rows[-1][names.index(name)] for name in order]


def _read_databases(session: Session) -> dict[tuple[str, str | None, str | None], str]:
    inputs = session.relation(MODELS_DATASET, "stg_observability__run_inputs")
    rows = session.rows(
        "select location, coalesce(physical_dataset_name, database_schema, dataset_name), table_name, "
        f"min(database_name) from {inputs} where location is not null and database_name is not null "
        "group by location, coalesce(physical_dataset_name, database_schema, dataset_name), table_name"
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def _all(session: Session, kind: type[Row], dataset: str, table: str) -> list[Row]:
    names = ", ".join(item.name for item in fields(kind))  # type: ignore[arg-type]
    return [kind(*row) for row in session.rows(f"select {names} from {session.relation(dataset, table)}")]


def _by_keys(session: Session, query: str, keys: Iterable[str]) -> list[Sequence[Any]]:
    wanted = sorted(set(keys))
    found: list[Sequence[Any]] = []
    for start in range(0, len(wanted), KEYS_A_STATEMENT):
        part = wanted[start : start + KEYS_A_STATEMENT]
        found += session.rows(query.format(", ".join(["%s"] * len(part))), *part)
    return found


Key = TypeVar("Key")
Value = TypeVar("Value")


def _grouped(items: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    groups: dict[Key, list[Value]] = {}
    for key, value in items:
        groups.setdefault(key, []).append(value)
    return groups
