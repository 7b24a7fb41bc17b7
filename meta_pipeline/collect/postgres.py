"""PostgreSQL, by the driver that dlt itself uses for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from subprocess import PIPE
from typing import Any, BinaryIO, cast

import psycopg2
import pyarrow as pa
from psycopg2 import errors
from pyarrow import csv

from meta_pipeline.collect import copy_out
from meta_pipeline.collect.copy_out import Failure, Request
from meta_pipeline.collect.sql import LINK_NAMES, SYSTEM_NAMES, Catalogue, SqlWarehouse, kept_columns
from meta_pipeline.collect.warehouse import Cost
from meta_pipeline.config import TIMEOUT_SECONDS, DestinationSettings
from meta_pipeline.exceptions import (
    CollectionError,
    DestinationForbiddenError,
    DestinationInterruptedError,
    DestinationLockedError,
    DestinationUnreachableError,
    TableMissingError,
)

LOCK_TIMEOUT_SECONDS = 30
SESSION_SETTINGS: Mapping[str, str] = {
    "default_transaction_read_only": "on",
    "timezone": "UTC",
    "datestyle": "ISO",
    "standard_conforming_strings": "on",
    "lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s",
}
KEEPALIVES: Mapping[str, int] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
TEMPORARY_REFUSALS = ("starting up", "shutting down", "recovery mode", "too many clients", "connection slots")
BROKEN_OFF = ("08", "57P")
"""Beginnings of the error codes that say that the server ended the connection."""

ROWS_AT_ONCE = 100
CSV_BLOCK_BYTES = 8 << 20


# information_schema hides what the role may not read; pg_catalog lists it, so that a missing right is seen.
CATALOGUE = Catalogue(
    system_columns=f"""
        select n.nspname::text as dataset_name, c.relname::text as table_name, a.attname::text as column_name,
            has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT') as is_readable
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and lower(c.relname) in ({SYSTEM_NAMES})
        order by 1, 2, a.attnum
    """,
    statistics="""
        select n.nspname::text as dataset_name, c.relname::text as table_name,
            cast(case when c.reltuples >= 0 then c.reltuples else s.n_live_tup end as bigint) as row_count,
            case when c.reltuples >= 0 then c.relpages::bigint * current_setting('block_size')::bigint end as byte_count
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid
        where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_'
    """,
    user_columns=f"""
        select n.nspname::text as dataset_name, c.relname::text as table_name, a.attname::text as column_name
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'p') and not c.relispartition and lower(a.attname) in ({LINK_NAMES})
            and has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT')
    """,
    is_estimate=True,
    kept_columns=kept_columns(
        """(
            select n.nspname::text as dataset_name, c.relname::text as table_name, a.attname::text as column_name
            from pg_catalog.pg_class c
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^pg_'
                and has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT')
        )""",
        "dataset_name",
    ),
    forbidden_tables=r"""
        select n.nspname::text as dataset_name, c.relname::text as table_name
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'p') and not c.relispartition and lower(a.attname) = '_dlt_load_id'
            and lower(c.relname) not like '\_dlt\_%'
            and not (has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT'))
        order by 1, 2
    """,
)


class PostgresConnection:
    """A read-only connection to PostgreSQL, with a session for each thread that asks.

    Args:
        credentials: dlt's resolved Postgres credentials.
        timeout_seconds: How long one query may take.

    Raises:
        DestinationUnreachableError: The server does not answer or refuses the credentials.
    """

    destination_type = "postgres"

    def __init__(self, credentials: Any, timeout_seconds: int = TIMEOUT_SECONDS) -> None:
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds
        self._sessions = {threading.get_ident(): self._open()}

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query in batches of a schema.

        COPY as CSV, parsed by Arrow, is several times faster than fetching rows. It runs in a process with a connection
        of its own (see ``copy_out``), so that it may go on while rows are read here.

        Raises:
            CollectionError: The server refused the query or went away.
        """
        request: Request = {
            "url": self._credentials.to_native_representation(),
            "parameters": _parameters(self._credentials, self._timeout_seconds),
            "query": sql,
        }
        command = [sys.executable, copy_out.__file__]
        with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as program:  # noqa: S603
            stdin, stdout, stderr = cast(BinaryIO, program.stdin), program.stdout, cast(BinaryIO, program.stderr)
            try:
                with suppress(BrokenPipeError), stdin:
                    stdin.write(json.dumps(request).encode())
                yield from _read_csv(cast(BufferedReader, stdout), schema)
                failure = stderr.read()
            except pa.ArrowInvalid as error:
                raise CollectionError(f"a value is not of the type that dlt gives it: {_first_line(error)}") from None
            finally:
                program.kill()
        if failure:
            with _told():
                raise _server_error(failure)

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query.

        Raises:
            CollectionError: The server refused the query or went away.
        """
        with _told(), self._session() as session, session.cursor("meta_pipeline") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(sql)
            yield from cursor

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""
        return '"' + identifier.replace('"', '""') + '"'

    def cost(self) -> Cost:
        """Returns nothing: PostgreSQL does not tell what a query read."""
        return Cost()

    def close(self) -> None:
        """Closes the connection, in all its sessions."""
        for session in self._sessions.values():
            session.close()

    def _open(self) -> psycopg2.extensions.connection:
        credentials = self._credentials
        try:
            parameters = _parameters(credentials, self._timeout_seconds)
            connection: psycopg2.extensions.connection
            connection = psycopg2.connect(credentials.to_native_representation(), **parameters)
        except psycopg2.Error as error:
            reason = _reason(error)
            is_temporary = any(words in reason for words in TEMPORARY_REFUSALS)
            raise (DestinationInterruptedError if is_temporary else DestinationUnreachableError)(
                f"could not connect to {credentials.host}:{credentials.port}/{credentials.database} as "
                f"{credentials.username}: {reason}. Check that the server runs and that host, port, user and "
                "password in .dlt/secrets.toml are right"
            ) from None
        return connection

    def _session(self) -> psycopg2.extensions.connection:
        """Returns this thread's session; a new one where the server has ended the last."""
        thread = threading.get_ident()
        session = self._sessions.get(thread)
        if session is None or session.closed:
            session = self._sessions[thread] = self._open()
        return session


def connect(config: Any, settings: DestinationSettings) -> SqlWarehouse:
    """Opens a PostgreSQL destination for reading.

    Args:
        config: dlt's resolved configuration of it.
        settings: How it is observed.

    Returns:
        The open warehouse.
    """
    connection = PostgresConnection(config.credentials, settings.timeout_seconds)
    return SqlWarehouse(connection, CATALOGUE, reads_at_once=True)


def _parameters(credentials: Any, timeout_seconds: int) -> dict[str, Any]:
    """Returns what makes the session read-only, in UTC and bounded in the time it waits; what is configured goes first.

    The bounds are for servers that vanish without a word, and for locks: collecting must neither hang nor stand in the
    way of what it observes.
    """
    query = credentials.get_query()
    settings = {**SESSION_SETTINGS, "statement_timeout": f"{timeout_seconds}s"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {
        **{name: value for name, value in KEEPALIVES.items() if name not in query},
        "options": f"{query.get('options', '')} {options}".strip(),
        "client_encoding": "utf8",
    }


def _read_csv(stream: BufferedReader, schema: pa.Schema) -> Iterator[pa.Table]:
    if not stream.peek(1):
        # An empty result, or a query that failed: then the copying thread says why.
        return
    reader = csv.open_csv(
        stream,
        csv.ReadOptions(column_names=schema.names, block_size=CSV_BLOCK_BYTES),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _server_error(told: bytes) -> psycopg2.Error:
    """Returns what the copying program told as the error that the driver raises for it."""
    try:
        failure: Failure = json.loads(told)
    except ValueError:
        return psycopg2.OperationalError("the program that copies the rows broke off")
    try:
        error: Any = errors.lookup(failure["sqlstate"] or "")(failure["message"])
    except KeyError:
        error = psycopg2.OperationalError(failure["message"])
    error.__setstate__({"pgcode": failure["sqlstate"]})
    return cast(psycopg2.Error, error)


@contextmanager
def _told() -> Iterator[None]:
    """Turns an error of the server into one that says what went wrong."""
    try:
        yield
    except psycopg2.errors.InsufficientPrivilege as error:
        raise DestinationForbiddenError(
            f"{_reason(error)}. Grant usage on the schema and select on its tables"
        ) from None
    except (
        psycopg2.errors.UndefinedTable,
        psycopg2.errors.InvalidSchemaName,
        psycopg2.errors.UndefinedColumn,
    ) as error:
        raise TableMissingError(_reason(error)) from None
    except psycopg2.errors.LockNotAvailable:
        raise DestinationLockedError(
            f"another session holds a lock on a table for more than {LOCK_TIMEOUT_SECONDS} s. Run again when it has "
            "finished"
        ) from None
    except psycopg2.errors.QueryCanceled:
        raise CollectionError(
            "a query took longer than timeout_seconds allows. Raise it in the destination's entry in destinations"
        ) from None
    except psycopg2.Error as error:
        # The error of a session that is over hides the one that ended it.
        cause = error.__context__ if isinstance(error.__context__, psycopg2.Error) else error
        if _is_interruption(error) or _is_interruption(cause):
            raise DestinationInterruptedError(f"the connection broke off ({_reason(cause)}). Run again") from None
        raise CollectionError(_reason(error)) from None


def _is_interruption(error: psycopg2.Error) -> bool:
    if isinstance(error, psycopg2.OperationalError):
        return not error.pgcode or error.pgcode.startswith(BROKEN_OFF)
    return isinstance(error, psycopg2.InterfaceError)


def _reason(error: Exception) -> str:
    """Returns the server's own words on one line, without its echo of the query."""
    words = re.split(r"\nLINE \d+:|\nQUERY:|\n\s*Is the server running", str(error), maxsplit=1)[0]
    return " ".join(words.split())[:300].rstrip("?.")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0][:300]
