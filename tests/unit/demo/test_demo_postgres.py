from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import psycopg2
import pytest

from meta_pipeline.demo import postgres
from meta_pipeline.exceptions import ConfigurationError, MetaPipelineError


def _select(url: str, query: str) -> object:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
            return row[0] if row else None
    finally:
        connection.close()


def test_a_server_runs_as_long_as_it_is_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    with postgres.running(folder, settings={"application_name": "it's set", "work_mem": "5MB"}) as server:
        assert _select(server.url, "show application_name") == "it's set"
        assert _select(server.url, "show work_mem") == "5MB"
        assert _select(server.url, "show fsync") == "off"
        os.kill(server.pid, 0)
        with pytest.raises(ConfigurationError, match="already holds"):
            postgres.start(folder)
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(server.url.replace("postgres:", "postgres:not"))
        assert server.url not in repr(server)
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(server.url)
    assert [path.name for path in folder.iterdir()] == [postgres.LOG_FILE]
    postgres.stop(folder)


def test_a_server_is_stopped_by_its_folder(tmp_path: Path) -> None:
    server = postgres.start(tmp_path)
    postgres.stop(tmp_path)
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(server.url)


def test_what_a_crashed_server_left_is_cleared_away(tmp_path: Path) -> None:
    server = postgres.start(tmp_path)
    os.kill(server.pid, 9)
    while postgres._is_listening(Path(postgres._Record.read(tmp_path).data)):
        pass
    postgres.stop(tmp_path)
    assert not (tmp_path / postgres.RECORD_FILE).exists()


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(MetaPipelineError, match="work_mem"):
        postgres.start(tmp_path, settings={"work_mem": "no number"})
    assert [path.name for path in tmp_path.iterdir()] == [postgres.LOG_FILE]


def test_a_copy_runs_for_every_user(tmp_path: Path) -> None:
    copy = postgres._copy_for_all(postgres.installed_tree(), tmp_path / "site")
    subprocess.run([copy / "bin" / "initdb", "--version"], check=True, capture_output=True)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "site").rglob("*")]
    assert all(mode & 0o044 == 0o044 for mode in modes)
