"""The semantic models stand on columns that the marts have, and every metric says what it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from meta_pipeline.transform.project import project_folder

MODELS = project_folder() / "models"
SEMANTIC_MODELS = yaml.safe_load((MODELS / "semantic" / "semantic_models.yml").read_text())["semantic_models"]
METRICS = yaml.safe_load((MODELS / "semantic" / "metrics.yml").read_text())["metrics"]
DOCS = Path(__file__).resolve().parents[3] / "docs"


def _columns(mart: str) -> set[str]:
    (path,) = (MODELS / "marts").rglob(f"{mart}.yml")
    (model,) = yaml.safe_load(path.read_text())["models"]
    return {column["name"] for column in model["columns"]}


def _names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


@pytest.mark.parametrize("model", SEMANTIC_MODELS, ids=_names(SEMANTIC_MODELS))
def test_a_semantic_model_stands_on_columns_of_its_mart(model: dict[str, Any]) -> None:
    assert model["model"] == f"ref('{model['name']}')"
    parts = [*model["entities"], *model["dimensions"], *model.get("measures", [])]
    assert {part.get("expr", part["name"]) for part in parts} <= _columns(model["name"])
    assert all(measure["description"] for measure in model.get("measures", []))


@pytest.mark.parametrize("metric", METRICS, ids=_names(METRICS))
def test_a_metric_is_labelled_and_described(metric: dict[str, Any]) -> None:
    assert metric["label"]
    assert metric["description"].endswith(".")


def test_the_page_on_bi_tools_names_every_metric() -> None:
    page = (DOCS / "bi.md").read_text(encoding="utf-8")
    section = page.split("## Metrics")[1].split("\n## ")[0]
    assert set(_names(METRICS)) == set(re.findall(r"^\| `(\w+)`", section, flags=re.MULTILINE))
