"""What a transform says before it starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from meta_pipeline.exceptions import ConfigurationError, HomeError
from meta_pipeline.home import Home
from meta_pipeline.transform import transform

HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home("duckdb", str(tmp_path / "home.duckdb"), tmp_path / "work")


@contextmanager
def held_by_another_process(path: str) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate()


def test_without_a_file_there_is_nothing_to_transform(home: Home) -> None:
    with pytest.raises(HomeError, match=r"no observability dataset yet \(.*home\.duckdb\)\. Run: meta-pipeline run"):
        transform(home)
    assert not Path(home.database).exists()


def test_without_a_collection_there_is_nothing_to_transform(home: Home) -> None:
    duckdb.connect(home.database).close()
    with pytest.raises(HomeError, match=r"home\.duckdb yet\. Run: meta-pipeline run"):
        transform(home)


def test_a_locked_file_is_named(home: Home) -> None:
    duckdb.connect(home.database).close()
    with held_by_another_process(home.database), pytest.raises(HomeError, match=r"home\.duckdb is in use"):
        transform(home)


def test_a_file_that_is_no_database_is_named(home: Home) -> None:
    Path(home.database).write_text("not a database " * 1000)
    with pytest.raises(HomeError, match=r"home\.duckdb could not be opened"):
        transform(home)


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=-5))])
def test_the_future_is_refused(home: Home, zone: timezone) -> None:
    with pytest.raises(ConfigurationError, match="is not in the past"):
        transform(home, as_of=datetime.now(zone) + timedelta(hours=1))


def test_a_time_without_a_zone_is_utc(home: Home) -> None:
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    with pytest.raises(ConfigurationError, match="is not in the past"):
        transform(home, as_of=now + timedelta(minutes=1))
    with pytest.raises(HomeError):
        transform(home, as_of=now - timedelta(minutes=1))
