"""Reads stored pipeline states, keeping only what is on a short list.

A state may hold anything that a source put there, secrets too. Kept are the pipeline's schemas and, of each
incremental cursor, its path, its first and last value and how many hashes dlt keeps to deduplicate.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

import orjson
from dlt.common.json import custom_pua_decode_nested

from meta_pipeline.exceptions import RecordUnreadableError

MAX_VALUE_LENGTH = 1_000


@dataclass(frozen=True)
class Cursor:
    """An incremental cursor in a pipeline's state.

    Args:
        source_name: Name of the dlt source.
        resource_name: Name of the dlt resource.
        cursor_path: JSON path of the cursor in the resource's items.
        initial_value: Value it started from, as text.
        last_value: Value it had reached, as text.
        last_value_number: The same as a number, time stamps as unix time; None where it is text.
        unique_hash_count: How many hashes dlt keeps to deduplicate at the cursor.
    """

    source_name: str
    resource_name: str
    cursor_path: str
    initial_value: str | None
    last_value: str | None
    last_value_number: float | None
    unique_hash_count: int


@dataclass(frozen=True)
class PipelineState:
    """What is kept of a stored state.

    Args:
        default_schema_name: The pipeline's default schema.
        schema_names: All its schemas.
        cursors: Its incremental cursors.
    """

    default_schema_name: str | None
    schema_names: tuple[str, ...]
    cursors: tuple[Cursor, ...]


def read_state(blob: str) -> PipelineState:
    """Reads a stored state.

    Args:
        blob: The column ``state`` of ``_dlt_pipeline_state``: base64 of zlib of typed JSON, or typed JSON.

    Returns:
        The listed fields.

    Raises:
        RecordUnreadableError: The blob does not decode, or is not a state.
    """
    state = _decoded(blob)
    try:
        migrated = _migrated(state)
        return PipelineState(
            default_schema_name=migrated.get("default_schema_name"),
            schema_names=tuple(str(name) for name in migrated.get("schema_names") or ()),
            cursors=tuple(_cursors(migrated)),
        )
    except Exception as error:
        # The message of such an error may quote the state.
        raise RecordUnreadableError(f"decodes but is not a pipeline state ({type(error).__name__})") from None


def _decoded(blob: str) -> dict[str, Any]:
    try:
        content = blob.encode() if blob.lstrip().startswith("{") else zlib.decompress(base64.b64decode(blob))
        state = orjson.loads(content)
    except (binascii.Error, zlib.error, ValueError):
        raise RecordUnreadableError("does not decode") from None
    if not isinstance(state, dict):
        raise RecordUnreadableError("is not an object")
    return state


def _migrated(state: dict[str, Any]) -> Mapping[str, Any]:
    """Returns the state in today's format; one of a later dlt as it is, for formats only grow."""
    from dlt.pipeline.state_sync import PIPELINE_STATE_ENGINE_VERSION, migrate_state_to_current  # noqa: PLC0415

    if state["_state_engine_version"] > PIPELINE_STATE_ENGINE_VERSION:
        return state
    migrated: Mapping[str, Any] = migrate_state_to_current(str(state.get("pipeline_name")), state)
    return migrated


def _cursors(state: Mapping[str, Any]) -> Iterator[Cursor]:
    for source_name, source in (state.get("sources") or {}).items():
        resources = source.get("resources") if isinstance(source, Mapping) else None
        for resource_name, resource in (resources or {}).items():
            incremental = resource.get("incremental") if isinstance(resource, Mapping) else None
            for cursor_path, cursor in (incremental or {}).items():
                if isinstance(cursor, Mapping):
                    yield _cursor(source_name, resource_name, cursor_path, cursor)


def _cursor(source_name: str, resource_name: str, cursor_path: str, cursor: Mapping[str, Any]) -> Cursor:
    last_value = _typed(cursor.get("last_value"))
    return Cursor(
        source_name=source_name,
        resource_name=resource_name,
        cursor_path=cursor_path,
        initial_value=_text(_typed(cursor.get("initial_value"))),
        last_value=_text(last_value),
        last_value_number=_number(last_value),
        unique_hash_count=len(cursor.get("unique_hashes") or ()),
    )


def _typed(value: Any) -> Any:
    """Returns a value as the type that dlt marks in its JSON; of all that a state may hold, only what is kept."""
    return custom_pua_decode_nested(value)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    text = str(value) if isinstance(value, (str, int, float, Decimal)) else orjson.dumps(value, default=str).decode()
    return text[:MAX_VALUE_LENGTH]


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc).timestamp()
    return None
