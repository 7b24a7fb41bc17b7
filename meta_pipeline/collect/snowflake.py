"""Snowflake, by the driver that dlt itself uses for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import snowflake.connector as snowflake
from snowflake.connector import errors

from meta_pipeline.collect.sql import (
    LINK_NAMES,
    SETTLED_SECONDS,
    SYSTEM_NAMES,
    Catalogue,
    Dialect,
    SqlWarehouse,
    kept_columns,
)
from meta_pipeline.collect.warehouse import Cost
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    BudgetExceededError,
    CollectionError,
    DestinationForbiddenError,
    DestinationInterruptedError,
    DestinationUnreachableError,
    TableMissingError,
)

QUERY_TAG = "meta-pipeline"
LOGIN_TIMEOUT_SECONDS = 60
ROWS_AT_ONCE = 1_000

_TIMED_OUT = (
    CollectionError,
    "It took longer than timeout_seconds allows: raise that in the destination's entry in destinations, or use a "
    "warehouse that is less busy",
)
_GONE = (TableMissingError, "Run again")
MEANINGS: Mapping[int, tuple[type[CollectionError], str]] = {
    604: _TIMED_OUT,
    630: _TIMED_OUT,
    606: (
        CollectionError,
        "Name a warehouse in the credentials, and grant usage on it to the role; it must resume by itself",
    ),
    904: _GONE,
    2003: _GONE,
    3001: (DestinationForbiddenError, "Grant usage on the schema and select on its tables to the role"),
    90073: (BudgetExceededError, "Raise the quota of the resource monitor, or wait for its next interval"),
}
"""What Snowflake's error numbers stand for, and what to do next."""

COST = """
    select sum(bytes_scanned)
    from table(information_schema.query_history_by_session(result_limit => 10000))
"""


def escaped_literal(value: str) -> str:
    """Returns a string as a literal of Snowflake, in which a backslash escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def logical_name(name: str) -> str:
    """Returns the name by which dlt knows an identifier: by default it is stored in capitals."""
    return name.lower() if name == name.upper() else name


DIALECT = Dialect(timestamp="timestamp_tz", literal=escaped_literal, logical_name=logical_name)


def catalogue() -> Catalogue:
    """Returns the queries on the catalogue.

    It shows what the role has any right on. Views change with other tables, so that their own change says nothing.
    """
    return Catalogue(
        system_columns=f"""
            select t.table_schema as dataset_name, t.table_name, c.column_name, true as is_readable,
                case
                    when t.table_type = 'BASE TABLE'
                        and t.last_altered < dateadd(second, {-SETTLED_SECONDS}, current_timestamp())
                    then cast(t.last_altered as varchar)
                end as changed_at
            from information_schema.tables t
            join information_schema.columns c on c.table_schema = t.table_schema and c.table_name = t.table_name
            where lower(t.table_name) in ({SYSTEM_NAMES})
            order by 1, 2, c.ordinal_position
        """,
        statistics="""
            select table_schema as dataset_name, table_name, row_count, bytes as byte_count
            from information_schema.tables
            where table_type = 'BASE TABLE'
        """,
        user_columns=f"""
            select c.table_schema as dataset_name, c.table_name, c.column_name
            from information_schema.columns c
            join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
            where t.table_type = 'BASE TABLE' and lower(c.column_name) in ({LINK_NAMES})
        """,
        is_estimate=False,
        kept_columns=kept_columns("information_schema.columns", "table_schema"),
    )


class SnowflakeConnection:
    """A session on Snowflake that only reads.

    Args:
        credentials: dlt's resolved Snowflake credentials.
        timeout_seconds: How long one query may take, waiting for the warehouse included.

    Raises:
        DestinationUnreachableError: The account does not answer or refuses the credentials.
    """

    destination_type = "snowflake"

    def __init__(self, credentials: Any, timeout_seconds: int) -> None:
        try:
            self._connection = snowflake.connect(
                **credentials.to_connector_params(),
                login_timeout=LOGIN_TIMEOUT_SECONDS,
                network_timeout=timeout_seconds,
                session_parameters={
                    "QUERY_TAG": QUERY_TAG,
                    "STATEMENT_TIMEOUT_IN_SECONDS": timeout_seconds,
                    "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": timeout_seconds,
                },
            )
        except errors.Error as error:
            raise DestinationUnreachableError(
                f"could not connect to account {credentials.host}, database {credentials.database}, as "
                f"{credentials.username}: {_reason(error)}. Check the account with its region, and that user, key or "
                "password in .dlt/secrets.toml are right and not expired"
            ) from None

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query in batches of a schema.

        Raises:
            CollectionError: Snowflake refused the query or went away.
        """
        with _told(), self._connection.cursor() as cursor:
            cursor.execute(sql)
            try:
                for batch in cursor.fetch_arrow_batches():
                    # Finer than a microsecond is no moment that dlt writes.
                    yield batch.rename_columns(schema.names).cast(schema, safe=False)
            except errors.NotSupportedError:
                while rows := cursor.fetchmany(ROWS_AT_ONCE):
                    yield pa.table(list(zip(*rows, strict=True)), schema=schema)

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query.

        Raises:
            CollectionError: Snowflake refused the query or went away.
        """
        with _told(), self._connection.cursor() as cursor:
            cursor.execute(sql)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield from rows

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""
        return '"' + identifier.replace('"', '""') + '"'

    def cost(self) -> Cost:
        """Returns the bytes that the session's queries scanned; Snowflake bills the time of the warehouse."""
        with suppress(errors.Error), self._connection.cursor() as cursor:
            cursor.execute(COST)
            rows: Any = cursor.fetchall()
            return Cost(bytes_scanned=int(rows[0][0] or 0))
        return Cost()

    def close(self) -> None:
        """Closes the connection."""
        with suppress(errors.Error):
            self._connection.close()


def connect(config: Any, settings: DestinationSettings) -> SqlWarehouse:
    """Opens a Snowflake destination for reading.

    Args:
        config: dlt's resolved configuration of it.
        settings: How it is observed.

    Returns:
        The open warehouse.
    """
    return SqlWarehouse(SnowflakeConnection(config.credentials, settings.timeout_seconds), catalogue(), DIALECT)


@contextmanager
def _told() -> Iterator[None]:
    """Turns an error of the server into one that says what went wrong."""
    try:
        yield
    except errors.Error as error:
        raise _translated(error) from None


def _translated(error: errors.Error) -> CollectionError:
    reason = _reason(error)
    if error.errno in MEANINGS:
        kind, advice = MEANINGS[error.errno]
        return kind(f"{reason}. {advice}")
    if isinstance(error, (errors.OperationalError, errors.InterfaceError)):
        return DestinationInterruptedError(f"the connection broke off ({reason}). Run again")
    return CollectionError(reason)


def _reason(error: errors.Error) -> str:
    """Returns the server's own words on one line."""
    return " ".join(str(error.raw_msg or error.msg or type(error).__name__).split())[:300].rstrip(".")
