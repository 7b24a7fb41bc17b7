"""What the home says of its marts before a transform: is there raw data, and can the marts be continued?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meta_pipeline.exceptions import ConfigurationError, HomeError
from meta_pipeline.home import MODELS_DATASET, RAW_DATASET, Home, unopened

_CLOCK_TABLE = "clock"


@dataclass(frozen=True)
class Clock:
    """What the last finished transform left in the model ``clock``.

    Args:
        is_past: Whether the marts show a past moment.
        project_fingerprint: Project and database that they were built from.
    """

    is_past: bool
    project_fingerprint: str


@contextmanager
def connect(home: Home) -> Iterator[Any]:
    """Opens a connection to the home, for writing as dbt will need it.

    Args:
        home: Where the observability dataset lives.

    Yields:
        A DB-API connection.

    Raises:
        HomeError: The home is not there, or cannot be opened.
    """
    connection = _connect_duckdb(home) if home.destination_type == "duckdb" else _connect_postgres(home)
    with closing(connection):
        yield connection


def require_raw_dataset(connection: Any, home: Home) -> None:
    """Checks that something was collected.

    Args:
        connection: An open connection to the home.
        home: The home, for the message.

    Raises:
        HomeError: The observability dataset is not there.
    """
    if not _has_table(connection, RAW_DATASET, "loads"):
        raise _nothing_collected(home)


def read_clock(connection: Any) -> Clock | None:
    """Returns what the last finished transform left, or None where there was none.

    Args:
        connection: An open connection to the home.
    """
    if not _has_table(connection, MODELS_DATASET, _CLOCK_TABLE):
        return None
    row = _fetch_one(connection, f"select is_past, project_fingerprint from {_clock_relation(connection)}")
    return Clock(*row) if row else None


def forget_clock(connection: Any) -> None:
    """Makes the next transform rebuild everything, should the one that follows break off half way.

    Args:
        connection: An open connection to the home.
    """
    if _has_table(connection, MODELS_DATASET, _CLOCK_TABLE):
        connection.cursor().execute(f"drop table {_clock_relation(connection)}")


def database_name(connection: Any) -> str:
    """Returns the name of the database that a connection is in.

    Args:
        connection: An open connection to the home.
    """
    return str(_fetch_one(connection, "select current_database()")[0])


def _connect_duckdb(home: Home) -> Any:
    import duckdb  # noqa: PLC0415

    if not Path(home.database).exists():
        raise _nothing_collected(home)
    try:
        return duckdb.connect(home.database)
    except duckdb.Error as error:
        raise unopened(home, str(error)) from None


def _connect_postgres(home: Home) -> Any:
    try:
        import psycopg2  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigurationError(
            "A Postgres home needs the extra `postgres`. Run: pip install 'meta-pipeline[postgres]'"
        ) from None
    try:
        connection = psycopg2.connect(home.database)
    except psycopg2.OperationalError as error:
        words = " ".join(str(error).split())
        raise HomeError(
            f"The server of the observability dataset could not be reached: {words} "
            "Check [destination.observability.credentials]."
        ) from None
    connection.autocommit = True
    return connection


def _nothing_collected(home: Home) -> HomeError:
    place = home.database if home.destination_type == "duckdb" else "the observability warehouse"
    return HomeError(f"There is no dataset '{RAW_DATASET}' in {place} yet. Run `meta-pipeline collect` first.")


def _clock_relation(connection: Any) -> str:
    database = database_name(connection).replace('"', '""')
    return f'"{database}"."{MODELS_DATASET}"."{_CLOCK_TABLE}"'


def _has_table(connection: Any, schema: str, table: str) -> bool:
    found = _fetch_one(
        connection,
        "select 1 from information_schema.tables where table_catalog = current_database() "
        f"and table_schema = '{schema}' and table_name = '{table}'",
    )
    return found is not None


def _fetch_one(connection: Any, sql: str) -> Any:
    cursor = connection.cursor()
    cursor.execute(sql)
    return cursor.fetchone()
