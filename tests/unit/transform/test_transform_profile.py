from __future__ import annotations

import json
from pathlib import Path

import pytest

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import Home
from meta_pipeline.transform.profile import home_profile


def test_a_duckdb_file_is_named_by_its_path(tmp_path: Path) -> None:
    profile = home_profile(Home("duckdb", '/data/it\'s "mine".duckdb', tmp_path))
    profile.write(tmp_path / "new" / "folder")
    written = json.loads((tmp_path / "new" / "folder" / "profiles.yml").read_text())
    assert written["meta_pipeline"]["outputs"]["home"]["path"] == '/data/it\'s "mine".duckdb'
    assert profile.variables == {}


def test_a_postgres_password_is_never_written(tmp_path: Path) -> None:
    home = Home("postgres", "postgresql://lo%40der:s%2Fcret@db.internal:5433/ware%20house?sslmode=require", tmp_path)
    profile = home_profile(home)
    profile.write(tmp_path)
    assert "s/cret" not in (tmp_path / "profiles.yml").read_text()
    assert list(profile.variables.values()) == ["s/cret"]
    assert {name: profile.output[name] for name in ("host", "port", "user", "dbname", "sslmode")} == {
        "host": "db.internal",
        "port": 5433,
        "user": "lo@der",
        "dbname": "ware house",
        "sslmode": "require",
    }


def test_a_postgres_socket_is_a_host(tmp_path: Path) -> None:
    profile = home_profile(Home("postgres", "postgresql://postgres:@/postgres?host=/run/postgres", tmp_path))
    assert profile.output["host"] == "/run/postgres"
    assert profile.output["port"] == 5432


def test_a_warehouse_without_marts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'mssql'.*duckdb or postgres"):
        home_profile(Home("mssql", "mssql://", tmp_path))
