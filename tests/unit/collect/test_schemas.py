from __future__ import annotations

import base64
import json
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from meta_pipeline.collect.schemas import (
    Definitions,
    SchemaChange,
    SchemaContent,
    add_columns,
    diff_schemas,
    find_parent,
    read_content,
    reference_rows,
    root_table,
    table_row,
)
from meta_pipeline.exceptions import RecordUnreadableError

CASES = yaml.safe_load((Path(__file__).parents[2] / "fixtures" / "schema_changes.yaml").read_text(encoding="utf-8"))

ORDERS = {"orders": {"columns": {"id": {"name": "id", "data_type": "bigint"}}}}


def stored(tables: Mapping[str, Any], **changes: Any) -> str:
    """Returns a schema as dlt stores it."""
    schema = {
        "version": 2,
        "version_hash": "hash-2",
        "engine_version": 11,
        "name": "shop",
        "tables": tables,
        "settings": {},
        "normalizers": {"names": "snake_case", "json": {"module": "dlt.common.normalizers.json.relational"}},
        "previous_hashes": ["hash-1"],
    }
    return json.dumps({**schema, **changes})


def read(tables: Mapping[str, Any], definitions: Definitions | None = None, **changes: Any) -> SchemaContent:
    return read_content(stored(tables, **changes), definitions if definitions is not None else Definitions())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_changes_between_two_versions(case: Mapping[str, Any]) -> None:
    definitions = Definitions()
    old, new = read(case["old"], definitions), read(case["new"], definitions)

    found = diff_schemas(old, new, definitions, is_branch=case.get("is_branch", False))

    assert found == [SchemaChange(*change) for change in case["changes"]]


def test_the_first_version_adds_the_schema() -> None:
    definitions = Definitions()

    found = diff_schemas(None, read(ORDERS, definitions), definitions)

    assert found == [SchemaChange("schema_added", new_value="shop")]


def test_every_type_of_change_is_among_the_cases() -> None:
    described = {
        "schema_branched",
        "table_added",
        "table_removed",
        "table_hint_changed",
        "column_added",
        "column_removed",
        "data_type_changed",
        "nullability_changed",
        "column_hint_changed",
    }

    assert {change[0] for case in CASES for change in case["changes"]} == described


@pytest.mark.parametrize(
    "encoded",
    [
        stored(ORDERS),
        "  " + stored(ORDERS),
        base64.b64encode(zlib.compress(stored(ORDERS).encode())).decode(),
        stored({"Größe": ORDERS["orders"]}),
    ],
    ids=["json", "indented json", "compressed", "non-ascii"],
)
def test_a_schema_is_read_as_dlt_stores_it(encoded: str) -> None:
    content = read_content(encoded, Definitions())

    assert (content.schema_name, content.version, content.version_hash) == ("shop", 2, "hash-2")
    assert content.previous_hashes == ("hash-1",)
    assert len(content.tables) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither JSON nor compressed JSON"),
        ("{broken", "neither JSON nor compressed JSON"),
        ("not a schema", "neither JSON nor compressed JSON"),
        ("ünïcode", "neither JSON nor compressed JSON"),
        (base64.b64encode(b"not zlib").decode(), "neither JSON nor compressed JSON"),
        (base64.b64encode(zlib.compress(b"[1, 2]")).decode(), "not an object"),
        ("{}", "no engine_version"),
        ('{"engine_version": "11"}', "no engine_version"),
        ('{"engine_version": 11}', "not a dlt schema"),
        (stored({"orders": []}), "not a dlt schema"),
        (stored(ORDERS, version="two"), "not a dlt schema"),
        ('{"engine_version": 9, "name": "shop"}', "cannot migrate"),
    ],
)
def test_what_is_no_schema_is_told_in_words(text: str, words: str) -> None:
    with pytest.raises(RecordUnreadableError, match=words):
        read_content(text, Definitions())


def test_the_hash_under_which_a_version_was_stored_goes_first() -> None:
    assert read_content(stored(ORDERS), Definitions(), "stored-hash").version_hash == "stored-hash"


@pytest.mark.parametrize("engine_version", [4, 6, 7, 8, 9, 10])
def test_older_formats_are_migrated(engine_version: int) -> None:
    tables = {
        "orders": {
            "write_disposition": "append",
            "columns": {
                "note": {"name": "note", "data_type": "complex" if engine_version < 10 else "json", "nullable": True},
                "_dlt_id": {"name": "_dlt_id", "data_type": "text", "nullable": False, "unique": True},
            },
        }
    }
    definitions = Definitions()

    content = read(tables, definitions, engine_version=engine_version)

    assert content.engine_version == engine_version
    assert definitions.get(content.tables["orders"])["columns"]["note"]["data_type"] == "json"
    assert content.previous_hashes == (None if engine_version < 8 else ("hash-1",))


@pytest.mark.parametrize("engine_version", [1, 2])
def test_the_oldest_formats_are_migrated(engine_version: int) -> None:
    schema = {
        "version": 1,
        "engine_version": engine_version,
        "name": "shop",
        "tables": {
            "orders": {"id": {"name": "id", "data_type": "bigint", "nullable": True}},
            "orders__items": {"sku": {"name": "sku", "data_type": "text", "nullable": True}},
        },
    }
    definitions = Definitions()

    content = read_content(json.dumps(schema), definitions, "hash-1")

    assert set(content.tables) == {"orders", "orders__items"}
    assert definitions.parent(content.tables["orders__items"]) == "orders"


def test_a_later_format_is_read_as_it_is() -> None:
    assert set(read(ORDERS, engine_version=99).tables) == {"orders"}


