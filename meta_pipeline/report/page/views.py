"""What the page's views show, as columns of plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from statistics import median
from typing import Any

from meta_pipeline.report.page import queries
from meta_pipeline.report.page.extract import DAYS, Extract

OwnerOf = Callable[[str | None, str, str], str | None]

PIPELINES_PER_PART = 20
"""How many pipelines' own views are packed together: each part is unpacked when one of them is opened."""

# A collection that is twice and a half its usual interval old has missed one, and the next.
_LATE_AFTER_INTERVALS = 2.5
_LATE_AFTER_AT_LEAST = timedelta(minutes=15)
_LATE_AFTER_UNKNOWN = timedelta(hours=26)
_COLLECTIONS_TO_LEARN_FROM = 20

_OF_EACH = {"runs": queries.RUNS, "cursors": queries.CURSORS, "history": queries.HISTORY}


@dataclass(frozen=True)
class View:
    """All that a page shows.

    Args:
        fleet: What is looked at first: the fleet, its pipelines, alerts, schema changes.
        lineage: Nodes, edges and columns.
        pipelines: What only the views of single pipelines show, in parts of ``PIPELINES_PER_PART``.
        governance: The governance marts by their names, as columns; empty where they are not shown.
    """

    fleet: Mapping[str, Any]
    lineage: Mapping[str, Any]
    pipelines: Sequence[Sequence[Mapping[str, Any]]]
    governance: Mapping[str, Any]


GOVERNANCE_MARTS = ("governance_findings", "pii_columns", "deletion_plan")


def make_view(extract: Extract, owner_of: OwnerOf) -> View:
    """Makes what the page shows.

    Args:
        extract: The marts.
        owner_of: Who looks after a pipeline, by its name, destination and dataset.
    """
    moment = extract.clock.as_of
    extract.marts.execute(queries.PREPARE.replace("?", f"'{moment:%Y-%m-%d}'"))
    pipelines = extract.columns(queries.PIPELINES)
    places = zip(pipelines["name"], pipelines["destination"], pipelines["dataset"], strict=True)
    pipelines["owner"] = [owner_of(*place) for place in places]
    fleet = {
        **_times(extract),
        "pipelines": pipelines,
        "statusChanges": extract.columns(_at(queries.STATUS_CHANGES, moment)),
        "sinceYesterday": extract.rows(_at(queries.COUNTS, moment))[0],
        "alerts": extract.columns(queries.ALERTS),
        "coverage": extract.columns(queries.COVERAGE),
        "changes": extract.columns(queries.CHANGES),
        "changeCount": extract.row_counts.get("schema_changes", 0),
    }
    lineage = {
        "nodes": extract.columns(queries.NODES),
        "edges": extract.columns(queries.EDGES),
        "columnEdges": extract.columns(queries.COLUMN_EDGES),
    }
    governance = {mart: extract.columns(f'from "{mart}"') for mart in GOVERNANCE_MARTS if mart in extract.row_counts}
    return View(fleet, lineage, list(_parts(_pipeline_views(extract, len(pipelines["id"])))), governance)


def late_after_seconds(collected_at: Sequence[datetime]) -> float:
    """Returns how old the data may be until the watcher itself is late.

    Args:
        collected_at: When each collection began, in order.
    """
    recent = collected_at[-_COLLECTIONS_TO_LEARN_FROM:]
    intervals = [(later - earlier).total_seconds() for earlier, later in pairwise(recent)]
    if not intervals:
        return _LATE_AFTER_UNKNOWN.total_seconds()
    return max(_LATE_AFTER_INTERVALS * median(intervals), _LATE_AFTER_AT_LEAST.total_seconds())


def _times(extract: Extract) -> dict[str, Any]:
    clock = extract.clock
    first_day = datetime(clock.as_of.year, clock.as_of.month, clock.as_of.day, tzinfo=clock.as_of.tzinfo)
    first_day -= timedelta(days=DAYS - 1)
    return {
        "asOf": int(clock.as_of.timestamp()),
        "isPast": clock.is_past,
        "collectedAt": int(clock.collected_at[-1].timestamp()) if clock.collected_at else None,
        "lateAfter": int(late_after_seconds(clock.collected_at)),
        "firstDay": int(first_day.timestamp()),
        "dayCount": DAYS,
        "partSize": PIPELINES_PER_PART,
    }


def _at(query: str, moment: datetime) -> str:
    return query.replace("?", f"'{moment.isoformat()}'")


def _pipeline_views(extract: Extract, count: int) -> Iterator[dict[str, Any]]:
    volumes = _volumes(extract)
    tables = _by_pipeline(extract, queries.TABLES)
    of_each = {name: _by_pipeline(extract, query) for name, query in _OF_EACH.items()}
    for number in range(count):
        listed = [{**table, "volume": volumes.get(table["id"], {})} for table in tables.get(number, ())]
        yield {
            "tables": listed,
            **{name: _columnar(found.get(number, ())) for name, found in of_each.items()},
        }


def _volumes(extract: Extract) -> dict[str, dict[str, Any]]:
    """Returns the volume of each table by grain."""
    found: dict[str, dict[str, Any]] = {}
    for row in extract.rows(queries.VOLUME):
        table, grain = row.pop("id"), row.pop("grain")
        found.setdefault(table, {})[grain] = row
    return found


def _by_pipeline(extract: Extract, query: str) -> dict[int, list[dict[str, Any]]]:
    rows = extract.rows(query)
    return {number: [_without_number(row) for row in group] for number, group in groupby(rows, _number)}


def _number(row: Mapping[str, Any]) -> int:
    return int(row["number"])


def _without_number(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "number"}


def _columnar(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _parts(views: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    listed = list(views)
    for start in range(0, len(listed), PIPELINES_PER_PART):
        yield listed[start : start + PIPELINES_PER_PART]
