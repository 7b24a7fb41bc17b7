"""Reads stored dlt schemas and finds what changed from one version to the next.

A version's content is taken apart into table definitions, each known by the hash of what it says, so that a definition
that stands in a thousand datasets or in twenty versions is kept once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from meta_pipeline.collect.json_text import Member, end_of_value, read_members, scan_object
from meta_pipeline.exceptions import RecordUnreadableError

ParentMethod = Literal["previous_hash", "order", "branch", "none"]

FIRST_ENGINE_WITH_PREVIOUS_HASHES = 8
CURRENT_ENGINE = 11
# Migrations import the modules that a schema names, which may not be here, and which a warehouse shall not choose.
_NORMALIZERS = {"names": "snake_case", "json": {"module": "dlt.common.normalizers.json.relational"}}
_HEAD = frozenset({"name", "version", "version_hash", "engine_version", "previous_hashes"})
_NOT_HINTS = frozenset({"name", "columns", "x-normalizer", "parent", "resource", "write_disposition", "description"})
_ANNOTATION = "x-annotation"
_NOT_COLUMN_HINTS = frozenset({"name", "data_type", "nullable", "description", "x-normalizer"})


@dataclass(frozen=True)
class SchemaContent:
    """What a stored schema version says.

    Args:
        version_hash: dlt's hash of the content.
        schema_name: Name of the schema.
        version: Version number.
        engine_version: Version of dlt's schema format as stored.
        previous_hashes: Hashes of the versions before, newest first; None where the format has none.
        tables: Hash of each table's definition by the table's name; dlt's own tables are left out.
    """

    version_hash: str
    schema_name: str
    version: int
    engine_version: int
    previous_hashes: tuple[str, ...] | None
    tables: Mapping[str, str]


@dataclass(frozen=True)
class SchemaChange:
    """A difference between two versions.

    Args:
        change_type: What kind of difference it is, see ``SCHEMA_CHANGES`` in ``tables.py``.
        table_name: The table concerned.
        column_name: The column concerned.
        hint_name: The hint concerned.
        old_value: Value before.
        new_value: Value after.
    """

    change_type: str
    table_name: str | None = None
    column_name: str | None = None
    hint_name: str | None = None
    old_value: str | None = None
    new_value: str | None = None


class Definitions:
    """The distinct table definitions seen so far, kept as JSON because there may be very many.

    A definition that has no complete column is not kept: dlt creates no table for it.
    """

    def __init__(self) -> None:
        self.latest: Sequence[Member] = ()
        """The tables of the schema read last, as they stood in it."""
        self._by_hash: dict[str, tuple[str, str]] = {}
        self._parents: dict[str, str | None] = {}
        self._hashes: dict[tuple[str, str], str | None] = {}

    def add(self, name: str, text: str) -> str | None:
        """Keeps a definition.

        Args:
            name: The table's name.
            text: The table as JSON, as it stands in a stored schema.

        Returns:
            The definition's hash, or None where the table has no complete column.
        """
        key = (name, text)
        if key not in self._hashes:
            self._hashes[key] = self._add(name, text)
        return self._hashes[key]

    def _add(self, name: str, text: str) -> str | None:
        definition = _definition(name, text)
        if not any("data_type" in column for column in definition["columns"].values()):
            return None
        digest = hashlib.blake2b(_canonical(definition), digest_size=16).hexdigest()
        self._by_hash.setdefault(digest, (name, text))
        self._parents[digest] = definition.get("parent")
        return digest

    def get(self, table_hash: str) -> dict[str, Any]:
        """Returns a definition by its hash."""
        return _definition(*self._by_hash[table_hash])

    def parent(self, table_hash: str) -> str | None:
        """Returns the name of the table that a definition is nested in."""
        return self._parents[table_hash]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_hash)


def _definition(name: str, text: str) -> dict[str, Any]:
    """Returns what a stored table says, without what changes with every load.

    Of columns that have not seen data only annotated ones are kept: dlt unfolds an object into columns, and a list into
    a table, of its name, and what was annotated stays behind.
    """
    table = orjson.loads(text)
    columns = {
        key: column
        for key, column in (table.get("columns") or {}).items()
        if column.get("data_type") or any(hint.startswith(_ANNOTATION) for hint in column)
    }
    seen = bool((table.get("x-normalizer") or {}).get("seen-data"))
    return {**table, "name": name, "columns": columns, "x-normalizer": {"seen-data": seen}}


def _canonical(definition: Mapping[str, Any]) -> bytes:
    """Returns a definition such that only what it says matters: not the order of hints, but the order of columns."""
    columns = [[name, column] for name, column in definition["columns"].items()]
    return orjson.dumps({**definition, "columns": columns}, option=orjson.OPT_SORT_KEYS)


def read_content(text: str, definitions: Definitions, version_hash: str | None = None) -> SchemaContent:
    """Reads a stored schema.

    Args:
        text: JSON, or base64 of zlib of JSON, as dlt stores it where the warehouse's text is short.
        definitions: Receives the table definitions.
        version_hash: The hash under which the version was stored; by default the one within the content.

    Returns:
        The content.

    Raises:
        RecordUnreadableError: The text is neither, or is not a schema.
    """
    schema, texts = _parts(_decompressed(text), definitions)
    try:
        tables = {
            name: table_hash
            for name, table in texts.items()
            if not name.lower().startswith("_dlt_") and (table_hash := definitions.add(name, table))
        }
        previous_hashes = schema.get("previous_hashes")
        engine_version = schema["engine_version"]
        return SchemaContent(
            version_hash=version_hash or schema["version_hash"],
            schema_name=schema["name"],
            version=int(schema["version"]),
            engine_version=engine_version,
            previous_hashes=(
                tuple(previous_hashes or ()) if engine_version >= FIRST_ENGINE_WITH_PREVIOUS_HASHES else None
            ),
            tables=tables,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordUnreadableError(f"is JSON but not a dlt schema ({type(error).__name__}: {error})") from None


def _decompressed(text: str) -> str:
    try:
        return text if text.lstrip().startswith("{") else zlib.decompress(base64.b64decode(text)).decode()
    except (binascii.Error, zlib.error, ValueError):
        raise RecordUnreadableError("is neither JSON nor compressed JSON") from None


def _parts(text: str, definitions: Definitions) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns what a stored schema says of itself, and its tables in today's format as JSON."""
    parts: dict[str, Any] = {}
    texts: dict[str, str] = {}

    def read_value(name: str, start: int) -> int:
        nonlocal texts
        if name == "tables":
            members, end = read_members(text, start, definitions.latest)
            texts = {member.name: member.value for member in members}
            definitions.latest = [member for member in members if member.value.startswith("{")]
        else:
            end = end_of_value(text, start)
            if name in _HEAD:
                parts[name] = orjson.loads(text[start:end])
        return end

    try:
        is_whole = not text[scan_object(text, 0, read_value) :].strip()
    except ValueError:
        is_whole = False
    if not is_whole:
        raise RecordUnreadableError(_why_unreadable(text))
    engine_version = parts.get("engine_version")
    if not isinstance(engine_version, int):
        raise RecordUnreadableError("is JSON but not a dlt schema (no engine_version)")
    if engine_version < CURRENT_ENGINE:
        texts = _migrated_tables(orjson.loads(text), engine_version)
    return parts, texts


