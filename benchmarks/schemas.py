"""Versions of a dlt schema, made by dlt itself, each one step on from the one before.

Names, data types and hints are drawn from a generator of random numbers with a fixed seed: the same name gives the same
versions, and two names give tables that have next to no definition in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import dlt
from dlt.common.json import json
from dlt.common.schema.utils import new_column, new_table, pipeline_state_table

ADJECTIVES = ("open", "daily", "legacy", "external", "regional", "partner", "archived", "internal", "planned", "billed")
NOUNS = ("order", "invoice", "account", "shipment", "ticket", "campaign", "payment", "contract", "session", "product")
FIELDS = ("amount", "status", "owner", "country", "channel", "reference", "score", "quantity", "region", "category")
QUALIFIERS = ("initial", "net", "gross", "billing", "primary", "target", "reported", "expected", "source", "last")
DATA_TYPES = ("text", "text", "text", "bigint", "bigint", "double", "decimal", "bool", "timestamp", "date", "json")

DLT_ROOT_COLUMNS = 2
DLT_NESTED_COLUMNS = 4
NESTED_EVERY = 4
PII_HINT = "x-annotation-pii"
SEEN_DATA = {"x-normalizer": {"seen-data": True}}


@dataclass(frozen=True)
class SchemaVersion:
    """A schema version as dlt stores it.

    Args:
        schema_name: The schema's name.
        version: Its number.
        engine_version: Version of dlt's schema format.
        version_hash: dlt's hash of the content.
        content: The JSON text.
    """

    schema_name: str
    version: int
    engine_version: int
    version_hash: str
    content: str


def schema_versions(name: str, versions: int, tables: int, columns: int) -> Iterator[SchemaVersion]:
    """Yields the stored versions of a schema that starts with `tables` tables and then changes in small steps.

    Args:
        name: The schema's name, and the seed of everything in it.
        versions: How many versions are stored.
        tables: Tables in the first version, dlt's own not counted.
        columns: Columns of each of them, dlt's own counted.
    """
    random = Random(name)
    schema = dlt.Schema(name)
    schema._bump_version()
    _add_tables(schema, random, tables, columns)
    yield _stored(schema)
    for step in range(1, versions):
        _change(schema, random, step, columns)
        yield _stored(schema)


def _stored(schema: dlt.Schema) -> SchemaVersion:
    """Returns what dlt writes into `_dlt_version` when it commits the schema as it is now."""
    schema._bump_version()
    return SchemaVersion(
        schema_name=schema.name,
        version=schema.version,
        engine_version=schema.ENGINE_VERSION,
        version_hash=schema.version_hash,
        content=json.dumps(schema.to_dict()),
    )


def _add_tables(schema: dlt.Schema, random: Random, tables: int, columns: int) -> None:
    """Adds the first tables the way a run does: root tables as they are extracted, nested ones as rows are normalized.

    dlt saves the schema after both, so that a hash stands among the previous ones that no destination ever stored.
    """
    nested = range(NESTED_EVERY - 1, tables, NESTED_EVERY)
    roots = {index: _add_root_table(schema, random, index, columns) for index in range(tables) if index not in nested}
    schema.update_table(_state_table())
    schema._bump_version()
    for name in roots.values():
        schema.update_table({"name": name, "columns": {}} | SEEN_DATA)
    for index in nested:
        _add_nested_table(schema, random, roots[index - 1], index, columns)


def _add_root_table(schema: dlt.Schema, random: Random, index: int, columns: int) -> str:
    name = f"{random.choice(ADJECTIVES)}_{random.choice(NOUNS)}s_{index}"
    key = [new_column("id", "bigint", nullable=False) | {"primary_key": True}]
    cursor = [new_column("updated_at", "timestamp") | {"incremental": True}]
    others = [_column(random, position) for position in range(columns - len(key + cursor) - DLT_ROOT_COLUMNS)]
    table = new_table(
        name,
        write_disposition=random.choice(("append", "merge", "replace")),
        columns=key + cursor + others + [_load_id_column(), _row_id_column()],
    )
    schema.update_table(table)
    return name


def _add_nested_table(schema: dlt.Schema, random: Random, root: str, index: int, columns: int) -> None:
    user_columns = [_column(random, position) for position in range(columns - DLT_NESTED_COLUMNS)]
    dlt_columns = [
        new_column("_dlt_root_id", "text", nullable=False) | {"root_key": True},
        new_column("_dlt_parent_id", "text", nullable=False) | {"parent_key": True},
        new_column("_dlt_list_idx", "bigint", nullable=False),
        _row_id_column(),
    ]
    name = f"{root}__{random.choice(NOUNS)}_items_{index}"
    schema.update_table(new_table(name, parent_table_name=root, columns=user_columns + dlt_columns) | SEEN_DATA)


def _change(schema: dlt.Schema, random: Random, step: int, columns: int) -> None:
    """Takes one of the steps that schemas take: mostly a new column, now and then a hint or a table."""
    if step % 6 == 0:
        name = _add_root_table(schema, random, len(schema.data_table_names()), columns)
        schema._bump_version()
        schema.update_table({"name": name, "columns": {}} | SEEN_DATA)
        return
    table = random.choice(schema.data_table_names())
    if step % 3 == 0:
        change = random.choice(_untagged_columns(schema, table)) | {PII_HINT: True}
    else:
        change = _column(random, columns + step)
    schema.update_table(_partial(schema, table) | {"columns": {change["name"]: change}})


def _untagged_columns(schema: dlt.Schema, table: str) -> list[dict[str, Any]]:
    columns = schema.get_table_columns(table).values()
    return [dict(column) for column in columns if not column["name"].startswith("_dlt") and PII_HINT not in column]


def _partial(schema: dlt.Schema, table: str) -> dict[str, Any]:
    return {key: value for key, value in schema.get_table(table).items() if key in ("name", "parent")}


def _column(random: Random, position: int) -> dict[str, Any]:
    data_type = random.choice(DATA_TYPES)
    name = f"{random.choice(QUALIFIERS)}_{random.choice(FIELDS)}_{position}"
    precision, scale = (38, 9) if data_type == "decimal" else (None, None)
    column = new_column(name, data_type, precision=precision, scale=scale)
    if random.random() < 0.1:
        column["description"] = f"The {name.replace('_', ' ')} as the source reports it"
    return dict(column)


def _load_id_column() -> dict[str, Any]:
    return dict(new_column("_dlt_load_id", "text", nullable=False))


def _row_id_column() -> dict[str, Any]:
    return dict(new_column("_dlt_id", "text", nullable=False)) | {"unique": True, "row_key": True}


def _state_table() -> dict[str, Any]:
    table = dict(pipeline_state_table()) | SEEN_DATA
    return table | {"columns": pipeline_state_table()["columns"] | {"_dlt_id": _row_id_column()}}
