from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.collect.sql import SqlWarehouse
from tests.fixtures.collected import Site
from tests.fixtures.observed import KINDS, Observed, ObservedDuckDb, ObservedLake, ObservedPostgres

Fill = Callable[[str], Observed]
AfterListing = Callable[[Callable[[], Any]], None]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Fill:
    """Returns a function that fills a destination of a kind once; copies of it are for the tests to change."""
    ready: dict[str, Observed] = {}

    def fill(kind: str) -> Observed:
        if kind not in ready:
            folder = tmp_path_factory.mktemp(kind) / "template"
            ready[kind] = _empty(kind, folder, request).fill()
        return ready[kind]

    return fill


def _empty(kind: str, folder: Path, request: pytest.FixtureRequest) -> Observed:
    if kind == "postgres":
        return ObservedPostgres(folder, request.getfixturevalue("postgres_url"), "observed").create()
    return ObservedDuckDb(folder) if kind == "duckdb" else ObservedLake(folder)


@pytest.fixture(params=KINDS)
def observed(request: pytest.FixtureRequest, filled: Fill, tmp_path: Path) -> Observed:
    """A destination of each kind with the fleet that `tests/fixtures/observed.py` describes."""
    return filled(request.param).copy(tmp_path / "observed")


@pytest.fixture(params=("duckdb", "postgres"))
def observed_sql(request: pytest.FixtureRequest, filled: Fill, tmp_path: Path) -> Observed:
    """The same on each kind of destination that speaks SQL."""
    return filled(request.param).copy(tmp_path / "observed")


@pytest.fixture
def postgres(filled: Fill, tmp_path: Path) -> Observed:
    """The same on PostgreSQL."""
    return filled("postgres").copy(tmp_path / "observed_postgres")


@pytest.fixture
def lake(tmp_path: Path) -> ObservedLake:
    """An empty folder of files."""
    return ObservedLake(tmp_path / "observed_lake")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A working folder to collect in."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Site(folder, monkeypatch)


@pytest.fixture
def after_listing(monkeypatch: pytest.MonkeyPatch) -> AfterListing:
    """Returns a function that lets something happen once the datasets have been listed."""

    def happen(event: Callable[[], Any]) -> None:
        discover = SqlWarehouse.discover

        def then(warehouse: SqlWarehouse) -> Any:
            found = discover(warehouse)
            event()
            return found

        monkeypatch.setattr(SqlWarehouse, "discover", then)

    return happen