def test_modules_that_an_old_schema_names_are_not_imported() -> None:
    normalizers = {"names": "antigravity", "json": {"module": "antigravity"}}

    assert set(read(ORDERS, engine_version=9, normalizers=normalizers).tables) == {"orders"}


@pytest.mark.parametrize(
    ("earlier", "previous_hashes", "expected"),
    [
        ([], ["a"], (None, "none")),
        ([], None, (None, "none")),
        (["a", "b"], ["b", "a"], ("b", "previous_hash")),
        (["a", "b"], ["a"], ("a", "previous_hash")),
        (["a", "b"], ["x", "a"], ("a", "previous_hash")),
        (["a", "b"], ["x", "y"], ("b", "branch")),
        (["a", "b"], [], ("b", "branch")),
        (["a", "b"], None, ("b", "order")),
    ],
)
def test_the_parent_of_a_version(
    earlier: Sequence[str], previous_hashes: Sequence[str] | None, expected: tuple[str | None, str]
) -> None:
    assert find_parent(earlier, set(earlier), previous_hashes) == expected


def test_a_definition_that_stands_in_two_versions_is_kept_once() -> None:
    definitions = Definitions()
    one = read({**ORDERS, "a": {"columns": {"x": {"data_type": "text"}}}}, definitions)
    two = read({**ORDERS, "b": {"columns": {"x": {"data_type": "text"}}}}, definitions)

    assert one.tables["orders"] == two.tables["orders"]
    assert one.tables["a"] != two.tables["b"], "the name is part of the definition"
    assert len(list(definitions)) == 3


def test_of_columns_without_data_those_that_are_annotated_are_kept() -> None:
    definitions = Definitions()
    home = {"name": "home", "x-annotation-pii": True}
    tables = {
        "people": {"columns": {"home": home, "gone": {"name": "gone"}, "id": {"name": "id", "data_type": "bigint"}}},
        "never_loaded": {"columns": {"home": home}},
    }

    content = read(tables, definitions)

    assert list(content.tables) == ["people"]
    assert list(definitions.get(content.tables["people"])["columns"]) == ["home", "id"]
    rows: dict[str, list[Any]] = defaultdict(list)
    add_columns(rows, "hash", definitions.get(content.tables["people"]))
    assert (rows["data_type"], rows["hints"]) == ([None, "bigint"], ['{"x-annotation-pii":true}', None])


def test_an_annotation_is_a_change_before_any_data_comes() -> None:
    definitions = Definitions()
    tagged = {**ORDERS["orders"]["columns"], "home": {"name": "home", "x-annotation-pii": True}}
    filled = {**tagged, "home": {**tagged["home"], "data_type": "text"}}
    versions = [
        read({"orders": {"columns": columns}}, definitions) for columns in (ORDERS["orders"]["columns"], tagged, filled)
    ]

    changes = [diff_schemas(old, new, definitions) for old, new in pairwise(versions)]

    assert changes == [
        [SchemaChange("column_added", "orders", "home")],
        [SchemaChange("data_type_changed", "orders", "home", None, None, "text")],
    ]


def test_nested_tables_lead_to_their_root() -> None:
    columns = {"id": {"data_type": "bigint"}}
    definitions = Definitions()
    tables = {
        "orders": {"columns": columns},
        "orders__items": {"parent": "orders", "columns": columns},
        "orders__items__taxes": {"parent": "orders__items", "columns": columns},
        "lost__child": {"parent": "lost", "columns": columns},
        "ring_a": {"parent": "ring_b", "columns": columns},
        "ring_b": {"parent": "ring_a", "columns": columns},
    }
    content = read(tables, definitions)

    roots = {name: root_table(name, content.tables, definitions) for name in content.tables}

    assert roots["orders"] == roots["orders__items"] == roots["orders__items__taxes"] == "orders"
    assert roots["lost__child"] == "lost__child"
    assert {roots["ring_a"], roots["ring_b"]} == {"ring_a", "ring_b"}, "a ring ends somewhere"


def test_rows_of_a_definition() -> None:
    definitions = Definitions()
    table = {
        "resource": "orders",
        "write_disposition": "merge",
        "description": "All orders",
        "x-normalizer": {"seen-data": True},
        "x-owner": "sales",
        "references": [{"referenced_table": "customers", "columns": ["customer_id"], "referenced_columns": ["id"]}],
        "columns": {
            "id": {"name": "id", "data_type": "bigint", "nullable": False, "primary_key": True},
            "unseen": {"name": "unseen"},
            "email": {"name": "email", "data_type": "text", "x-annotation-pii": True, "description": "Where to write"},
        },
    }
    table_hash = read({"orders": table}, definitions).tables["orders"]
    definition = definitions.get(table_hash)

    assert table_row(table_hash, definition) == {
        "table_hash": table_hash,
        "table_name": "orders",
        "parent_table": None,
        "resource_name": "orders",
        "write_disposition": "merge",
        "description": "All orders",
        "has_seen_data": True,
        "hints": table_row(table_hash, definition)["hints"],
    }
    hints = json.loads(table_row(table_hash, definition)["hints"])
    assert hints["x-owner"] == "sales"
    columns: dict[str, list[Any]] = defaultdict(list)
    add_columns(columns, table_hash, definition)
    assert columns == {
        "table_hash": [table_hash, table_hash],
        "column_name": ["id", "email"],
        "ordinal_position": [1, 2],
        "data_type": ["bigint", "text"],
        "is_nullable": [False, True],
        "description": [None, "Where to write"],
        "hints": ['{"primary_key":true}', '{"x-annotation-pii":true}'],
    }
    assert list(reference_rows(table_hash, definition)) == [
        {
            "table_hash": table_hash,
            "ordinal_position": 1,
            "referenced_table": "customers",
            "columns": '["customer_id"]',
            "referenced_columns": '["id"]',
        }
    ]
