"""Turns the schema versions of a destination into rows: versions, their tables and columns, and what changed.

Content is read once per hash, however many datasets it stands in.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meta_pipeline.collect.batches import Batch, batch_of_columns, batch_of_rows
from meta_pipeline.collect.schemas import (
    Definitions,
    ParentMethod,
    SchemaContent,
    add_columns,
    diff_schemas,
    find_parent,
    read_content,
    reference_rows,
    root_table,
    table_row,
)
from meta_pipeline.collect.tables import (
    SCHEMA_CHANGES,
    SCHEMA_COLUMNS,
    SCHEMA_REFERENCES,
    SCHEMA_TABLES,
    SCHEMA_VERSION_TABLES,
    SCHEMA_VERSIONS,
)
from meta_pipeline.collect.warehouse import Problem, StoredVersion
from meta_pipeline.exceptions import RecordUnreadableError

MAX_COPIES_TRIED = 3

FetchContents = Callable[[Mapping[str, Sequence[str]]], Iterator[tuple[str, str | None]]]
"""Reads version hash and stored schema of the versions wanted by dataset."""


@dataclass
class SchemaArchive:
    """The schema contents read in one collection.

    Args:
        definitions: The distinct table definitions.
        contents: What each version says, by hash.
        unreadable: Why a version could not be read, by hash.
    """

    definitions: Definitions = field(default_factory=Definitions)
    contents: dict[str, SchemaContent] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    def fetch(self, wanted: Iterable[StoredVersion], fetch_contents: FetchContents) -> None:
        """Reads the contents that are not here yet, each from one of the datasets that hold it.

        Where that copy does not decode, a few others are tried.
        """
        holders: dict[str, list[str]] = defaultdict(list)
        for version in wanted:
            if version.version_hash not in self.contents and version.version_hash not in self.unreadable:
                holders[version.version_hash].append(version.dataset_name)
        for attempt in range(MAX_COPIES_TRIED):
            by_dataset: dict[str, list[str]] = defaultdict(list)
            for version_hash, datasets in holders.items():
                if version_hash not in self.contents and attempt < len(datasets):
                    by_dataset[datasets[attempt]].append(version_hash)
            if not by_dataset:
                return
            for version_hash, text in fetch_contents(by_dataset):
                self._add(version_hash, text)

    def _add(self, version_hash: str, text: str | None) -> None:
        try:
            self.contents[version_hash] = read_content(text or "", self.definitions, version_hash)
            self.unreadable.pop(version_hash, None)
        except RecordUnreadableError as error:
            self.unreadable[version_hash] = str(error)


@dataclass(frozen=True)
class _Link:
    version: StoredVersion
    parent: StoredVersion | None
    method: ParentMethod


def read_history(
    versions: Sequence[StoredVersion],
    is_new: Callable[[StoredVersion], bool],
    fetch_contents: FetchContents,
    problems: list[Problem],
    destination_name: str,
    collected_at: datetime,
) -> Iterator[Batch]:
    """Reads the new schema versions of a destination.

    Args:
        versions: All versions stored in the datasets that changed.
        is_new: Whether a version must be read.
        fetch_contents: Reads contents; called once for the new versions, and once more where a parent is an old one.
        problems: Receives the versions that do not decode; they get no row.
        destination_name: Name of the destination.
        collected_at: Start of the collection.

    Yields:
        Batches of ``schema_versions``, ``schema_version_tables``, ``schema_tables``, ``schema_columns``,
        ``schema_references`` and ``schema_changes``.
    """
    archive = SchemaArchive()
    versions = sorted(versions, key=_age)
    new = [version for version in versions if is_new(version)]
    archive.fetch(new, fetch_contents)
    links = list(_link(versions, new, archive))
    archive.fetch((link.parent for link in links if link.parent), fetch_contents)
    problems.extend(_problems(new, archive))

    yield batch_of_rows(SCHEMA_VERSIONS, [_version_row(link, destination_name) for link in links], collected_at)
    fresh = dict.fromkeys(link.version.version_hash for link in links)
    yield from content_batches([archive.contents[version_hash] for version_hash in fresh], archive, collected_at)
    yield batch_of_rows(SCHEMA_CHANGES, list(_change_rows(links, archive)), collected_at)


def content_batches(
    contents: Sequence[SchemaContent], archive: SchemaArchive, collected_at: datetime
) -> Iterator[Batch]:
    """Yields what versions hold: their tables and all definitions of the archive, each once.

    Args:
        contents: The versions.
        archive: The archive that they were read into.
        collected_at: Start of the collection.
    """
    definitions = archive.definitions
    used = dict.fromkeys(table_hash for content in contents for table_hash in content.tables.values())
    yield batch_of_columns(
        SCHEMA_VERSION_TABLES,
        {
            "version_hash": [content.version_hash for content in contents for _ in content.tables],
            "table_name": [name for content in contents for name in content.tables],
            "table_hash": [table_hash for content in contents for table_hash in content.tables.values()],
            "root_table": [
                root_table(name, content.tables, definitions) for content in contents for name in content.tables
            ],
        },
        collected_at,
    )
    tables: list[dict[str, Any]] = []
    columns: dict[str, list[Any]] = {column.name: [] for column in SCHEMA_COLUMNS.columns}
    del columns["collected_at"]
    references: list[dict[str, Any]] = []
    for table_hash in used:
        definition = definitions.get(table_hash)
        tables.append(table_row(table_hash, definition))
        add_columns(columns, table_hash, definition)
        references.extend(reference_rows(table_hash, definition))
    yield batch_of_rows(SCHEMA_TABLES, tables, collected_at)
    yield batch_of_columns(SCHEMA_COLUMNS, columns, collected_at)
    yield batch_of_rows(SCHEMA_REFERENCES, references, collected_at)


def _age(version: StoredVersion) -> tuple[float, int, str]:
    stored_at = version.inserted_at.timestamp() if version.inserted_at else 0.0
    return stored_at, version.version or 0, version.version_hash


def _link(versions: Sequence[StoredVersion], new: Sequence[StoredVersion], archive: SchemaArchive) -> Iterator[_Link]:
    """Yields each new, readable version with the version it is compared with."""
    lines: dict[tuple[str, str], dict[str, StoredVersion]] = defaultdict(dict)
    wanted = set(new)
    for version in versions:
        line = lines[version.dataset_name, version.schema_name]
        content = archive.contents.get(version.version_hash)
        if version in wanted and content:
            parent, method = find_parent(list(line), line.keys(), content.previous_hashes)
            yield _Link(version, line[parent] if parent else None, method)
        if version.version_hash not in archive.unreadable:
            line[version.version_hash] = version


def _version_row(link: _Link, destination_name: str) -> dict[str, Any]:
    return {
        "destination_name": destination_name,
        **vars(link.version),
        "parent_hash": link.parent.version_hash if link.parent else None,
        "parent_method": link.method,
    }


def _change_rows(links: Iterable[_Link], archive: SchemaArchive) -> Iterator[dict[str, Any]]:
    """Yields the changes of each step from version to version once, however many datasets took it."""
    done: set[tuple[str, str | None]] = set()
    for link in links:
        parent_hash = link.parent.version_hash if link.parent else None
        step = (link.version.version_hash, parent_hash)
        parent = archive.contents.get(parent_hash) if parent_hash else None
        if step in done or (parent_hash and parent is None):
            continue
        done.add(step)
        content = archive.contents[link.version.version_hash]
        for change in diff_schemas(parent, content, archive.definitions, is_branch=link.method == "branch"):
            row = {"version_hash": step[0], "parent_hash": step[1], **vars(change)}
            yield {"change_id": _change_id(row), **row}


def _change_id(row: Mapping[str, Any]) -> str:
    parts = ("version_hash", "parent_hash", "change_type", "table_name", "column_name", "hint_name")
    return hashlib.blake2b("\x00".join(str(row[part]) for part in parts).encode(), digest_size=16).hexdigest()


def _problems(new: Sequence[StoredVersion], archive: SchemaArchive) -> Iterator[Problem]:
    for version in new:
        reason = archive.unreadable.get(version.version_hash)
        if reason:
            yield Problem(
                version.dataset_name,
                "versions",
                f"version {version.version} of schema {version.schema_name} (_dlt_version, version_hash "
                f"{version.version_hash}) {reason}",
            )
