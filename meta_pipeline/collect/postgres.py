"""PostgreSQL, by the driver that dlt itself uses for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import Any, BinaryIO

import psycopg2
import pyarrow as pa
from pyarrow import csv

from meta_pipeline.collect.sql import LINK_NAMES, SYSTEM_NAMES, Catalogue, SqlWarehouse
from meta_pipeline.exceptions import (
    CollectionError,
    DestinationForbiddenError,
    DestinationLockedError,
    DestinationUnreachableError,
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
    """A read-only connection to PostgreSQL.

    Args:
        credentials: dlt's resolved Postgres credentials.

    Raises:
        DestinationUnreachableError: The server does not answer or refuses the credentials.
    """

    destination_type = "postgres"

    def __init__(self, credentials: Any) -> None:
        try:
            self._connection = psycopg2.connect(credentials.to_native_representation(), **_parameters(credentials))
        except psycopg2.Error as error:
            raise DestinationUnreachableError(
                f"could not connect to {credentials.host}:{credentials.port}/{credentials.database} as "
                f"{credentials.username}: {_reason(error)}. Check that the server runs and that host, port, user and "
                "password in .dlt/secrets.toml are right"
            ) from None

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query in batches of a schema.

        COPY as CSV, parsed by Arrow, is several times faster than fetching rows.

        Raises:
            CollectionError: The server refused the query or went away.
        """
        read_end, write_end = os.pipe()
        # Each end is a file from the start, so that none stays open, with somebody waiting at the other, when
        # something fails.
        target, source = os.fdopen(write_end, "wb"), os.fdopen(read_end, "rb")
        with ThreadPoolExecutor(1) as pool:
            copying = pool.submit(self._copy, sql, target)
            try:
                with source:
                    yield from _read_csv(source, schema)
            except pa.ArrowInvalid as error:
                self._give_up(copying)
                raise CollectionError(f"a value is not of the type that dlt gives it: {_first_line(error)}") from None
            except GeneratorExit:
                self._give_up(copying)
                raise
            copying.result()

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query.

        Raises:
            CollectionError: The server refused the query or went away.
        """
        with _told(), self._connection, self._connection.cursor("meta_pipeline") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(sql)
            yield from cursor

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""
        return '"' + identifier.replace('"', '""') + '"'

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _copy(self, sql: str, target: BinaryIO) -> None:
        with target, _told(), self._connection, self._connection.cursor() as cursor:
            cursor.copy_expert(f"copy ({sql}) to stdout with (format csv)", target)

    def _give_up(self, copying: Future[None]) -> None:
        """Ends a query that nobody reads any more; what it says to that is of no interest, unless it had failed."""
        if not copying.done():
            self._connection.cancel()
        with suppress(BrokenPipeError, CollectionError):
            copying.result()


def connect(credentials: Any) -> SqlWarehouse:
    """Opens a PostgreSQL destination for reading.

    Args:
        credentials: dlt's resolved Postgres credentials.

    Returns:
        The open warehouse.
    """
    return SqlWarehouse(PostgresConnection(credentials), CATALOGUE)


def _parameters(credentials: Any) -> dict[str, Any]:
    """Returns what makes the session read-only, in UTC and bounded in the time it waits; what is configured goes first.

    The bounds are for servers that vanish without a word, and for locks: collecting must neither hang nor stand in the
    way of what it observes.
    """
    query = credentials.get_query()
    options = " ".join(f"-c {name}={value}" for name, value in SESSION_SETTINGS.items())
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


@contextmanager
def _told() -> Iterator[None]:
    """Turns an error of the server into one that says what went wrong."""
    try:
        yield
    except psycopg2.errors.InsufficientPrivilege as error:
        raise DestinationForbiddenError(
            f"{_reason(error)}. Grant usage on the schema and select on its tables"
        ) from None
    except psycopg2.errors.LockNotAvailable:
        raise DestinationLockedError(
            f"another session holds a lock on a table for more than {LOCK_TIMEOUT_SECONDS} s. Run again when it has "
            "finished"
        ) from None
    except psycopg2.Error as error:
        raise CollectionError(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Returns the server's own words on one line, without its echo of the query."""
    words = re.split(r"\nLINE \d+:|\nQUERY:|\n\s*Is the server running", str(error), maxsplit=1)[0]
    return " ".join(words.split())[:300].rstrip("?.")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0][:300]
