"""Reads all destinations at the same time and remembers in dlt's state how far each was read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.bounded import BoundedReading
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.exports import read_exports
from meta_pipeline.collect.interleaving import interleaved
from meta_pipeline.collect.opening import database_name, destination_type, open_destination
from meta_pipeline.collect.outcomes import Outcome, coverage_row, departure_outcome
from meta_pipeline.collect.reading import Reading
from meta_pipeline.collect.tables import (
    COVERAGE,
    DBT_ANALYSES,
    DBT_COLUMN_EDGES,
    DBT_COLUMNS,
    DBT_DEPENDENCIES,
    DBT_OUTPUT_COLUMNS,
    DESTINATION_DATABASES,
    RAW_TABLES,
    SCHEMA_CHANGES,
    SCHEMA_COLUMNS,
    SCHEMA_REFERENCES,
    SCHEMA_TABLES,
    SCHEMA_VERSION_TABLES,
)
from meta_pipeline.config import Settings

if TYPE_CHECKING:
    from meta_pipeline.collect.stored import ObservedSchemas

_CONTENT_KEYS: Mapping[str, str] = {
    SCHEMA_VERSION_TABLES.name: "version_hash",
    SCHEMA_TABLES.name: "table_hash",
    SCHEMA_COLUMNS.name: "table_hash",
    SCHEMA_REFERENCES.name: "table_hash",
    SCHEMA_CHANGES.name: "change_id",
    DBT_DEPENDENCIES.name: "node_hash",
    DBT_COLUMNS.name: "node_hash",
    DBT_ANALYSES.name: "analysis_hash",
    DBT_OUTPUT_COLUMNS.name: "analysis_hash",
    DBT_COLUMN_EDGES.name: "analysis_hash",
}
"""What stands for one content in the tables that hold it once for all destinations."""


def read_all(settings: Settings) -> Iterator[Any]:
    """Reads all destinations, each in a thread of its own.

    Args:
        settings: What to read.

    Yields:
        Batches for the raw tables; an empty one of each that is new, so that they are all there for dbt. A
        destination's cursors are stored after its last batch, so that one that breaks off is read again from where it
        was.
    """
    collected_at = datetime.now(timezone.utc)
    remembered = dlt.current.resource_state("readings")
    yield from _tables_to_begin(remembered)
    state = remembered.setdefault("destinations", {})
    readings = [
        BoundedReading(
            Reading(
                destination,
                {name: DatasetCursor.from_state(cursor) for name, cursor in state.get(destination.name, {}).items()},
                collected_at,
                open_destination,
                destination_type(destination.name),
            )
        )
        for destination in settings.destinations
    ]
    shared = _SharedContent()
    schemas = _observed_schemas(settings, remembered)
    batches = map(shared.once, interleaved([*readings, *_captured(settings, remembered, collected_at)]))
    yield from (map(schemas.notice, batches) if schemas else batches)
    for reading in readings:
        state[reading.settings.name] = {name: cursor.to_state() for name, cursor in reading.cursors.items()}
    yield from _departed(settings, remembered, collected_at)
    exports = read_exports(settings.schema_exports, remembered.setdefault("exports", {}), collected_at)
    yield from map(shared.once, exports)
    if schemas:
        yield from map(shared.once, _built(settings, remembered, schemas, collected_at))


def _captured(settings: Settings, remembered: dict[str, Any], collected_at: datetime) -> Iterator[Iterator[Batch]]:
    """Yields the readings of what captures left; nothing is even imported where nothing is configured."""
    if settings.inbox:
        from meta_pipeline.collect.inbox import read_inbox  # noqa: PLC0415

        yield read_inbox(settings.inbox, remembered.setdefault("inboxes", {}), collected_at)
    if settings.pipelines_dirs:
        from meta_pipeline.collect.working_folder import read_working_folders  # noqa: PLC0415

        yield read_working_folders(settings.pipelines_dirs, remembered.setdefault("pipelines_dirs", {}), collected_at)


def _observed_schemas(settings: Settings, remembered: Mapping[str, Any]) -> ObservedSchemas | None:
    """Returns what looks at the schemas that pass, where there are dbt artifacts, or were."""
    left = any("manifests" in place for place in remembered.get("dbt_artifacts", {}).values())
    if not settings.dbt_artifacts and not left:
        return None
    from meta_pipeline.collect.stored import ObservedSchemas, StoredDataset  # noqa: PLC0415

    return ObservedSchemas(StoredDataset())


def _built(
    settings: Settings, remembered: dict[str, Any], schemas: ObservedSchemas, collected_at: datetime
) -> Iterator[Batch]:
    """Yields what dbt builds from what was loaded; nothing is even imported where nothing is configured."""
    from meta_pipeline.collect.dbt_artifacts import read_artifacts  # noqa: PLC0415

    databases = {item.name: database_name(item.name) for item in settings.destinations}
    if databases != remembered.get("databases"):
        remembered["databases"] = databases
        rows = [{"destination_name": name, "database_name": found} for name, found in databases.items()]
        yield batch_of_rows(DESTINATION_DATABASES, rows, collected_at)
    yield from read_artifacts(settings, remembered.setdefault("dbt_artifacts", {}), schemas, collected_at)


def _departed(settings: Settings, remembered: Mapping[str, Any], collected_at: datetime) -> Iterator[Batch]:
    """Yields, once, the coverage of what the settings do not name any more: destinations, inboxes and folders."""
    destinations = remembered.get("destinations", {})
    for name in destinations.keys() - {destination.name for destination in settings.destinations}:
        outcome = departure_outcome(f"destination {name}")
        yield from _excluded(name, destination_type(name), destinations[name], outcome, collected_at)
    for places, named, describe in (
        ("inboxes", {settings.inbox}, _describe_inboxes),
        ("pipelines_dirs", set(settings.pipelines_dirs), _describe_working_folders),
        ("dbt_artifacts", set(settings.dbt_artifacts), _describe_dbt_artifacts),
    ):
        yield from _departed_places(remembered.get(places, {}), named, describe, collected_at)


def _departed_places(
    places: dict[str, Any], named: Collection[str | None], describe: Callable[[], _Places], collected_at: datetime
) -> Iterator[Batch]:
    if not places:
        return
    kind = describe()
    for place in places.keys() - {kind.place_of(address) for address in named if address}:
        cursors = {place: places[place].get("cursor", {})}
        outcome = departure_outcome(f"{kind.destination_name} {place}")
        yield from _excluded(kind.destination_name, kind.destination_type, cursors, outcome, collected_at)
        places[place]["cursor"] = cursors[place]


@dataclass(frozen=True)
class _Places:
    """How places of files are told of in the coverage."""

    destination_name: str
    destination_type: str
    place_of: Callable[[str], str]


def _describe_inboxes() -> _Places:
    from meta_pipeline.collect import inbox  # noqa: PLC0415
    from meta_pipeline.collect.places import place_of  # noqa: PLC0415

    return _Places(inbox.DESTINATION_NAME, inbox.DESTINATION_TYPE, place_of)


def _describe_working_folders() -> _Places:
    from meta_pipeline.collect import working_folder  # noqa: PLC0415

    return _Places(working_folder.DESTINATION_NAME, working_folder.DESTINATION_TYPE, str)


def _describe_dbt_artifacts() -> _Places:
    from meta_pipeline.collect import dbt_artifacts  # noqa: PLC0415
    from meta_pipeline.collect.places import place_of  # noqa: PLC0415

    return _Places(dbt_artifacts.DESTINATION_NAME, dbt_artifacts.DESTINATION_TYPE, place_of)


def _excluded(
    destination_name: str, kind: str | None, cursors: dict[str, Any], outcome: Outcome, collected_at: datetime
) -> Iterator[Batch]:
    rows = []
    for name, stored in cursors.items():
        cursor = DatasetCursor.from_state(stored)
        if cursor.outcome != outcome.outcome:
            cursor = cursor.continued(outcome.outcome, collected_at)
            rows.append(coverage_row(destination_name, kind, name, outcome, cursor))
            cursors[name] = cursor.to_state()
    if rows:
        yield batch_of_rows(COVERAGE, rows, collected_at)


class _SharedContent:
    """Lets what several destinations hold in common pass once.

    dlt's ``insert-only`` keeps what is stored already, but takes a row twice that comes twice in one load.
    """

    def __init__(self) -> None:
        self._passed: dict[str, set[str]] = {name: set() for name in _CONTENT_KEYS}

    def once(self, batch: Batch) -> Batch:
        """Returns the batch without what another destination brought in this collection.

        Args:
            batch: A batch, which holds all rows of each content that it holds.
        """
        column = _CONTENT_KEYS.get(batch.table.name)
        if column is None:
            return batch
        passed = self._passed[batch.table.name]
        contents = pc.unique(batch.rows[column]).to_pylist()
        new = [content for content in contents if content not in passed]
        passed.update(new)
        if len(new) == len(contents):
            return batch
        return Batch(batch.table, batch.rows.filter(pc.is_in(batch.rows[column], pa.array(new, pa.string()))))


def _tables_to_begin(remembered: dict[str, Any]) -> Iterator[Batch]:
    """Yields an empty batch of each table that is wanted and was not wanted last time.

    Cursors only tell how far the tables were read that were wanted then. Where another one is wanted now, everything
    is read again; the cursors keep what the coverage is continued from.
    """
    wanted = sorted(table.name for table in RAW_TABLES if table.name in dlt.current.source().resources.selected)
    begun = remembered.get("tables", [])
    remembered["tables"] = wanted
    new = [table for table in RAW_TABLES if table.name in set(wanted) - set(begun)]
    if new and begun:
        for places in (*remembered.get("destinations", {}).values(), remembered.get("exports", {})):
            for name, cursor in places.items():
                places[name] = DatasetCursor.from_state(cursor).restarted().to_state()
        for captured in (*remembered.get("inboxes", {}).values(), *remembered.get("pipelines_dirs", {}).values()):
            captured.pop("seen", None)
    yield from (Batch(table, table.arrow_schema.empty_table()) for table in new)