def _why_unreadable(text: str) -> str:
    try:
        orjson.loads(text)
    except ValueError:
        return "is neither JSON nor compressed JSON"
    return "is JSON but not an object"


def _migrated_tables(schema: dict[str, Any], engine_version: int) -> dict[str, str]:
    """Returns the tables of an older schema in today's format; dlt's own migration knows how."""
    from dlt.common.schema.migrations import migrate_schema  # noqa: PLC0415

    try:
        migrated = migrate_schema({**schema, "normalizers": _NORMALIZERS}, engine_version, CURRENT_ENGINE)
    except Exception as error:
        raise RecordUnreadableError(f"has format {engine_version}, which dlt cannot migrate: {error}") from None
    return {name: orjson.dumps(table).decode() for name, table in migrated["tables"].items()}


def find_parent(
    earlier: Sequence[str], known: Collection[str], previous_hashes: Sequence[str] | None
) -> tuple[str | None, ParentMethod]:
    """Finds the version that a version is compared with.

    Version numbers repeat across branches, so the line is followed through the hashes that a version names.

    Args:
        earlier: Hashes of the versions stored before in the same dataset and schema, oldest first.
        known: The same as a set.
        previous_hashes: Hashes that the version names as its ancestors, newest first; None in formats before 8.

    Returns:
        The parent's hash and how it is known.
    """
    if not earlier:
        return None, "none"
    if previous_hashes is None:
        return earlier[-1], "order"
    for ancestor in previous_hashes:
        if ancestor in known:
            return ancestor, "previous_hash"
    return earlier[-1], "branch"


