"""What all tests share: an environment that touches nothing outside its folder, and one PostgreSQL server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.accounts import (
    BIGQUERY_VARIABLE,
    SNOWFLAKE_VARIABLE,
    BigQueryAccount,
    SnowflakeAccount,
    bigquery_account,
    snowflake_account,
)
from tests.fixtures.command import CONFIGURING
from tests.fixtures.stand_in_servers import BigQueryServer, SnowflakeServer, running_bigquery, running_snowflake

if TYPE_CHECKING:
    from meta_pipeline.transform.runner import DbtPaths

# Read by dlt and dbt when they are first imported, by this process and by those that tests start.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"


# Groups of tests that take longest: begun first, none is left alone at the end while other workers are idle.
_LONGEST = ("transform fleet", "statements", "test_home_parity", "demo fleet", "dbt_lineage", "page")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets one worker run all tests of an integration module, so that what they share is built once."""
    for item in items:
        is_integration = "integration" in item.path.parts
        if is_integration and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    mark = item.get_closest_marker("xdist_group")
    return _LONGEST.index(mark.args[0]) if mark and mark.args[0] in _LONGEST else len(_LONGEST)


@pytest.fixture(scope="session", autouse=True)
def _configured_at_first() -> dict[str, str]:
    return _configured()


@pytest.fixture(scope="module", autouse=True)
def _nothing_stays_configured(_configured_at_first: dict[str, str]) -> Iterator[None]:
    """Fails the last test of a module that leaves a source or destination configured for the modules after it."""
    yield
    left = _configured().items() ^ _configured_at_first.items()
    assert not left, f"still changed in the environment: {sorted({name for name, _ in left})}"


def _configured() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(CONFIGURING)}


@pytest.fixture(scope="session", autouse=True)
def _dlt_writes_to_a_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(tmp_path_factory.mktemp("dlt_data")))
        patch.setenv("DLT_CONFIG_FOLDER", ".dlt")
        yield


@pytest.fixture(scope="session", autouse=True)
def _projects_are_parsed_once() -> Iterator[None]:
    """Lets transforms of one process share what dbt parsed, which takes it as long as building all models.

    Those that tests start as commands parse for themselves.
    """
    from meta_pipeline.transform import stage

    known: dict[tuple[str, ...], Any] = {}
    parse = stage.parse_project

    def parse_once(options: Sequence[str], paths: DbtPaths, variables: Mapping[str, str]) -> Any:
        profile = json.loads((paths.profiles / "profiles.yml").read_text(encoding="utf-8"))
        type_ = profile["meta_pipeline"]["outputs"]["home"]["type"]
        given = [option for option in options if option != "--no-partial-parse"]
        key = (type_, *given, *(variables[name] for name in (stage.FINGERPRINT_VARIABLE, stage.SETTINGS_VARIABLE)))
        if key not in known:
            known[key] = parse(options, paths, variables)
        paths.target.mkdir(parents=True, exist_ok=True)
        # what a transform before had read of its home
        known[key].flat_graph.pop("meta_pipeline_clock", None)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "parse_project", parse_once)
        yield


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Runs a PostgreSQL server for the session and returns the URL of its superuser."""
    from meta_pipeline.demo.postgres import running

    with running(tmp_path_factory.mktemp("postgres") / "server") as server:
        yield server.url


@pytest.fixture(scope="session")
def snowflake_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeServer | SnowflakeAccount]:
    """Runs a server that stands for Snowflake for the session; a real account, where one is named, is taken instead."""
    url = os.environ.get(SNOWFLAKE_VARIABLE)
    with snowflake_account(url) if url else running_snowflake(tmp_path_factory.mktemp("snowflake")) as server:
        yield server


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryServer | BigQueryAccount]:
    """Runs a server that stands for BigQuery for the session; a real project, where one is named, is taken instead."""
    account = os.environ.get(BIGQUERY_VARIABLE)
    with bigquery_account(account) if account else running_bigquery(tmp_path_factory.mktemp("bigquery")) as server:
        yield server
