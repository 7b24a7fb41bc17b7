"""The kinds of homes that tests run against, and what their marts hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
import yaml

from meta_pipeline.export.openlineage import export_openlineage
from meta_pipeline.export.settings import ExportSettings
from meta_pipeline.home import MARTS_DATASET, Home, open_home
from meta_pipeline.transform.project import project_folder

KINDS = ("duckdb", "postgres", "snowflake", "bigquery")
SERVERS = tuple(pytest.param(kind, marks=pytest.mark.xdist_group(f"home_{kind}")) for kind in KINDS[1:])
# How many steps of a home's life are compared: on the stand-ins they take minutes. The past comes third.
PARITY_CASES = (
    ("postgres", 2),
    pytest.param("postgres", 4, marks=pytest.mark.long),
    *(
        pytest.param(kind, 4, marks=[pytest.mark.xdist_group(f"home_{kind}"), pytest.mark.long, pytest.mark.account])
        for kind in ("snowflake", "bigquery")
    ),
)

# When a mart was built, or a dataset read, differs from home to home.
_VARYING = {
    "built_at",
    "judged_at",
    "noticed_at",
    "seen_at",
    "last_told_at",
    "resolved_at",
    "collected_at",
    "counted_at",
    "first_collected_at",
    "last_collected_at",
    "last_changed_at",
    "since",
    "duration_seconds",
}

Marts = dict[str, list[dict[str, Any]]]


def home_environment(kind: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Returns the variables that name an empty home of a kind, on the server that stands for it."""
    name = f"home_{uuid4().hex[:12]}"
    credentials = {
        "duckdb": lambda: f"{name}.duckdb",
        "postgres": lambda: new_database(request.getfixturevalue("postgres_url"), name),
        "snowflake": lambda: request.getfixturevalue("snowflake_server").credentials(name.upper()),
        "bigquery": lambda: request.getfixturevalue("bigquery_server").credentials(name.replace("_", "-")),
    }
    settings = {"DESTINATION_TYPE": kind, "CREDENTIALS": credentials[kind]()}
    return {f"DESTINATION__OBSERVABILITY__{key}": value for key, value in settings.items()}


def new_database(url: str, name: str) -> str:
    """Creates a database and returns its URL."""
    import psycopg2

    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(f"create database {name}")
    connection.close()
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def marts_of(home: Home, without: Collection[str] = ()) -> Marts:
    """Returns all marts with all columns, ordered, in types of Python that are the same for all homes.

    Args:
        home: The home.
        without: Columns to leave out.
    """
    with open_home(home) as session:
        return {
            mart: sorted(
                (
                    dict(zip(columns, map(_plain, row), strict=True))
                    for row in session.rows(f"select {', '.join(columns)} from {session.relation(MARTS_DATASET, mart)}")
                ),
                key=str,
            )
            for mart, columns in _columns_of_marts(_VARYING.union(without))
        }


def events_of(home: Home, file: Path) -> list[dict[str, Any]]:
    """Returns what is exported of the marts.

    Args:
        home: The home.
        file: The file to write meanwhile.
    """
    export_openlineage(home, ExportSettings(), out=str(file), url=None, since=None)
    events = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return sorted(({**event, "eventTime": _moment_of(event)} for event in events), key=str)


def _moment_of(event: Mapping[str, Any]) -> datetime | None:
    """Returns when something happened; what dbt builds may have changed when it was collected, which differs."""
    if event.get("job", {}).get("name", "").startswith("dbt."):
        return None
    return datetime.strptime(event["eventTime"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def _columns_of_marts(without: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    for path in sorted((project_folder() / "models" / "marts").rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            names = [column["name"] for column in model["columns"]]
            yield model["name"], [name for name in names if name not in without]


def _plain(value: Any) -> Any:
    return round(float(value), 6) if isinstance(value, (float, Decimal)) else value


def differences(found: Marts, expected: Marts) -> dict[str, list[tuple[str, Any, Any]]]:
    """Returns by mart the columns and values that are not the same; whole rows where their number differs."""
    different = {}
    for mart, rows in expected.items():
        if len(found[mart]) != len(rows):
            different[mart] = [("rows", found[mart], rows)]
            continue
        cells = [
            (f"{name} of {row}", other[name], value)
            for other, row in zip(found[mart], rows, strict=True)
            for name, value in row.items()
            if not _same(other[name], value)
        ]
        if cells:
            different[mart] = cells
    return different


def _same(value: Any, other: Any) -> bool:
    # A load id is a unix time with more decimals than a time stamp: warehouses do not round the last one alike.
    if isinstance(value, datetime) and isinstance(other, datetime):
        return abs(value - other) <= timedelta(microseconds=1)
    return bool(value == other)


def setting(environment: Mapping[str, str], patch: pytest.MonkeyPatch) -> None:
    """Sets environment variables."""
    for name, value in environment.items():
        patch.setenv(name, value)
