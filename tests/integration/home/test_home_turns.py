"""Two runs at once: real processes, of which only one gets the home."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.config import find_home
from meta_pipeline.exceptions import HomeError
from meta_pipeline.home import RAW_DATASET, open_home
from meta_pipeline.home.turns import LOCK_TABLE, my_turn
from tests.fixtures.collected import clear_environment
from tests.fixtures.command import run
from tests.integration.home.homes import KINDS, home_environment, setting

pytestmark = pytest.mark.filterwarnings("ignore:Cannot create BigQuery Storage client")

RUN = """
import sys, warnings
from pathlib import Path
from meta_pipeline.config import find_home
from meta_pipeline.exceptions import HomeError
from meta_pipeline.home.turns import my_turn
try:
    with my_turn(find_home(Path.cwd())):
        print("held", flush=True)
        sys.stdin.read()
except HomeError as error:
    print(error, flush=True)
"""
RELEASED_WITH_THE_PROCESS = ("duckdb", "postgres")
KEPT_IN_A_ROW = ("snowflake", "bigquery")


def but_long(kinds: Sequence[str], *long: str) -> list[Any]:
    """Returns kinds of homes, some of which take long for what another shows too."""
    return [pytest.param(kind, marks=pytest.mark.long) if kind in long else kind for kind in kinds]


@dataclass(frozen=True)
class Folder:
    """A folder with a home that is named by the environment.

    Args:
        path: The folder.
        variables: The variables.
    """

    path: Path
    variables: dict[str, str]

    @contextmanager
    def another_run(self) -> Iterator[subprocess.Popen[str]]:
        """Starts a process that holds the home, or says why not, and goes when it is told."""
        with subprocess.Popen(
            [sys.executable, "-c", RUN],
            cwd=self.path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            yield process
            process.communicate("")


Named = Callable[[str], Folder]


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Named:
    """Returns a function that gives a folder with a home of a kind."""

    def folder(kind: str) -> Folder:
        variables = home_environment(kind, request)
        clear_environment(monkeypatch)
        monkeypatch.chdir(tmp_path)
        setting(variables, monkeypatch)
        return Folder(tmp_path, variables)

    return folder


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize("kind", but_long(KINDS, "snowflake", "bigquery"))
def test_a_home_that_another_run_holds_is_left_alone(named: Named, kind: str) -> None:
    folder = named(kind)
    (folder.path / "exports").mkdir()
    fleet = {"SOURCES__DLT_METADATA__SCHEMA_EXPORTS": '["exports"]', **folder.variables}

    with folder.another_run() as holder:
        assert first_line(holder) == "held"
        collect, transform = run(folder.path, "collect", **fleet), run(folder.path, "transform", **fleet)
        status = run(folder.path, "status", **fleet)

    for refused in (collect, transform):
        assert refused.code == 2
        assert f"is in use: meta-pipeline on {socket.gethostname()[:30]}, process {holder.pid}" in refused.err
        assert "run again when the other has finished" in refused.err
    assert "is in use" not in status.err
    assert run(folder.path, "collect", **fleet).code == 0, "the holder has gone"


@pytest.mark.parametrize("kind", but_long(KINDS, "bigquery"))
def test_of_runs_that_start_at_once_one_holds_the_home(named: Named, kind: str) -> None:
    folder = named(kind)

    with folder.another_run() as one, folder.another_run() as two, folder.another_run() as three:
        told = [first_line(process) for process in (one, two, three)]

    assert sorted(line == "held" for line in told) == [False, False, True], told


@pytest.mark.parametrize(
    ("kind", "ended"),
    [*((kind, "kill") for kind in RELEASED_WITH_THE_PROCESS), *((kind, "terminate") for kind in KINDS)],
)
def test_a_run_that_was_ended_holds_nothing(named: Named, kind: str, ended: str) -> None:
    folder = named(kind)
    with folder.another_run() as holder:
        assert first_line(holder) == "held"
        getattr(holder, ended)()
        holder.wait()

        with my_turn(find_home(folder.path)):
            pass


@pytest.mark.parametrize("kind", but_long(KEPT_IN_A_ROW, "bigquery"))
def test_what_a_killed_run_held_is_free_when_its_time_is_up(named: Named, kind: str) -> None:
    folder = named(kind)
    home = find_home(folder.path)
    with folder.another_run() as holder:
        assert first_line(holder) == "held"
        holder.kill()
        holder.wait()

    with (
        pytest.raises(HomeError, match=rf"process {holder.pid}.*If that run is dead, wait until .* drop table"),
        my_turn(home),
    ):
        pass
    with open_home(home) as session:
        session.rows(f"update {session.relation(RAW_DATASET, LOCK_TABLE)} set held_until = held_since - 1 where true")
    with my_turn(home), pytest.raises(HomeError, match=f"process {os.getpid()}"), my_turn(home):
        pass
    with my_turn(home):
        pass
