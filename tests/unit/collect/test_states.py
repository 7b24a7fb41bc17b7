from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from dlt.common.json import json as dlt_json

from meta_pipeline.collect.states import MAX_VALUE_LENGTH, Cursor, read_state
from meta_pipeline.exceptions import RecordUnreadableError

SECRET = "hunter2"


def state(**changes: Any) -> dict[str, Any]:
    return {
        "pipeline_name": "crm",
        "default_schema_name": "shop",
        "schema_names": ["shop", "extra"],
        "_state_version": 3,
        "_state_engine_version": 4,
        "_version_hash": "h",
        "dataset_name": "crm",
        "destination_name": None,
        "destination_type": "dlt.destinations.duckdb",
        "sources": {},
        **changes,
    }


def with_cursor(cursor: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return state(sources={"shop": {"resources": {"orders": {"incremental": {"changed_at": cursor}, **more}}}})


def compressed(content: Mapping[str, Any]) -> str:
    return base64.b64encode(zlib.compress(dlt_json.typed_dumpb(content))).decode()


@pytest.mark.parametrize("encode", [compressed, dlt_json.typed_dumps], ids=["compressed", "json"])
def test_a_state_is_read_as_dlt_stores_it(encode: Any) -> None:
    read = read_state(encode(with_cursor({"initial_value": 1, "last_value": 7, "unique_hashes": ["a", "b"]})))

    assert read.default_schema_name == "shop"
    assert read.schema_names == ("shop", "extra")
    assert read.cursors == (Cursor("shop", "orders", "changed_at", "1", "7", 7.0, 2),)


@pytest.mark.parametrize(
    ("value", "text", "number"),
    [
        (None, None, None),
        (7, "7", 7.0),
        (7.5, "7.5", 7.5),
        (Decimal("7.50"), "7.50", 7.5),
        (True, "True", None),
        ("2026-01-01", "2026-01-01", None),
        (date(1970, 1, 2), "1970-01-02", 86_400.0),
        (datetime(1970, 1, 1, 0, 1, tzinfo=timezone.utc), "1970-01-01T00:01:00+00:00", 60.0),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), "1970-01-01T02:00:00+02:00", 0.0),
        ([1, 2], "[1,2]", None),
        ({"a": 1}, '{"a":1}', None),
        ("x" * (MAX_VALUE_LENGTH + 1), "x" * MAX_VALUE_LENGTH, None),
        (Decimal("NaN"), "NaN", None),
        (Decimal("1e400"), "1E+400", None),
    ],
)
def test_cursor_values_keep_their_type_as_text_and_number(value: Any, text: str | None, number: float | None) -> None:
    cursor = read_state(compressed(with_cursor({"last_value": value}))).cursors[0]

    assert (cursor.last_value, cursor.last_value_number) == (text, number)


def test_no_unlisted_field_survives() -> None:
    planted = with_cursor(
        {"last_value": 1, "unique_hashes": [SECRET, SECRET], "api_key": SECRET}, token=SECRET, last_value=SECRET
    )
    planted["sources"]["shop"] |= {"password": SECRET, "oauth": {"refresh": SECRET}}
    planted["sources"]["other"] = {"token": SECRET}
    planted |= {"_local": {"key": SECRET}, "credentials": SECRET, "dataset_name": SECRET}

    assert SECRET not in repr(read_state(compressed(planted)))


@pytest.mark.parametrize(
    "sources",
    [
        None,
        {"shop": None},
        {"shop": "text"},
        {"shop": {"resources": None}},
        {"shop": {"resources": {"orders": "text"}}},
        {"shop": {"resources": {"orders": {"incremental": None}}}},
        {"shop": {"resources": {"orders": {"incremental": {"changed_at": "text"}}}}},
    ],
)
def test_sources_may_put_anything_where_cursors_would_be(sources: Any) -> None:
    assert read_state(compressed(state(sources=sources))).cursors == ()


@pytest.mark.parametrize("engine_version", [1, 2, 3])
def test_older_formats_are_migrated(engine_version: int) -> None:
    old = with_cursor({"last_value": 7}) | {"_state_engine_version": engine_version, "destination": "duckdb"}
    del old["destination_name"], old["destination_type"], old["_version_hash"]

    read = read_state(compressed(old))

    assert read.schema_names == ("shop", "extra")
    assert read.cursors[0].last_value == "7"


def test_a_later_format_is_read_as_it_is() -> None:
    assert read_state(compressed(state(_state_engine_version=99))).schema_names == ("shop", "extra")


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        ("", "does not decode"),
        ("!", "does not decode"),
        ("{broken", "does not decode"),
        ("ünïcode", "does not decode"),
        (base64.b64encode(b"not zlib").decode(), "does not decode"),
        (base64.b64encode(zlib.compress(b"not json")).decode(), "does not decode"),
        (base64.b64encode(zlib.compress(b"[1]")).decode(), "not an object"),
        ("{}", "not a pipeline state"),
        ('{"_state_engine_version": "four"}', "not a pipeline state"),
    ],
)
def test_what_is_no_state_is_told_in_words(blob: str, words: str) -> None:
    with pytest.raises(RecordUnreadableError, match=words):
        read_state(blob)


def test_an_error_does_not_quote_the_state() -> None:
    with pytest.raises(RecordUnreadableError) as raised:
        read_state(json.dumps({"pipeline_name": SECRET, "_state_engine_version": 0, SECRET: SECRET}))

    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
