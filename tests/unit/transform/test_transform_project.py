from __future__ import annotations

from pathlib import Path

import pytest

from meta_pipeline.exceptions import TransformError
from meta_pipeline.transform.project import project_fingerprint, project_folder


def _project(folder: Path) -> Path:
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: meta_pipeline")
    (folder / "models" / "loads.sql").write_text("select 1")
    return folder


def test_the_checkout_has_the_project_beside_the_package() -> None:
    assert (project_folder() / "models" / "marts").is_dir()


def test_the_wheel_has_the_project_inside_the_package(tmp_path: Path) -> None:
    inside = _project(tmp_path / "meta_pipeline" / "dbt_project")
    assert project_folder(tmp_path / "meta_pipeline") == inside


def test_a_missing_project_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TransformError, match="Install meta-pipeline again"):
        project_folder(tmp_path / "meta_pipeline")


def test_the_fingerprint_follows_the_project_and_the_database(tmp_path: Path) -> None:
    folder = _project(tmp_path)
    first = project_fingerprint(folder, "home")
    (folder / "target").mkdir()
    (folder / "target" / "compiled.sql").write_text("select 1")
    assert project_fingerprint(folder, "home") == first
    assert project_fingerprint(folder, "renamed") != first
    (folder / "models" / "loads.sql").write_text("select 2")
    assert project_fingerprint(folder, "home") != first
