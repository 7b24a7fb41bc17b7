"""Reads schemas that dlt exported to files, ``<name>.schema.yaml`` or ``<name>.schema.json``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import yaml

from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.history import SchemaArchive, content_batches
from meta_pipeline.collect.schemas import SchemaContent, read_content
from meta_pipeline.collect.tables import COVERAGE, EXPORTED_SCHEMAS
from meta_pipeline.exceptions import RecordUnreadableError

DESTINATION_NAME = "schema_exports"
DESTINATION_TYPE = "schema_export"
PATTERNS = ("*.schema.yaml", "*.schema.yml", "*.schema.json")

_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_exports(folders: Sequence[str], collected_at: datetime) -> Iterator[Batch]:
    """Reads all exported schemas.

    Args:
        folders: The configured folders; relative ones count from the working folder.
        collected_at: Start of the collection.

    Yields:
        Batches of ``exported_schemas``, of what the schemas hold, and of the coverage: each folder stands there as a
        dataset of the destination ``schema_exports``.
    """
    archive = SchemaArchive()
    rows: list[dict[str, Any]] = []
    contents: dict[str, SchemaContent] = {}
    coverage = []
    for folder in folders:
        problems = _missing(folder)
        names = set()
        for file in exported_files(Path(folder)):
            try:
                content = read_export(file, archive)
            except RecordUnreadableError as error:
                problems.append(f"file {file} {error}")
                continue
            contents[content.version_hash] = content
            names.add(content.schema_name)
            rows.append(_row(Path(folder), file, content))
        coverage.append(_coverage_row(folder, problems, len(names), collected_at))
    if folders:
        yield batch_of_rows(EXPORTED_SCHEMAS, rows, collected_at)
        yield from content_batches(list(contents.values()), archive, collected_at)
        yield batch_of_rows(COVERAGE, coverage, collected_at)


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
    from dlt.common.schema.utils import generate_version_hash  # noqa: PLC0415

    try:
        text = file.read_text(encoding="utf-8")
        schema = orjson.loads(text) if file.suffix == ".json" else yaml.load(text, Loader=_YAML_LOADER)  # noqa: S506
        version_hash = generate_version_hash(schema)
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise RecordUnreadableError("is not a dlt schema in YAML or JSON") from None
    return read_content(orjson.dumps(schema, default=str).decode(), archive.definitions, version_hash)


def _row(folder: Path, file: Path, content: SchemaContent) -> dict[str, Any]:
    return {
        "file_name": (Path(folder.name) / file.relative_to(folder)).as_posix(),
        "schema_name": content.schema_name,
        "version_hash": content.version_hash,
        "version": content.version,
        "engine_version": content.engine_version,
    }


def _missing(folder: str) -> list[str]:
    if Path(folder).is_dir():
        return []
    return [f"there is no folder {folder}. Check schema_exports in .dlt/config.toml"]


def _coverage_row(folder: str, problems: list[str], schemas_seen: int, collected_at: datetime) -> dict[str, Any]:
    identity = f"{DESTINATION_NAME}\x00{folder}\x00{bool(problems)}"
    return {
        "coverage_id": hashlib.blake2b(identity.encode(), digest_size=12).hexdigest(),
        "destination_name": DESTINATION_NAME,
        "destination_type": DESTINATION_TYPE,
        "dataset_name": folder,
        "outcome": "partial" if problems else "complete",
        "error": "; ".join(problems) or None,
        "schemas_seen": schemas_seen,
        "since": collected_at,
    }
