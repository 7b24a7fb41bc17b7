"""What every file of the dbt project keeps to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from meta_pipeline.alert.store import EVENT_COLUMNS
from meta_pipeline.collect.tables import RAW_TABLES
from meta_pipeline.transform.project import project_folder

MODELS = project_folder() / "models"
SQL_FILES = sorted(MODELS.rglob("*.sql"))
MARTS = [path for path in SQL_FILES if "marts" in path.parts]

# What one warehouse has and another has not stands in macros/warehouse.sql.
NOT_PORTABLE = re.compile(
    r"::|\b(qualify|ilike|epoch|to_timestamp|strftime|try_cast|list_\w+|struct_\w+|filter\s*\()|target\.type|adapter\.type"
)


def _names(paths: list[Path]) -> list[str]:
    return [path.stem for path in paths]


def _described(path: Path) -> dict[str, Any]:
    (model,) = yaml.safe_load(path.with_suffix(".yml").read_text())["models"]
    assert model["name"] == path.stem
    return dict(model)


def _source_tables() -> Iterator[dict[str, Any]]:
    (source,) = yaml.safe_load((MODELS / "staging" / "_sources.yml").read_text())["sources"]
    yield from source["tables"]


def test_sources_are_the_raw_tables() -> None:
    declared = {
        table["name"]: (
            table["description"].strip(),
            [(column["name"], column["description"].strip()) for column in table["columns"]],
        )
        for table in _source_tables()
    }
    assert declared.pop("_dlt_loads")
    assert declared.pop("alert_events")
    load_id = ("_dlt_load_id", "Load package that wrote the row.")
    assert declared == {
        table.name: (
            table.description,
            [(column.name, column.description) for column in table.columns]
            + ([load_id] if table.is_marked_with_load else []),
        )
        for table in RAW_TABLES
    }


@pytest.mark.parametrize("path", SQL_FILES, ids=_names(SQL_FILES))
def test_every_model_and_column_is_described(path: Path) -> None:
    model = _described(path)
    assert model["description"].startswith("One row")
    assert all(column["description"].strip() for column in model["columns"])


@pytest.mark.parametrize("path", MARTS, ids=_names(MARTS))
def test_every_column_of_a_mart_has_a_type(path: Path) -> None:
    assert all(column["data_type"] for column in _described(path)["columns"])


def _types() -> dict[str, dict[str, str]]:
    """Returns the types of each mart's columns."""
    return {path.stem: {c["name"]: c["data_type"] for c in _described(path)["columns"]} for path in MARTS}


@pytest.mark.parametrize(("name", "key"), [("pipeline_name", "pipeline_id"), ("table_name", "relation_id")])
def test_marts_have_the_key_beside_the_name(name: str, key: str) -> None:
    without = {mart for mart, types in _types().items() if name in types and key not in types}
    # a node's key is the relation's
    assert without <= {"lineage_nodes"}


def test_a_column_has_the_same_type_in_every_mart() -> None:
    found: dict[str, set[str]] = {}
    for types in _types().values():
        for name, type_ in types.items():
            found.setdefault(name, set()).add(type_)
    # dlt calls the number of a load so, everybody else what is the matter with a pipeline
    assert {name for name, types in found.items() if len(types) > 1} <= {"status"}


@pytest.mark.parametrize("mart", MARTS, ids=_names(MARTS))
def test_times_and_keys_are_typed_by_their_names(mart: Path) -> None:
    for name, type_ in _types()[mart.stem].items():
        if name.endswith(("_at", "expected_by")):
            assert "timestamp_type" in type_, name
        if name.endswith(("_id", "_key")):
            assert type_ == "string", name
        if name.startswith(("is_", "has_")):
            assert type_ == "boolean", name


@pytest.mark.parametrize("path", SQL_FILES, ids=_names(SQL_FILES))
def test_models_are_portable(path: Path) -> None:
    sql = re.sub(r"\{\{.*?\}\}", "", path.read_text(), flags=re.DOTALL)
    assert not NOT_PORTABLE.search(sql)


@pytest.mark.parametrize("path", SQL_FILES, ids=_names(SQL_FILES))
def test_models_end_in_final(path: Path) -> None:
    assert path.read_text().endswith("select * from final\n")


def test_events_of_alerts_are_what_is_made_written_and_read() -> None:
    (table,) = (table for table in _source_tables() if table["name"] == "alert_events")
    macro = (project_folder() / "macros" / "alerts.sql").read_text().partition("create table")[2]
    made = re.findall(r"^        (\w+) \S", macro, flags=re.MULTILINE)
    assert [column["name"] for column in table["columns"]] == made
    assert set(made) == set(EVENT_COLUMNS)
