"""Traces that people load into tables themselves, as dlt's documentation teaches, put together again.

dlt spreads a trace over a root table and its nested tables; which columns and tables there are depends on what the
traces held. Such tables are found by their columns, whatever their name, and only what is named here is read: what
configuration a run resolved is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from meta_pipeline.collect.outcomes import digest_of
from meta_pipeline.collect.runs import Capture, event_of, separate_calls, trace_of_load
from meta_pipeline.collect.warehouse import KeptRow, KeptTable, Warehouse

ROOTS_AT_ONCE = 500
SEPARATOR = "__"

Shape = Literal["trace", "load_info"]

_LINKS = frozenset({"_dlt_id", "_dlt_load_id"})
_SHAPES: Mapping[Shape, frozenset[str]] = {
    "trace": frozenset({"transaction_id", "pipeline_name", "started_at"}) | _LINKS,
    "load_info": frozenset({"pipeline__pipeline_name", "first_run", "dataset_name", "destination_type"}) | _LINKS,
}
"""Columns by which a root table is known; dlt writes them whatever the run did."""

_STEPS = "steps"
_STEP_COLUMNS = frozenset({"span_id", "step", "_dlt_parent_id"})

_LOCATION = (
    *("load_id", "resource_name", "kind", "location", "destination_name", "destination_type", "dataset_name"),
    *("physical_dataset_name", "database", "db_schema"),
)
_VALUE = ("value",)
_COLUMNS: Mapping[str, Sequence[str]] = {
    "": (
        *("transaction_id", "pipeline_name", "started_at", "finished_at", "pipeline__pipeline_name", "first_run"),
        *("destination_name", "destination_type", "dataset_name"),
        *("execution_context__python", "execution_context__os__name", "execution_context__library__version"),
    ),
    "exec_info": _VALUE,
    _STEPS: (
        *("step", "started_at", "finished_at", "step_exception", "step_info__first_run"),
        *("load_info__destination_name", "load_info__destination_type", "load_info__dataset_name"),
    ),
    "loads_ids": _VALUE,
    "load_packages": ("load_id", "state", "completed_at", "schema_name", "schema_hash", "refresh"),
    "jobs": (
        *("job_id", "table_name", "file_format", "state", "file_size", "created_at", "elapsed", "retry_count"),
        "failed_message",
    ),
    "table_metrics": ("load_id", "table_name", "items_count", "file_size"),
    "job_metrics": (
        *("load_id", "job_id", "table_name", "items_count", "file_size", "state", "started_at", "finished_at"),
        "retry_count",
    ),
    "inputs": _LOCATION,
    "outputs": _LOCATION,
    "tables": _VALUE,
    "endpoints": _VALUE,
    "exception_traces": (
        *("exception_type", "message", "load_id", "job_id", "source_name", "resource_name", "is_terminal"),
    ),
    "stack_trace": _VALUE,
}
"""By the last part of a table's path the columns that are read of it."""

_PARENTS: Mapping[str, tuple[str, ...]] = {"tables": ("inputs", "outputs"), "endpoints": ("inputs",)}
"""What else has a name like that, such as the tables of a schema update, is left out."""

_INTEGERS = ("items_count", "file_size", "retry_count")
_BOOLEANS = ("first_run", "is_terminal")


def find_kept(tables: Iterable[KeptTable]) -> list[KeptTable]:
    """Returns the tables that hold kept traces, each with its root and its path below it.

    Args:
        tables: Tables with their columns, of which some may hold something else.
    """
    found = []
    by_dataset: dict[str, list[KeptTable]] = defaultdict(list)
    for table in tables:
        by_dataset[table.dataset.name].append(table)
    for together in by_dataset.values():
        names = {table.name.lower(): table for table in together}
        for name, table in names.items():
            if _shape(table, names):
                nested = (key for key in names if key.startswith(f"{name}{SEPARATOR}"))
                paths = {"": table, **{key[len(name) + len(SEPARATOR) :]: names[key] for key in nested}}
                found += [item.below(table.name, path) for path, item in paths.items() if _is_wanted(path)]
    return found


def _shape(table: KeptTable, names: Mapping[str, KeptTable]) -> Shape | None:
    for shape, columns in _SHAPES.items():
        if columns <= table.columns.keys():
            steps = names.get(f"{table.name.lower()}{SEPARATOR}{_STEPS}")
            is_so = shape == "load_info" or (steps and steps.columns.keys() >= _STEP_COLUMNS)
            return shape if is_so else None
    return None


def _is_wanted(path: str) -> bool:
    *above, last = path.split(SEPARATOR)
    parents = _PARENTS.get(last)
    return last in _COLUMNS and (not parents or bool(above and above[-1] in parents))


