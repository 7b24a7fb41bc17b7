"""Reads schemas that dlt exported to files, ``<name>.schema.yaml`` or ``<name>.schema.json``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import orjson
import yaml

from meta_pipeline import file_places
from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.history import SchemaArchive, content_batches
from meta_pipeline.collect.outcomes import Outcome, coverage_row, digest_of, worst_of
from meta_pipeline.collect.schemas import CURRENT_ENGINE, SchemaContent, read_content
from meta_pipeline.collect.tables import COLLECTIONS, COVERAGE, EXPORTED_SCHEMAS
from meta_pipeline.exceptions import RecordUnreadableError

DESTINATION_NAME = "schema_exports"
DESTINATION_TYPE = file_places.SCHEMA_EXPORT
PATTERNS = ("*.schema.yaml", "*.schema.yml", "*.schema.json")

_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Folder:
    """What was read of one configured folder."""

    path: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, SchemaContent] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Returns a hash of what the files say."""
        return digest_of([[row["file_name"], row["version_hash"]] for row in self.rows])

    @property
    def schema_names(self) -> set[str]:
        """Returns the names of the schemas in it."""
        return {content.schema_name for content in self.contents.values()}


def read_exports(folders: Sequence[str], state: dict[str, Any], collected_at: datetime) -> Iterator[Batch]:
    """Reads all exported schemas.

    Args:
        folders: The configured folders; relative ones count from the working folder.
        state: Cursors by folder, as JSON objects; moved when the folder was read.
        collected_at: Start of the collection.

    Yields:
        Batches of ``exported_schemas`` and of what the schemas hold, for folders in which something changed, and of the
        coverage: each folder stands there as a dataset of the destination ``schema_exports``. Nothing where no folder
        is configured.
    """
    if not folders:
        return
    started, row_count = time.monotonic(), 0
    coverage, outcomes = [], []
    passed: set[str] = set()
    for path in dict.fromkeys(folders):
        folder, archive = _Folder(path), SchemaArchive()
        _read_folder(folder, archive)
        # A folder may lie within another one.
        rows = [row for row in folder.rows if row["file_name"] not in passed]
        passed.update(row["file_name"] for row in rows)
        before = DatasetCursor.from_state(state.get(path, {}))
        cursor = replace(before, digest=folder.digest, schemas_seen=len(folder.schema_names))
        if rows and cursor.digest != before.digest:
            row_count += len(rows)
            yield batch_of_rows(EXPORTED_SCHEMAS, rows, collected_at)
            yield from content_batches(list(folder.contents.values()), archive, collected_at)
        outcome = Outcome("partial", "; ".join(folder.problems)) if folder.problems else Outcome("complete")
        cursor = cursor.continued(outcome.outcome, collected_at)
        coverage.append(coverage_row(DESTINATION_NAME, DESTINATION_TYPE, path, outcome, cursor))
        outcomes.append(outcome)
        state[path] = cursor.to_state()
    yield batch_of_rows(COVERAGE, coverage, collected_at)
    collection = {
        "destination_name": DESTINATION_NAME,
        "destination_type": DESTINATION_TYPE,
        "outcome": worst_of(outcomes),
        "dataset_count": len(folders),
        "query_count": 0,
        "row_count": row_count,
        "duration_seconds": time.monotonic() - started,
    }
    yield batch_of_rows(COLLECTIONS, [collection], collected_at)


def missing_folder(path: str) -> str | None:
    """Says what is wrong with a configured folder; None where it is there."""
    return None if Path(path).is_dir() else f"there is no folder {path}. Check schema_exports in .dlt/config.toml"


def _read_folder(folder: _Folder, archive: SchemaArchive) -> None:
    path = Path(folder.path)
    if problem := missing_folder(folder.path):
        folder.problems.append(problem)
    for file in exported_files(path):
        try:
            content = read_export(file, archive)
        except RecordUnreadableError as error:
            folder.problems.append(f"file {file} {error}. Export it again, or take it out of the folder")
            continue
        folder.contents[content.version_hash] = content
        folder.rows.append(_row(path, file, content))


def exported_files(folder: Path) -> list[Path]:
    """Returns the schema files below a folder, sorted."""
    return sorted(file for pattern in PATTERNS for file in folder.rglob(pattern) if file.is_file())


def read_export(file: Path, archive: SchemaArchive) -> SchemaContent:
    """Reads one exported schema.

    Args:
        file: The file.
        archive: Receives its table definitions.

    Returns:
        The content, under the hash that dlt would give it: people edit such files by hand.

    Raises:
        RecordUnreadableError: The file is not YAML or JSON, or not a dlt schema.
    """
    try:
        text = file.read_text(encoding="utf-8")
        schema = orjson.loads(text) if file.suffix == ".json" else yaml.load(text, Loader=_YAML_LOADER)  # noqa: S506
        version_hash = _version_hash(schema)
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise RecordUnreadableError("is not a dlt schema in YAML or JSON") from None
    return read_content(orjson.dumps(schema, default=str).decode(), archive.definitions, version_hash)


def _version_hash(schema: dict[str, Any]) -> str:
    """Returns the hash of an exported schema, after filling in the names and defaults that dlt left out of the file."""
    from dlt.common.schema.utils import apply_defaults, generate_version_hash  # noqa: PLC0415

    if schema["engine_version"] < CURRENT_ENGINE:
        # dlt changes such a schema before it computes a hash: the one in the file cannot be checked.
        return str(schema.get("version_hash") or generate_version_hash(cast(Any, schema)))
    return generate_version_hash(apply_defaults(cast(Any, schema)))


def _row(folder: Path, file: Path, content: SchemaContent) -> dict[str, Any]:
    return {
        "file_name": (folder / file.relative_to(folder)).as_posix(),
        "schema_name": content.schema_name,
        "version_hash": content.version_hash,
        "version": content.version,
        "engine_version": content.engine_version,
    }
