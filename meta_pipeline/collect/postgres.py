"""PostgreSQL, by the driver that dlt itself uses for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, BinaryIO

import psycopg2
import pyarrow as pa
from pyarrow import csv

from meta_pipeline.collect.nesting import LINK_COLUMNS
from meta_pipeline.collect.sql import Catalogue, SqlWarehouse, text_literal
from meta_pipeline.collect.warehouse import SYSTEM_TABLES
from meta_pipeline.exceptions import (
    CollectionError,
    DestinationForbiddenError,
    DestinationUnreachableError,
)

CONNECT_TIMEOUT_SECONDS = 15
ROWS_AT_ONCE = 500
CSV_BLOCK_BYTES = 8 << 20

_SYSTEM_NAMES = ", ".join(text_literal(name) for name in SYSTEM_TABLES.values())
_LINK_NAMES = ", ".join(text_literal(name) for name in LINK_COLUMNS)

# information_schema hides what the role may not read; pg_catalog lists it, so that a missing right is seen.
CATALOGUE = Catalogue(
    system_columns=f"""
        select n.nspname::text as dataset_name, c.relname::text as table_name, a.attname::text as column_name,
            has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT') as is_readable
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and lower(c.relname) in ({_SYSTEM_NAMES})
        order by 1, 2, a.attnum
    """,
    statistics="""
        select n.nspname::text as dataset_name, c.relname::text as table_name,
            cast(case when c.reltuples >= 0 then c.reltuples else s.n_live_tup end as bigint) as row_count,
            c.relpages::bigint * current_setting('block_size')::bigint as byte_count
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
        where c.relkind in ('r', 'p') and lower(a.attname) in ({_LINK_NAMES})
            and has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT')
    """,
    is_estimate=True,
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
        with ThreadPoolExecutor(1) as pool, os.fdopen(read_end, "rb") as stream:
            copying = pool.submit(self._copy, sql, write_end)
            try:
                yield from _read_csv(stream, schema)
            finally:
                stream.close()
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

    def _copy(self, sql: str, write_end: int) -> None:
        with _told(), self._connection, self._connection.cursor() as cursor, os.fdopen(write_end, "wb") as stream:
            cursor.copy_expert(f"copy ({sql}) to stdout with (format csv)", stream)


def connect(credentials: Any) -> SqlWarehouse:
    """Opens a PostgreSQL destination for reading.

    Args:
        credentials: dlt's resolved Postgres credentials.

    Returns:
        The open warehouse.
    """
    return SqlWarehouse(PostgresConnection(credentials), CATALOGUE)


def _parameters(credentials: Any) -> dict[str, Any]:
    """Returns what makes the session read-only, in UTC and bounded in the time it waits for the server."""
    options = str(credentials.get_query().get("options", ""))
    return {
        "options": f"{options} -c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO".strip(),
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    }


def _read_csv(stream: BinaryIO, schema: pa.Schema) -> Iterator[pa.Table]:
    try:
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
    except pa.ArrowInvalid:
        # An empty result, or a query that failed: then the copying thread says why.
        return
    for batch in reader:
        yield pa.Table.from_batches([batch])


@contextmanager
def _told() -> Iterator[None]:
    """Turns an error of the server into one that says what went wrong."""
    try:
        yield
    except psycopg2.errors.InsufficientPrivilege as error:
        raise DestinationForbiddenError(_reason(error)) from None
    except psycopg2.Error as error:
        raise CollectionError(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Returns the server's own words on one line, without its echo of the query."""
    words = re.split(r"\nLINE \d+:|\nQUERY:", str(error), maxsplit=1)[0]
    return " ".join(words.split())[:300]
