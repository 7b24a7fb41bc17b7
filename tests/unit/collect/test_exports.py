from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dlt
import pytest
import yaml

from meta_pipeline.collect.exports import read_exports
from meta_pipeline.collect.schemas import Definitions, read_content

MONDAY = datetime(2026, 1, 5, tzinfo=timezone.utc)
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports" / "crm").mkdir(parents=True)
    return tmp_path / "exports"


def schema(name: str = "shop") -> dlt.Schema:
    made = dlt.Schema(name)
    made.update_table({"name": "orders", "columns": {"id": {"name": "id", "data_type": "bigint"}}})
    return dlt.Schema.from_dict(made.to_dict())


def read(state: dict[str, Any], at: datetime = MONDAY, path: str = "exports") -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for batch in read_exports([path], state, at):
        rows.setdefault(batch.table.name, []).extend(batch.rows.to_pylist())
    return rows


def coverage(rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    (row,) = rows["coverage"]
    return row


def test_yaml_and_json_hold_the_same(folder: Path) -> None:
    (folder / "shop.schema.yaml").write_text(schema().to_pretty_yaml(), encoding="utf-8")
    (folder / "crm" / "shop.schema.json").write_text(schema().to_pretty_json(), encoding="utf-8")

    rows = read({})

    assert [row["file_name"] for row in rows["exported_schemas"]] == [
        "exports/crm/shop.schema.json",
        "exports/shop.schema.yaml",
    ]
    assert len({row["version_hash"] for row in rows["exported_schemas"]}) == 1
    assert [row["table_name"] for row in rows["schema_tables"]] == ["orders"]
    assert {row["column_name"] for row in rows["schema_columns"]} == {"id"}


def test_an_export_has_the_hash_that_dlt_gave_the_schema(folder: Path) -> None:
    (folder / "shop.schema.yaml").write_text(schema().to_pretty_yaml(), encoding="utf-8")

    assert read({})["exported_schemas"][0]["version_hash"] == schema().version_hash


def test_a_file_changed_by_hand_gets_the_hash_of_what_it_says(folder: Path) -> None:
    changed = schema().to_pretty_yaml().replace("data_type: bigint", "data_type: text")
    (folder / "shop.schema.yaml").write_text(changed, encoding="utf-8")

    version_hash = read({})["exported_schemas"][0]["version_hash"]

    assert f"version_hash: {version_hash}\n" not in changed, "what the file says of itself is out of date"
    assert version_hash == dlt.Schema.from_dict(yaml.safe_load(changed)).version_hash


def test_a_table_has_the_same_definition_whether_it_was_exported_or_stored(folder: Path) -> None:
    (folder / "shop.schema.yaml").write_text(schema().to_pretty_yaml(), encoding="utf-8")
    stored = read_content(json.dumps(schema().to_dict()), Definitions())

    assert [row["table_hash"] for row in read({})["schema_tables"]] == list(stored.tables.values())


def test_the_hash_of_an_older_format_is_taken_as_it_stands(folder: Path) -> None:
    old = {**schema().to_dict(), "engine_version": 9, "version_hash": "as it stands"}
    (folder / "shop.schema.json").write_text(json.dumps(old), encoding="utf-8")

    assert read({})["exported_schemas"][0]["version_hash"] == "as it stands"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.schema.yaml", "key: [unclosed"),
        ("a.schema.yaml", "just text"),
        ("a.schema.yaml", ""),
        ("a.schema.yaml", "!!python/object/apply:os.system ['true']"),
        ("a.schema.yml", "- a list"),
        ("a.schema.json", "{broken"),
        ("a.schema.json", "{}"),
        ("a.schema.json", json.dumps({"name": "shop", "tables": 5})),
    ],
)
def test_a_broken_file_is_told_and_the_others_are_read(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    (folder / "shop.schema.yaml").write_text(schema().to_pretty_yaml(), encoding="utf-8")

    rows = read({})

    assert [row["schema_name"] for row in rows["exported_schemas"]] == ["shop"]
    assert coverage(rows)["outcome"] == "partial"
    assert f"file exports/{name} is" in coverage(rows)["error"]
    assert "Export it again" in coverage(rows)["error"]


def test_a_file_that_is_not_utf8_is_told(folder: Path) -> None:
    (folder / "a.schema.yaml").write_bytes(b"\xff\xfe\x00")

    assert coverage(read({}))["outcome"] == "partial"


def test_a_missing_folder_is_told(folder: Path) -> None:
    rows = read({}, path="nowhere")

    assert coverage(rows)["outcome"] == "partial"
    assert coverage(rows)["error"] == "there is no folder nowhere. Check schema_exports in .dlt/config.toml"


def test_what_did_not_change_is_not_written_again_and_its_stretch_goes_on(folder: Path) -> None:
    (folder / "shop.schema.yaml").write_text(schema().to_pretty_yaml(), encoding="utf-8")
    state: dict[str, Any] = {}
    first = read(state, MONDAY)

    second = read(json.loads(json.dumps(state)), TUESDAY)

    assert list(second) == ["coverage", "collections"]
    assert [rows["collections"][0]["row_count"] for rows in (first, second)] == [1, 0]
    assert coverage(second)["since"] == coverage(first)["since"] == MONDAY
    assert coverage(second)["coverage_id"] == coverage(first)["coverage_id"]
    assert coverage(second)["collected_at"] == TUESDAY


def test_a_changed_file_is_written_again(folder: Path) -> None:
    file = folder / "shop.schema.yaml"
    file.write_text(schema().to_pretty_yaml(), encoding="utf-8")
    state: dict[str, Any] = {}
    read(state, MONDAY)
    file.write_text(schema("store").to_pretty_yaml(), encoding="utf-8")

    rows = read(state, TUESDAY)

    assert [row["schema_name"] for row in rows["exported_schemas"]] == ["store"]


def test_an_outcome_that_changes_begins_a_new_stretch_each_time(folder: Path) -> None:
    (folder / "shop.schema.yaml").write_text(schema().to_pretty_yaml(), encoding="utf-8")
    state: dict[str, Any] = {}
    good = coverage(read(state, MONDAY))
    (folder / "a.schema.yaml").write_text("just text", encoding="utf-8")
    bad = coverage(read(state, TUESDAY))
    (folder / "a.schema.yaml").unlink()
    mended = coverage(read(state, TUESDAY + timedelta(days=1)))

    assert [row["outcome"] for row in (good, bad, mended)] == ["complete", "partial", "complete"]
    assert len({row["coverage_id"] for row in (good, bad, mended)}) == 3
    assert mended["since"] == TUESDAY + timedelta(days=1)


def test_folders_of_the_same_name_are_told_apart(folder: Path) -> None:
    state: dict[str, Any] = {}
    names = []
    for team in ("sales", "finance"):
        (folder / team / "schemas").mkdir(parents=True)
        (folder / team / "schemas" / "shop.schema.yaml").write_text(schema().to_pretty_yaml(), encoding="utf-8")
        names += [row["file_name"] for row in read(state, path=f"exports/{team}/schemas")["exported_schemas"]]

    assert names == ["exports/sales/schemas/shop.schema.yaml", "exports/finance/schemas/shop.schema.yaml"]


def test_where_no_folder_is_configured_nothing_is_written() -> None:
    assert list(read_exports([], {}, MONDAY)) == []
