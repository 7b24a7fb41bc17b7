from __future__ import annotations

import stat
from pathlib import Path

import pytest
import tomlkit

from meta_pipeline.config import HOME_FILE, WORK_FOLDER
from meta_pipeline.demo import build_fleet, flights, postgres, stop_fleet
from meta_pipeline.demo.folder import (
    ANALYTICS_FOLDER,
    DESTINATIONS,
    INBOX_FOLDER,
    LAKE_FOLDER,
    MARKER_FILE,
    WAREHOUSE_FILE,
    clear,
    require_own,
    write_settings,
)
from meta_pipeline.exceptions import ConfigurationError


def _said(message: str) -> None:
    raise AssertionError(f"nothing should have been started, but: {message}")


def test_a_new_an_empty_and_a_former_folder_are_the_demos(tmp_path: Path) -> None:
    require_own(tmp_path / "new")
    require_own(tmp_path)
    clear(tmp_path)
    require_own(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MARKER_FILE]


@pytest.mark.parametrize("name", ["meta_pipeline.duckdb", ".dlt", "notes.txt"])
def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigurationError, match="did not make"):
        build_fleet(tmp_path, _said)
    with pytest.raises(ConfigurationError, match="did not make"):
        stop_fleet(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="not a folder"):
        build_fleet(tmp_path / "file", _said)


def test_clearing_leaves_what_others_put_there(tmp_path: Path) -> None:
    clear(tmp_path)
    write_settings(tmp_path, "postgresql://nobody@nowhere/")
    (tmp_path / LAKE_FOLDER / "ops").mkdir(parents=True)
    (tmp_path / ANALYTICS_FOLDER / "target").mkdir(parents=True)
    (tmp_path / WORK_FOLDER).mkdir()
    for name in (WAREHOUSE_FILE, HOME_FILE, f"{HOME_FILE}.wal", "my_query.sql"):
        (tmp_path / name).touch()
    (tmp_path / ".dlt" / "mine.toml").touch()
    clear(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".dlt", MARKER_FILE, "mine.toml", "my_query.sql"]


def test_clearing_removes_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    folder = tmp_path / "demo"
    clear(folder)
    (folder / LAKE_FOLDER).symlink_to(kept)
    clear(folder)
    assert kept.is_dir()
    assert not (folder / LAKE_FOLDER).is_symlink()


def test_the_settings_are_a_users(tmp_path: Path) -> None:
    folder = tmp_path / 'a "folder" with \\ and é'
    clear(folder)
    write_settings(folder, "postgresql://postgres:secret@127.0.0.1:1/postgres")
    config = tomlkit.parse((folder / ".dlt" / "config.toml").read_text(encoding="utf-8")).unwrap()
    secrets = tomlkit.parse((folder / ".dlt" / "secrets.toml").read_text(encoding="utf-8")).unwrap()
    assert config["sources"]["dlt_metadata"] == {
        "destinations": list(DESTINATIONS),
        "row_counts": "scan",
        "inbox": str(folder / INBOX_FOLDER),
        "dbt_artifacts": [str(folder / ANALYTICS_FOLDER / "target")],
    }
    assert {name: entry["destination_type"] for name, entry in config["destination"].items()} == {
        "warehouse": "duckdb",
        "finance_pg": "postgres",
        "lake": "filesystem",
    }
    assert config["destination"]["lake"]["bucket_url"] == str(folder / LAKE_FOLDER)
    assert secrets["destination"]["warehouse"]["credentials"] == str(folder / WAREHOUSE_FILE)
    assert stat.S_IMODE((folder / ".dlt" / "secrets.toml").stat().st_mode) == 0o600
    assert "secret@" not in (folder / ".dlt" / "config.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("module", "package"), [(flights, "PACKAGE"), (postgres, "WHEEL")])
def test_a_missing_package_shows_before_anything_is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, package: str
) -> None:
    clear(tmp_path)
    (tmp_path / WAREHOUSE_FILE).touch()
    monkeypatch.setattr(module, package, "no_such_package")
    with pytest.raises(ConfigurationError, match=r"pip install 'meta-pipeline\[demo\]'"):
        build_fleet(tmp_path, _said)
    assert (tmp_path / WAREHOUSE_FILE).exists()


def test_stopping_where_nothing_was_started_does_nothing(tmp_path: Path) -> None:
    stop_fleet(tmp_path / "new")
    assert not (tmp_path / "new").exists()
