"""Reads the artifacts that dbt leaves: what the users' own projects build from what dlt loaded.

Files are never changed, moved or deleted here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Any

import orjson

from meta_pipeline import file_places
from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.column_lineage import OutputColumn
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.dbt_lineage import RULES_VERSION, Analysis, analyse_project, words_of
from meta_pipeline.collect.dbt_manifest import DbtNode, DbtProject, read_manifest
from meta_pipeline.collect.outcomes import (
    MAX_PROBLEMS_TOLD,
    Outcome,
    broken_off,
    coverage_row,
    digest_of,
    failure_outcome,
    worst_of,
)
from meta_pipeline.collect.places import CONFIG_SECTIONS, OpenPlace, open_place, place_of
from meta_pipeline.collect.stored import ObservedSchemas, StoredDataset
from meta_pipeline.collect.tables import (
    COLLECTIONS,
    COVERAGE,
    DBT_ANALYSES,
    DBT_ARTIFACTS,
    DBT_COLUMN_EDGES,
    DBT_COLUMNS,
    DBT_DEPENDENCIES,
    DBT_NODES,
    DBT_OUTPUT_COLUMNS,
    RawTable,
)
from meta_pipeline.config import DestinationSettings, Settings
from meta_pipeline.exceptions import (
    CollectionError,
    ConfigurationError,
    DestinationForbiddenError,
    DestinationUnreachableError,
    RecordUnreadableError,
)

DESTINATION_NAME = "dbt_artifacts"
DESTINATION_TYPE = file_places.DBT_ARTIFACTS
SETTINGS = DestinationSettings(DESTINATION_NAME)

MANIFEST, CATALOG, RUN_RESULTS = "manifest.json", "catalog.json", "run_results.json"
MAX_FILE_BYTES = 512 << 20
_ROWS_AT_ONCE = 20_000

# What a store tells of a file that changes with its content.
_MARKS = ("size", "mtime", "ETag", "etag", "LastModified", "last_modified", "updated", "md5Hash", "generation")

_MOMENTS = ("generated_at", "since")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArtifactFiles(OpenPlace):
    """A place with artifacts."""

    def manifests(self) -> list[str]:
        """Returns the folders with a manifest, sorted: the place itself, and two levels below it.

        Raises:
            CollectionError: The place is not there, or cannot be listed.
        """
        try:
            self.files.ls(self.root, detail=False, refresh=True)
            found = self.files.find(self.root, maxdepth=3)
        except FileNotFoundError:
            raise DestinationUnreachableError(
                f"there is no folder {self.place}. Check dbt_artifacts in .dlt/config.toml"
            ) from None
        except PermissionError:
            raise DestinationForbiddenError(f"{self.place} may not be listed. Grant the right to read it") from None
        except Exception as error:
            # Each store has errors of its own, which may quote credentials.
            raise DestinationUnreachableError(
                f"{self.place} cannot be reached ({type(error).__name__}). Check dbt_artifacts in .dlt/config.toml and "
                f"its credentials in [{'.'.join(CONFIG_SECTIONS)}.credentials], and run again"
            ) from None
        return sorted(str(PurePosixPath(path).parent) for path in found if PurePosixPath(path).name == MANIFEST)

    def name_of(self, folder: str) -> str:
        """Returns what a manifest goes by."""
        within = folder.strip("/").removeprefix(self.root.strip("/")).strip("/")
        return "/".join(part for part in (self.place.rstrip("/"), within, MANIFEST) if part)

    def mark(self, folder: str) -> str:
        """Returns what changes when an artifact of a project is written anew."""
        marks = []
        for name in (MANIFEST, CATALOG, RUN_RESULTS):
            try:
                info = self.files.info(f"{folder}/{name}")
            except FileNotFoundError:
                continue
            marks.append([name, *(str(info[key]) for key in _MARKS if key in info)])
        return digest_of(marks)

    def content(self, folder: str, name: str) -> bytes | None:
        """Returns the content of a file, None where there is none.

        Raises:
            RecordUnreadableError: It may not be read, or is too large.
        """
        path = f"{folder}/{name}"
        try:
            if self.files.info(path)["size"] > MAX_FILE_BYTES:
                raise RecordUnreadableError(f"has more than {MAX_FILE_BYTES >> 20} MB")
            return bytes(self.files.cat_file(path))
        except FileNotFoundError:
            return None
        except RecordUnreadableError:
            raise
        except Exception as error:
            raise RecordUnreadableError(f"may not be read ({type(error).__name__})") from None


@dataclass
class _Reading:
    """What is read of all places."""

    settings: Settings
    schemas: ObservedSchemas
    collected_at: datetime
    row_count: int = 0

    def batch(self, table: RawTable, rows: Sequence[Mapping[str, Any]]) -> Batch:
        self.row_count += len(rows)
        return batch_of_rows(table, rows, self.collected_at)


def nothing_in(place: str) -> str:
    """Says that there is no manifest in a place, and what to do next.

    Args:
        place: The place.
    """
    return f"there is no {MANIFEST} in {place}. Run dbt compile there, or check dbt_artifacts in .dlt/config.toml"


def open_artifacts(url: str) -> ArtifactFiles:
    """Opens a place with artifacts; nothing is read yet.

    Args:
        url: A folder, or any URL that fsspec knows.

    Raises:
        ConfigurationError: A credential or a package is missing.
    """
    return ArtifactFiles(**vars(open_place(url, "dbt_artifacts")))


def read_artifacts(
    settings: Settings, state: dict[str, Any], schemas: ObservedSchemas, collected_at: datetime
) -> Iterator[Batch]:
    """Reads the artifacts that changed, and those whose models read tables that may have changed.

    Args:
        settings: Names the places.
        state: What was seen of each place before, as JSON objects; moved when it was read.
        schemas: Columns of the observed tables.
        collected_at: Start of the collection.

    Yields:
        Batches of the artifacts, their nodes and what the models make of columns; of the coverage, where each place
        stands as a dataset of the destination ``dbt_artifacts``; and of the collections.
    """
    started, reading = time.monotonic(), _Reading(settings, schemas, collected_at)
    coverage, outcomes = [], []
    urls = {place_of(url): url for url in settings.dbt_artifacts}
    for place, url in urls.items():
        before = state.get(place, {})
        moved = {"manifests": dict(before.get("manifests", {}))}
        try:
            yield from _read_place(open_artifacts(url), moved["manifests"], reading)
            outcome = _outcome(place, moved["manifests"])
        except (CollectionError, ConfigurationError) as error:
            outcome = failure_outcome(error, SETTINGS)
        except Exception as error:
            logger.debug("Reading dbt artifacts broke off", exc_info=True)
            outcome = failure_outcome(broken_off(error), SETTINGS)
        if outcome.error:
            logger.warning("%s", outcome.error)
        cursor = DatasetCursor.from_state(before.get("cursor", {})).continued(outcome.outcome, collected_at)
        state[place] = {**moved, "cursor": cursor.to_state()}
        coverage.append(coverage_row(DESTINATION_NAME, DESTINATION_TYPE, place, outcome, cursor))
        outcomes.append(outcome)
    yield from _departed(state, urls, reading)
    logger.info("%s: %s new rows", DESTINATION_NAME, f"{reading.row_count:,}")
    yield batch_of_rows(COVERAGE, coverage, collected_at)
    collection = {
        "destination_name": DESTINATION_NAME,
        "destination_type": DESTINATION_TYPE,
        "outcome": worst_of(outcomes),
        "dataset_count": len(outcomes),
        "query_count": 0,
        "row_count": reading.row_count,
        "duration_seconds": time.monotonic() - started,
    }
    yield batch_of_rows(COLLECTIONS, [collection], collected_at)


def _read_place(place: ArtifactFiles, manifests: dict[str, Any], reading: _Reading) -> Iterator[Batch]:
    folders = {place.name_of(folder): folder for folder in place.manifests()}
    if not folders and not manifests:
        raise DestinationUnreachableError(nothing_in(place.place))
    for name in sorted(manifests.keys() - folders.keys()):
        error = f"{name} is not there any more; what was read of it is kept. Run dbt compile there"
        yield from _told(name, "missing", error, manifests, reading)
    for name, folder in folders.items():
        own = [RULES_VERSION, version("sqlglot"), sorted(reading.settings.dbt_meta_keys)]
        mark = digest_of([place.mark(folder), own])
        if manifests.get(name, {}).get("mark") == mark and not reading.schemas.has_changed:
            continue
        try:
            project = _read_project(place, folder, reading)
        except RecordUnreadableError as error:
            told = f"{name} {error}. Run dbt compile there, or take it out of dbt_artifacts"
            yield from _told(name, "unreadable", told, manifests, reading)
        else:
            yield from _batches(name, project, reading)
            row = {**_artifact_row(name, project), "has_catalog": place.files.exists(f"{folder}/{CATALOG}")}
            yield from _told(name, "read", None, manifests, reading, row)
        manifests[name]["mark"] = mark


def _read_project(place: ArtifactFiles, folder: str, reading: _Reading) -> DbtProject:
    manifest = place.content(folder, MANIFEST)
    if manifest is None:
        raise RecordUnreadableError("went away while it was read")
    catalog, run_results = place.content(folder, CATALOG), place.content(folder, RUN_RESULTS)
    return read_manifest(manifest, catalog, run_results, reading.settings.dbt_meta_keys)


def _told(
    name: str,
    outcome: str,
    error: str | None,
    manifests: dict[str, Any],
    reading: _Reading,
    read: Mapping[str, Any] | None = None,
) -> Iterator[Batch]:
    """Yields what became of a manifest, where that is news; what was known of it before stays, unless it was read."""
    before = manifests.get(name, {}).get("row", {"artifact_path": name})
    row = {**(read or before), "outcome": outcome, "error": error}
    row["since"] = before.get("since")
    if _without_moments(row) != _without_moments(before):
        row["since"] = _since(row, reading)
    manifests[name] = {"row": row}
    if row != before:
        moments = {key: datetime.fromisoformat(row[key]) for key in _MOMENTS if row.get(key)}
        yield reading.batch(DBT_ARTIFACTS, [{**row, **moments}])


def _without_moments(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in _MOMENTS}


def _since(row: Mapping[str, Any], reading: _Reading) -> str:
    """Returns from when on a manifest is like this: history counts from what dbt wrote, before we looked."""
    generated_at = row.get("generated_at")
    is_later = generated_at and (row["since"] is None or generated_at > row["since"])
    return str(generated_at) if row["outcome"] == "read" and is_later else reading.collected_at.isoformat()


def _departed(state: dict[str, Any], urls: Mapping[str, str], reading: _Reading) -> Iterator[Batch]:
    """Yields, once, that the manifests of a place are left out that is not configured any more."""
    for place in state.keys() - urls.keys():
        manifests = state[place].pop("manifests", {})
        for name in list(manifests):
            yield from _told(name, "excluded", None, manifests, reading)


def _outcome(place: str, manifests: Mapping[str, Any]) -> Outcome:
    problems = [item["row"]["error"] for item in manifests.values() if item["row"]["error"]]
    if not problems:
        return Outcome("complete")
    more = f" (and {len(problems) - MAX_PROBLEMS_TOLD} more)" if len(problems) > MAX_PROBLEMS_TOLD else ""
    return Outcome("partial", f"{DESTINATION_NAME} {place}: {'; '.join(problems[:MAX_PROBLEMS_TOLD])}{more}")


def _artifact_row(name: str, project: DbtProject) -> dict[str, Any]:
    return {
        "artifact_path": name,
        "project_name": project.name,
        "adapter_type": project.adapter_type,
        "manifest_version": project.manifest_version,
        "dbt_version": project.dbt_version,
        "generated_at": project.generated_at.isoformat(),
    }


@dataclass(frozen=True)
class _Stored:
    """A node as it is stored."""

    changed_at: datetime
    node_hash: str | None
    analysis_hash: str | None
    is_removed: bool


def _batches(name: str, project: DbtProject, reading: _Reading) -> Iterator[Batch]:
    """Yields the rows of the nodes that changed."""
    before = _stored_nodes(name, reading.schemas.stored)
    observed = reading.schemas.columns(words_of(project))
    analyses = analyse_project(project, observed, _stored_analyses(name, reading.schemas.stored))
    rows: dict[RawTable, list[dict[str, Any]]] = {
        table: []
        for table in (DBT_NODES, DBT_DEPENDENCIES, DBT_COLUMNS, DBT_ANALYSES, DBT_OUTPUT_COLUMNS, DBT_COLUMN_EDGES)
    }
    for unique_id, node in project.nodes.items():
        analysis, known = analyses.get(unique_id), before.get(unique_id)
        analysis_hash = analysis.analysis_hash if analysis else None
        node_hash = node.node_hash
        if known and not known.is_removed and (known.node_hash, known.analysis_hash) == (node_hash, analysis_hash):
            continue
        is_other = not known or known.is_removed or known.node_hash != node_hash
        changed_at = _changed_at(project.generated_at if is_other else reading.collected_at, known, reading)
        rows[DBT_NODES].append(
            {**_node_row(name, project, node), "node_hash": node_hash, "analysis_hash": analysis_hash}
            | {"changed_at": changed_at}
        )
        rows[DBT_DEPENDENCIES] += [{"node_hash": node_hash, "parent_id": parent} for parent in node.parents]
        rows[DBT_COLUMNS] += _column_rows(node, node_hash)
        if analysis and analysis.is_new:
            for table, made in _analysis_rows(analysis).items():
                rows[table] += made
        for table in [table for table, made in rows.items() if len(made) >= _ROWS_AT_ONCE]:
            yield reading.batch(table, rows[table])
            rows[table] = []
    for unique_id, known in before.items():
        if unique_id not in project.nodes and not known.is_removed:
            changed_at = _changed_at(project.generated_at, known, reading)
            rows[DBT_NODES].append(
                {"artifact_path": name, "unique_id": unique_id, "changed_at": changed_at, "is_removed": True}
            )
    yield from (reading.batch(table, made) for table, made in rows.items() if made)


def _changed_at(moment: datetime, known: _Stored | None, reading: _Reading) -> datetime:
    """Returns a moment after the last change that is known: an older manifest may have been put back."""
    return reading.collected_at if known and moment <= known.changed_at else moment


def _node_row(name: str, project: DbtProject, node: DbtNode) -> dict[str, Any]:
    return {
        "artifact_path": name,
        "unique_id": node.unique_id,
        "is_removed": False,
        "project_name": project.name,
        "adapter_type": project.adapter_type,
        "resource_type": node.resource_type,
        "package_name": node.package_name,
        "node_name": node.name,
        "database_name": node.relation.database if node.relation else None,
        "schema_name": node.relation.schema if node.relation else None,
        "identifier": node.relation.identifier if node.relation else None,
        "materialization": node.materialization,
        "language": node.language,
        "tags": _json(node.tags),
        "meta": _json(node.meta),
        "description": node.description,
    }


def _column_rows(node: DbtNode, node_hash: str) -> Iterator[dict[str, Any]]:
    for place, column in enumerate(node.columns, 1):
        yield {
            "node_hash": node_hash,
            "column_name": column.name,
            "ordinal_position": place,
            "data_type": column.data_type,
            "tags": _json(column.tags),
            "meta": _json(column.meta),
            "description": column.description,
        }


def _analysis_rows(analysis: Analysis) -> dict[RawTable, list[dict[str, Any]]]:
    key = {"analysis_hash": analysis.analysis_hash}
    edges = [
        {
            **key,
            "from_database": edge.source.database,
            "from_schema": edge.source.schema,
            "from_identifier": edge.source.identifier,
            "from_column": edge.from_column,
            "to_column": edge.to_column,
            "transformation": edge.transformation,
            "is_masked": edge.is_masked,
            "functions": ",".join(edge.functions) or None,
            "is_declared": edge.source in analysis.declared,
        }
        for edge in analysis.edges
    ]
    columns = [
        {**key, "ordinal_position": place, "column_name": column.name, "state": column.state}
        for place, column in enumerate(analysis.columns, 1)
    ]
    return {
        DBT_ANALYSES: [{**key, "error": analysis.error}],
        DBT_OUTPUT_COLUMNS: columns,
        DBT_COLUMN_EDGES: edges,
    }


_FINISHED = "_dlt_load_id in (select load_id from {_dlt_loads} where status = 0)"


def _stored_nodes(name: str, stored: StoredDataset) -> dict[str, _Stored]:
    """Returns the nodes as a finished collection stored them last."""
    rows = stored.rows(
        "select unique_id, changed_at, node_hash, analysis_hash, is_removed from {dbt_nodes} "
        f"where artifact_path = %s and {_FINISHED} order by changed_at",
        name,
    )
    return {row[0]: _Stored(*row[1:]) for row in rows}


def _stored_analyses(name: str, stored: StoredDataset) -> dict[str, Analysis]:
    """Returns the analyses that need not be made again."""
    used = f"in (select analysis_hash from {{dbt_nodes}} where artifact_path = %s and {_FINISHED})"
    columns: dict[str, list[OutputColumn]] = {}
    for analysis_hash, column_name, state in stored.rows(
        "select analysis_hash, column_name, state from {dbt_output_columns} "
        f"where analysis_hash {used} order by ordinal_position",
        name,
    ):
        columns.setdefault(analysis_hash, []).append(OutputColumn(column_name, state))
    rows = stored.rows(f"select analysis_hash, error from {{dbt_analyses}} where analysis_hash {used}", name)
    return {row[0]: Analysis(row[0], row[1], tuple(columns.get(row[0], ())), is_new=False) for row in rows}


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None
