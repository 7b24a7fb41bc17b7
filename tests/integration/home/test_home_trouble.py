"""Homes on a server that cannot be used: the real command says what, where and what to do next, and no secret."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from tests.fixtures.command import Done, hide_package, run, write_configuration
from tests.fixtures.observed import Observed, ObservedPostgres
from tests.integration.home.homes import home_environment, new_database

PASSWORD = "hunter2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "exports").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def guest(postgres_url: str) -> str:
    """Returns the URL of a user that may not create anything."""
    url = new_database(postgres_url, "guarded")
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"create role home_guest login password '{PASSWORD}'")
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"home_guest:{PASSWORD}@{parts.hostname}:{parts.port}"))


def tried(folder: Path, command: str, credentials: str, kind: str = "postgres", **more: str) -> Done:
    return run(
        folder,
        command,
        SOURCES__DLT_METADATA__SCHEMA_EXPORTS='["exports"]',
        DESTINATION__OBSERVABILITY__DESTINATION_TYPE=kind,
        DESTINATION__OBSERVABILITY__CREDENTIALS=credentials,
        **more,
    )


@pytest.mark.parametrize("command", ["check", "collect", "transform", "status"])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"netloc": f"postgres:{PASSWORD}@127.0.0.1:1"}, "Connection refused"),
        ({"netloc": f"postgres:{PASSWORD}@{{server}}"}, "password authentication failed"),
        ({"path": "/nowhere"}, 'database "nowhere" does not exist'),
    ],
    ids=["off", "password", "database"],
)
def test_a_server_that_cannot_be_used_is_told(
    folder: Path, postgres_url: str, command: str, changed: dict[str, str], words: str
) -> None:
    parts = urlsplit(postgres_url)
    changed = {name: value.format(server=f"{parts.hostname}:{parts.port}") for name, value in changed.items()}

    done = tried(folder, command, urlunsplit(parts._replace(**changed)))

    assert done.code == 2
    assert words in done.err
    assert "[destination.observability] in .dlt/config.toml and .dlt/secrets.toml" in done.err
    assert "Traceback" not in done.err
    for secret in (PASSWORD, str(parts.password)):
        assert secret not in done.err


def test_a_missing_right_is_told_with_the_grant(folder: Path, guest: str) -> None:
    done = tried(folder, "collect", guest)

    assert done.code == 2
    assert "permission denied for database guarded" in done.err
    assert "grant create on database guarded to" in done.err
    assert PASSWORD not in done.err


@pytest.mark.parametrize("command", ["transform", "status"])
def test_an_empty_home_says_what_to_run(folder: Path, guest: str, command: str) -> None:
    done = tried(folder, command, guest)

    assert done.code == 2
    assert "[destination.observability] (postgres)" in done.err
    assert "Run: meta-pipeline run" in done.err


@pytest.mark.parametrize("credentials", [f"nonsense {PASSWORD}", f"postgresql://loader:{PASSWORD}@"])
def test_unusable_credentials_are_told_without_quoting_them(folder: Path, credentials: str) -> None:
    done = tried(folder, "collect", credentials)

    assert done.code == 2
    assert "destination 'observability'" in done.err
    assert "secrets.toml" in done.err
    assert PASSWORD not in done.err


@pytest.mark.parametrize(
    ("kind", "package", "credentials"),
    [
        ("postgres", "psycopg2", f"postgresql://u:{PASSWORD}@127.0.0.1:1/d"),
        ("postgres", "dbt.adapters.postgres", ""),
        ("snowflake", "snowflake", f"snowflake://u:{PASSWORD}@acme/LAB?warehouse=w"),
        ("bigquery", "google.cloud", '{"project_id": "p", "client_email": "a@b", "private_key": "hunter2"}'),
    ],
)
def test_a_missing_extra_is_told(folder: Path, postgres_url: str, kind: str, package: str, credentials: str) -> None:
    command = "collect"
    if not credentials:
        command, credentials = "transform", new_database(postgres_url, "without_adapter")
        assert tried(folder, "collect", credentials).code == 0

    done = tried(folder, command, credentials, kind, PYTHONPATH=hide_package(folder / "without", package))

    assert done.code == 2
    assert f"pip install 'meta-pipeline[{kind}]'" in done.err
    assert PASSWORD not in done.err


def test_a_home_may_be_one_of_the_destinations(folder: Path, tmp_path: Path, postgres_url: str) -> None:
    observed: Observed = ObservedPostgres(tmp_path / "observed", postgres_url, "home_and_source").create()
    observed.run("crm", "crm", [{"id": 1}], table_name="orders")
    variables: dict[str, Any] = observed.environment("observability")

    done = [
        run(folder, command, "--json", SOURCES__DLT_METADATA__DESTINATIONS='["observability"]', **variables)
        for command in ("collect", "transform", "collect", "check", "status")
    ]

    assert [item.code for item in done] == [0, 0, 0, 0, 0], [item.err for item in done]
    assert done[2].json["rows_read"] == 0, "what was collected is not new"
    assert {item["dataset_name"]: item["is_read"] for item in done[3].json["findings"]} == {
        "crm": True,
        "observability": False,
    }
    assert [item["dataset_name"] for item in done[4].json["pipelines"]] == ["crm"]


@pytest.mark.long
def test_settings_for_ones_own_pipelines_do_not_change_names_in_a_home(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    write_configuration(folder, {"schema": {"naming": "sql_cs_v1"}}, {})
    variables = {"SOURCES__DLT_METADATA__SCHEMA_EXPORTS": '["exports"]', **home_environment("snowflake", request)}

    collect, status = run(folder, "collect", **variables), run(folder, "status", **variables)

    assert collect.code == 0, collect.err
    assert "holds no finished marts yet" in status.err
