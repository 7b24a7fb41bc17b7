from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from meta_pipeline.transform.runner import _environment, _failure


def test_the_users_own_dbt_settings_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET", "production")
    monkeypatch.setenv("UNRELATED", "kept")
    with _environment({"META_PIPELINE_PROJECT_FINGERPRINT": "abc"}):
        assert "DBT_TARGET" not in os.environ
        assert os.environ["UNRELATED"] == "kept"
        assert os.environ["META_PIPELINE_PROJECT_FINGERPRINT"] == "abc"
    assert os.environ["DBT_TARGET"] == "production"
    assert "META_PIPELINE_PROJECT_FINGERPRINT" not in os.environ


def test_a_failure_names_the_model_and_what_the_database_said() -> None:
    results = [
        SimpleNamespace(node=SimpleNamespace(name="loads"), message="Runtime Error\n  no space left"),
        SimpleNamespace(node=SimpleNamespace(name="pipelines"), message="no space left"),
    ]
    text = _failure(results, Path("work/dbt.log"))
    assert "The model 'loads' could not be built: Runtime Error no space left 1 more failed." in text
    assert "Details are in work/dbt.log." in text
    assert "run `meta-pipeline transform` again" in text
