from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from meta_pipeline.demo.analytics import PROJECT, build_analytics
from meta_pipeline.demo.folder import ANALYTICS_FOLDER, LOGS_FOLDER
from meta_pipeline.exceptions import MetaPipelineError


def test_where_dbt_fails_the_end_of_its_log_is_told_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "elsewhere"))
    (tmp_path / LOGS_FOLDER).mkdir()

    with pytest.raises(MetaPipelineError, match=r"(?s)dbt failed in .*analytics\.log.*Connection refused") as error:
        build_analytics(tmp_path, "postgresql://somebody:p%40ss@127.0.0.1:1/flights")

    assert "p@ss" not in str(error.value)
    profile = tmp_path / ANALYTICS_FOLDER / "profiles.yml"
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    output = yaml.safe_load(profile.read_text())["fleet_analytics"]["outputs"]["demo"]
    assert (output["user"], output["password"], output["dbname"]) == ("somebody", "p@ss", "flights")
    assert not (tmp_path / "elsewhere").exists()


def test_each_model_says_what_its_rows_are() -> None:
    described = yaml.safe_load((PROJECT / "models" / "_models.yml").read_text())["models"]

    assert {model["name"] for model in described} == {path.stem for path in PROJECT.glob("models/*.sql")}
    assert all(model["description"].startswith("One row per") for model in described)
