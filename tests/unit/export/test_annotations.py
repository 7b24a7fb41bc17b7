from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dlt.common.schema import Schema

from meta_pipeline.exceptions import AnnotationError
from meta_pipeline.export.annotations import Annotation, python_hints, write_schemas


def annotation(
    table: str, column: str, *, root: str = "", resource: str = "people", pipeline: str = "crm"
) -> Annotation:
    return Annotation(pipeline, "shop", resource, root or table, table, column, f"crm.{table}", "name", 0.9)


def test_hints_are_given_to_each_resource() -> None:
    found = [annotation("people", "email"), annotation("people", "name"), annotation("staff", "iban", resource="staff")]

    assert python_hints(found) == "\n".join(
        [
            "# pipeline crm, schema shop: after the source is made",
            "source.resources['people'].apply_hints(",
            "    columns={",
            "        'email': {'x-annotation-pii': True},",
            "        'name': {'x-annotation-pii': True},",
            "    },",
            ")",
            "source.resources['staff'].apply_hints(",
            "    columns={",
            "        'iban': {'x-annotation-pii': True},",
            "    },",
            ")",
        ]
    )


def test_nested_tables_get_theirs_by_their_path() -> None:
    assert python_hints([annotation("people__letters__lines", "phone", root="people")]).splitlines()[1:] == [
        "source.resources['people'].apply_hints(",
        "    nested_hints={",
        "        ('letters', 'lines'): dlt.mark.make_nested_hints(",
        "            columns={",
        "                'phone': {'x-annotation-pii': True},",
        "            },",
        "        ),",
        "    },",
        ")",
    ]


def test_a_resource_of_several_tables_gets_hints_for_each() -> None:
    lines = python_hints([annotation("clicks", "ip", resource="events"), annotation("users", "ip", resource="events")])

    assert "    table_name='clicks',\n    create_table_variant=True,\n" in lines
    assert "    table_name='users',\n    create_table_variant=True,\n" in lines


def test_hostile_names_stay_text() -> None:
    hints = python_hints([annotation("people", "a'] = evil(); x['", pipeline="crm\nimport evil")])

    assert hints.splitlines()[0] == "# pipeline crm import evil, schema shop: after the source is made"
    assert "\"a'] = evil(); x['\": {'x-annotation-pii': True}" in hints


def test_a_new_file_is_a_schema_that_dlt_reads(tmp_path: Path) -> None:
    (file,) = write_schemas([annotation("people__letters__lines", "phone", root="people")], tmp_path)

    assert file == tmp_path / "crm" / "shop.schema.yaml"
    schema = Schema.from_dict(yaml.safe_load(file.read_text(encoding="utf-8")))
    assert schema.tables["people__letters__lines"]["columns"]["phone"]["x-annotation-pii"] is True  # type: ignore[typeddict-item]
    assert schema.tables["people__letters__lines"]["parent"] == "people__letters"
    assert schema.tables["people__letters"]["parent"] == "people"


def test_a_file_that_is_there_is_changed_by_force_only_and_keeps_what_it_says(tmp_path: Path) -> None:
    (file,) = write_schemas([annotation("people", "email")], tmp_path)
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    schema["tables"]["people"]["columns"]["email"]["description"] = "by hand"
    file.write_text(yaml.safe_dump(schema), encoding="utf-8")
    before = file.read_text(encoding="utf-8")

    with pytest.raises(AnnotationError, match="--force"):
        write_schemas([annotation("people", "name"), annotation("other", "x", pipeline="new")], tmp_path)

    assert file.read_text(encoding="utf-8") == before
    assert not (tmp_path / "new").exists()
    write_schemas([annotation("people", "name")], tmp_path, force=True)
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["tables"]["people"]["columns"] == {
        "email": {"x-annotation-pii": True, "description": "by hand"},
        "name": {"x-annotation-pii": True},
    }


@pytest.mark.parametrize("content", ["[", "no schema", "tables: []"])
def test_a_file_that_is_no_schema_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "shop.schema.yaml").write_text(content, encoding="utf-8")

    with pytest.raises(AnnotationError, match="no schema of dlt"):
        write_schemas([annotation("people", "name")], tmp_path, force=True)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "crm").touch()

    with pytest.raises(AnnotationError, match="could not be written: "):
        write_schemas([annotation("people", "name")], tmp_path)


@pytest.mark.parametrize("name", ["../../up", "/etc/passwd", "..", "a/b", ""])
def test_names_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    (file,) = write_schemas([annotation("people", "name", pipeline=name)], tmp_path / "out")

    assert file.resolve().is_relative_to(tmp_path / "out")