def diff_schemas(
    old: SchemaContent | None, new: SchemaContent, definitions: Definitions, *, is_branch: bool = False
) -> list[SchemaChange]:
    """Finds what changed from one version to the next.

    Args:
        old: The version before; None for the first one.
        new: The version after.
        definitions: The table definitions of both.
        is_branch: Whether ``old`` belongs to another line of versions: then only what is new counts, because what is
            not there was never there.

    Returns:
        The changes: schema, then tables by name, then columns in their order.
    """
    if old is None:
        return [SchemaChange("schema_added", new_value=new.schema_name)]
    changes = [SchemaChange("schema_branched", new_value=new.schema_name)] if is_branch else []
    for name in sorted({name for name, _ in old.tables.items() ^ new.tables.items()}):
        before, after = old.tables.get(name), new.tables.get(name)
        if before is None:
            changes.append(SchemaChange("table_added", name))
        elif after is not None:
            found = _diff_table(name, definitions.get(before), definitions.get(after))
            changes.extend(change for change in found if not is_branch or change.change_type == "column_added")
        elif not is_branch:
            changes.append(SchemaChange("table_removed", name))
    return changes


def _diff_table(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SchemaChange]:
    for hint in sorted({*old, *new} - {"name", "columns", "x-normalizer"}):
        if old.get(hint) != new.get(hint):
            yield SchemaChange("table_hint_changed", name, None, hint, _text(old.get(hint)), _text(new.get(hint)))
    before, after = old["columns"], new["columns"]
    for column in before:
        if column not in after:
            yield SchemaChange("column_removed", name, column, None, before[column].get("data_type"), None)
    for column, definition in after.items():
        if column not in before:
            yield SchemaChange("column_added", name, column, None, None, definition.get("data_type"))
        elif before[column] != definition:
            yield from _diff_column(name, column, before[column], definition)


def _diff_column(table: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SchemaChange]:
    if old.get("data_type") != new.get("data_type"):
        yield SchemaChange("data_type_changed", table, name, None, old.get("data_type"), new.get("data_type"))
    if old.get("nullable", True) != new.get("nullable", True):
        yield SchemaChange(
            "nullability_changed", table, name, None, _text(old.get("nullable", True)), _text(new.get("nullable", True))
        )
    for hint in sorted({*old, *new} - {"name", "data_type", "nullable", "x-normalizer"}):
        if old.get(hint) != new.get(hint):
            yield SchemaChange("column_hint_changed", table, name, hint, _text(old.get(hint)), _text(new.get(hint)))


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def root_table(name: str, tables: Mapping[str, str], definitions: Definitions) -> str:
    """Follows a nested table's parents to the top.

    Args:
        name: The table.
        tables: Hashes of the version's definitions by table.
        definitions: The definitions.

    Returns:
        The name of the root table; the table itself where it has no parent, or one that is not there.
    """
    visited = {name}
    while (parent := definitions.parent(tables[name])) and parent in tables and parent not in visited:
        visited.add(parent)
        name = parent
    return name


def table_row(table_hash: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the row of ``schema_tables`` for a definition."""
    return {
        "table_hash": table_hash,
        "table_name": table["name"],
        "parent_table": table.get("parent"),
        "resource_name": table.get("resource"),
        "write_disposition": table.get("write_disposition"),
        "description": table.get("description"),
        "has_seen_data": table["x-normalizer"]["seen-data"],
        "hints": _hints(table, _NOT_HINTS),
    }


def add_columns(rows: Mapping[str, list[Any]], table_hash: str, table: Mapping[str, Any]) -> None:
    """Adds the columns of a definition to the lists of values that ``schema_columns`` is made of."""
    columns = table["columns"]
    definitions = columns.values()
    rows["table_hash"].extend([table_hash] * len(columns))
    rows["column_name"].extend(columns)
    rows["ordinal_position"].extend(range(1, len(columns) + 1))
    rows["data_type"].extend([column.get("data_type") for column in definitions])
    rows["is_nullable"].extend([column.get("nullable", True) for column in definitions])
    rows["description"].extend([column.get("description") for column in definitions])
    rows["hints"].extend([_hints(column, _NOT_COLUMN_HINTS) for column in definitions])


def reference_rows(table_hash: str, table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the rows of ``schema_references`` for a definition."""
    for position, reference in enumerate(table.get("references") or (), 1):
        yield {
            "table_hash": table_hash,
            "ordinal_position": position,
            "referenced_table": reference.get("referenced_table"),
            "columns": orjson.dumps(reference.get("columns") or []).decode(),
            "referenced_columns": orjson.dumps(reference.get("referenced_columns") or []).decode(),
        }


def _hints(definition: Mapping[str, Any], left_out: frozenset[str]) -> str | None:
    names = definition.keys() - left_out
    if not names:
        return None
    hints = {name: definition[name] for name in names}
    return orjson.dumps(hints, option=orjson.OPT_SORT_KEYS).decode()
