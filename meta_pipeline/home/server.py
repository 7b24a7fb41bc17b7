"""A home on a server: PostgreSQL, Snowflake or BigQuery, through dlt's own client and credentials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, cast

import pyarrow as pa
from dlt.common.destination import AnyDestination, Destination
from dlt.common.schema import Schema
from dlt.dataset.utils import get_destination_client_initial_config
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase

from meta_pipeline.destination_errors import unusable
from meta_pipeline.exceptions import ConfigurationError, HomeError
from meta_pipeline.home import HOME_DESTINATION, RAW_DATASET, Home
from meta_pipeline.placeholders import placeholder_problem

NAMING = "snake_case"

_SECRET_FIELDS = ("password", "private_key", "private_key_passphrase", "token", "refresh_token", "client_secret")
_RIGHTS = {
    "postgres": "grant create on database {database} to <user>",
    "snowflake": "grant usage, create schema on database {database} to role <role>, and usage on a warehouse",
    "bigquery": "the roles bigquery.dataEditor and bigquery.jobUser in project {database}",
}
_NO_RIGHT = ("permission denied", "insufficient privileges", "access denied", "not authorized", "accessdenied")


@dataclass(frozen=True)
class Resolved:
    """The home as dlt sees it.

    Args:
        destination: dlt's destination.
        config: Its configuration, with credentials.
    """

    destination: AnyDestination
    config: Any


@dataclass(frozen=True)
class ServerSession:
    """A connection to the server.

    Args:
        home: The home.
        client: dlt's open client.
    """

    home: Home
    client: SqlClientBase[Any]

    @property
    def database(self) -> str:
        """Returns the name of the database, or of BigQuery's project."""
        return str(self.client.database_name)

    def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Executes a statement and returns its rows, time stamps in UTC.

        Args:
            sql: The statement, with ``%s`` for each value.
            values: The values.

        Raises:
            HomeError: The server refused it.
        """
        try:
            found = self.client.execute_sql(sql, *values)
        except Exception as error:
            raise home_error(self.home, self.client.credentials, error) from error
        return [[_in_utc(value) for value in row] for row in found or ()]

    def arrow(self, sql: str, schema: pa.Schema, *values: Any) -> pa.Table:
        """Executes a query and returns its columns as the types of a schema.

        Args:
            sql: The query, with ``%s`` for each value.
            schema: The types, in the order of the query's columns.
            values: The values.

        Raises:
            HomeError: The server refused it.
        """
        columns = list(zip(*self.rows(sql, *values), strict=True)) or [()] * len(schema)
        arrays = [
            # Numbers arrive as decimals from some drivers, and as floats from others.
            pa.array([float(value) if isinstance(value, Decimal) else value for value in column]).cast(field.type)
            for field, column in zip(schema, columns, strict=True)
        ]
        return pa.table(arrays, schema=schema)

    def relation(self, dataset: str, table: str) -> str:
        """Returns a table's full name."""
        with self.client.with_alternative_dataset_name(dataset):
            return self.client.make_qualified_table_name(table)

    def create_dataset(self) -> None:
        """Creates the raw dataset where it is missing.

        Raises:
            HomeError: The right to do so is missing.
        """
        try:
            if not self.client.has_dataset():
                self.client.create_dataset()
        except Exception as error:
            raise home_error(self.home, self.client.credentials, error) from error

    def has(self, dataset: str, table: str) -> bool:
        """Tells whether there is such a table or view."""
        try:
            self.client.execute_sql(f"select 1 from {self.relation(dataset, table)} where 1 = 0")
        except DatabaseUndefinedRelation:
            return False
        except Exception as error:
            raise home_error(self.home, self.client.credentials, error) from error
        return True


def resolve(home: Home) -> Resolved:
    """Lets dlt find the home's configuration and credentials.

    Args:
        home: The home.

    Raises:
        ConfigurationError: Something is missing or not usable.
    """
    if problem := placeholder_problem(home.work_folder.parent, HOME_DESTINATION):
        raise ConfigurationError(problem)
    try:
        destination = cast(AnyDestination, Destination.from_reference(HOME_DESTINATION))
        initial = get_destination_client_initial_config(destination, dataset_name=RAW_DATASET)
        return Resolved(destination, destination.configuration(initial))
    except Exception as error:
        # Such an error may quote the credentials.
        raise ConfigurationError(unusable(HOME_DESTINATION, home.destination_type, error)) from None


@contextmanager
def open_server(home: Home) -> Iterator[ServerSession]:
    """Connects to the server.

    Args:
        home: The home.

    Yields:
        The session.

    Raises:
        ConfigurationError: The configuration is not usable, or a package is missing.
        HomeError: The server cannot be reached or refuses the credentials.
    """
    client, credentials = _client(home)
    try:
        client.open_connection()
        if home.destination_type == "bigquery":
            # It connects with the first request only, and a query is tried again for many minutes.
            client.has_dataset()
    except Exception as error:
        raise home_error(home, credentials, error) from None
    try:
        yield ServerSession(home, client)
    finally:
        client.close_connection()


def home_error(home: Home, credentials: Any, error: BaseException) -> HomeError:
    """Says what the server refused and what to do next.

    Args:
        home: The home.
        credentials: Its credentials, to be kept out of what the driver said.
        error: What the driver or dlt raised.
    """
    words = _words(error)
    for secret in _secrets(credentials):
        words = words.replace(secret, "***")
    advice = f"Check that it is running, and [destination.{HOME_DESTINATION}] in .dlt/config.toml and .dlt/secrets.toml"
    if any(sign in words.lower() for sign in _NO_RIGHT):
        database = getattr(credentials, "database", None) or getattr(credentials, "project_id", None)
        advice = f"The user lacks a right; a home needs: {_RIGHTS[home.destination_type].format(database=database)}"
    return HomeError(f"{home.database} could not be used: {words[:300].rstrip('.? ')}. {advice}")


def _words(error: BaseException) -> str:
    """Returns what the driver said, without what dlt said about it; what follows may quote rows."""
    while error.__cause__:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(" ".join(lines[:2]).split())


def _client(home: Home) -> tuple[SqlClientBase[Any], Any]:
    resolved = resolve(home)
    schema = Schema(RAW_DATASET, normalizers={"names": NAMING, "json": {"module": "relational"}})
    try:
        job_client: Any = resolved.destination.client(schema, resolved.config)
    except Exception as error:
        raise ConfigurationError(unusable(HOME_DESTINATION, home.destination_type, error)) from None
    return job_client.sql_client, resolved.config.credentials


def _secrets(credentials: Any) -> Iterator[str]:
    for field in _SECRET_FIELDS:
        value = getattr(credentials, field, None)
        if isinstance(value, str) and value:
            yield value


def _in_utc(value: Any) -> Any:
    return value.astimezone(timezone.utc) if isinstance(value, datetime) and value.tzinfo else value