def read_kept(
    warehouse: Warehouse, tables: Sequence[KeptTable], boundaries: Mapping[str, datetime | None], destination_name: str
) -> Iterator[list[Capture]]:
    """Reads kept traces.

    Args:
        warehouse: The open destination.
        tables: What ``find_kept`` returned.
        boundaries: By dataset the commit time from which loads are read, whose traces are.
        destination_name: The destination's name.

    Yields:
        Captures, one for each call that is told of; of one that is told of twice, what was loaded last. No more than a
        few traces are in memory at a time.
    """
    roots = [table for table in tables if not table.path]
    loaded = sorted(
        warehouse.kept_rows(roots, _COLUMNS[""], boundaries=boundaries), key=lambda row: str(row.load_id), reverse=True
    )
    passed: set[str] = set()
    for start in range(0, len(loaded), ROOTS_AT_ONCE):
        chunk = loaded[start : start + ROOTS_AT_ONCE]
        traces = zip(chunk, _assembled(warehouse, tables, chunk), strict=True)
        found = (capture for row, values in traces for capture in _captures(row, values, destination_name))
        new = {capture.capture_id: capture for capture in reversed(list(found)) if capture.capture_id not in passed}
        passed.update(new)
        yield list(new.values())


def _captures(row: KeptRow, values: Mapping[str, Any], destination_name: str) -> Iterator[Capture]:
    found = (destination_name, row.table.dataset.name)
    place = [*found, row.table.root]
    if not values.get("transaction_id"):
        capture_id = digest_of([*place, row.row_id])
        event = event_of(trace_of_load(values, capture_id))
        yield Capture(capture_id, "load_info_table", event, *found)
        return
    for call in separate_calls(_with_packages(values)):
        capture_id = digest_of([*place, call["transaction_id"]])
        yield Capture(capture_id, "trace_table", event_of(call), *found)


def _with_packages(trace: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a trace as dlt makes them now: earlier, what all steps have was told by each kind of step for itself."""
    steps = []
    for step in trace.get(_STEPS, ()):
        details = step.get(f"{step.get('step')}_info", {})
        shared = {name: details[name] for name in ("loads_ids", "load_packages", "first_run") if name in details}
        steps.append({**step, "step_info": {**shared, **step.get("step_info", {})}})
    return {**trace, _STEPS: steps}


def _assembled(warehouse: Warehouse, tables: Sequence[KeptTable], roots: Sequence[KeptRow]) -> list[dict[str, Any]]:
    """Returns the traces of root rows, with all that is nested in them: a query for each level."""
    objects = [_unflattened(row) for row in roots]
    above: dict[tuple[KeptTable, str], dict[str, Any]] = {
        (row.table, row.row_id): made for row, made in zip(roots, objects, strict=True)
    }
    while above:
        ids: dict[KeptTable, list[str]] = defaultdict(list)
        for table, row_id in above:
            ids[table].append(row_id)
        parents = {table: parent for table in tables if (parent := _parent(table, tables)) in ids}
        columns = list(dict.fromkeys(name for table in parents for name in _columns_of(table)))
        wanted = {table: ids[parent] for table, parent in parents.items() if parent}
        below: dict[tuple[KeptTable, str], dict[str, Any]] = {}
        for row in sorted(warehouse.kept_rows(list(parents), columns, ids=wanted), key=lambda row: row.position):
            parent = parents[row.table]
            holder = above.get((parent, row.parent_id)) if parent else None
            if parent and holder is not None:
                made = _unflattened(row)
                below[row.table, row.row_id] = made
                key = row.table.path[len(parent.path) :].removeprefix(SEPARATOR)
                is_scalar = _columns_of(row.table) == _VALUE
                _listed(holder, key).append(made.get("value") if is_scalar else made)
        above = below
    return objects


def _columns_of(table: KeptTable) -> Sequence[str]:
    return _COLUMNS[table.path.rsplit(SEPARATOR, maxsplit=1)[-1]]


def _parent(table: KeptTable, tables: Sequence[KeptTable]) -> KeptTable | None:
    """Returns the table that a table is nested in: the nearest above it that is there."""
    if not table.path:
        return None
    together = [item for item in tables if item.root == table.root and item.dataset.name == table.dataset.name]
    above = [item for item in together if not item.path or table.path.startswith(f"{item.path}{SEPARATOR}")]
    return max(above, key=lambda item: len(item.path), default=None)


def _listed(holder: dict[str, Any], path: str) -> list[Any]:
    *names, last = path.split(SEPARATOR)
    for name in names:
        holder = holder.setdefault(name, {})
    found: list[Any] = holder.setdefault(last, [])
    return found


def _unflattened(row: KeptRow) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path, value in row.values.items():
        *names, last = path.split(SEPARATOR)
        if value is not None:
            inner = made
            for name in names:
                inner = inner.setdefault(name, {})
            inner[last] = _converted(last, value)
    return made


def _converted(name: str, value: Any) -> Any:
    """Returns a value, which was read as text, as what it is in a trace; None where it cannot be that."""
    conversion: Callable[[str], Any] | None = None
    if name in _INTEGERS:
        conversion = lambda text: int(float(text))  # noqa: E731
    elif name == "elapsed":
        conversion = float
    elif name in _BOOLEANS:
        return str(value).lower() in ("true", "t", "1")
    try:
        return conversion(value) if conversion else value
    except (ValueError, OverflowError):
        return None
