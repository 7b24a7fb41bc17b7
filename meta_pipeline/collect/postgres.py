"""PostgreSQL: read through ADBC, whose binary COPY makes Arrow of a million loads in a second."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from meta_pipeline.collect.nesting import LINK_COLUMNS
from meta_pipeline.collect.sql import Catalogue, SqlWarehouse, text_literal
from meta_pipeline.collect.warehouse import SYSTEM_TABLES
from meta_pipeline.exceptions import (
    CollectionError,
    ConfigurationError,
    DestinationForbiddenError,
    DestinationUnreachableError,
)

CONNECT_TIMEOUT_SECONDS = 15

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
        ConfigurationError: The driver is not installed.
        DestinationUnreachableError: The server does not answer or refuses the credentials.
    """

    destination_type = "postgres"

    def __init__(self, credentials: Any) -> None:
        try:
            from adbc_driver_postgresql import dbapi  # noqa: PLC0415
        except ImportError as error:
            raise ConfigurationError(
                "PostgreSQL is read through the ADBC driver: pip install 'meta-pipeline[postgres]'"
            ) from error
        self._error = dbapi.Error
        try:
            self._connection = dbapi.connect(_url(credentials), autocommit=True)
        except dbapi.Error as error:
            raise DestinationUnreachableError(
                f"could not connect to {credentials.host}:{credentials.port}/{credentials.database} as "
                f"{credentials.username}: {_reason(error)}. Check that the server runs and that host, port, user and "
                "password in .dlt/secrets.toml are right"
            ) from None

    def arrow(self, sql: str) -> Iterator[pa.Table]:
        """Yields the result of a query in batches.

        Raises:
            DestinationForbiddenError: The role lacks a right.
            CollectionError: The server refused the query or went away.
        """
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                for batch in cursor.fetch_record_batch():
                    yield pa.Table.from_batches([batch])
        except self._error as error:
            kind = DestinationForbiddenError if getattr(error, "sqlstate", "") == "42501" else CollectionError
            raise kind(_reason(error)) from None

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""
        return '"' + identifier.replace('"', '""') + '"'

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def connect(credentials: Any) -> SqlWarehouse:
    """Opens a PostgreSQL destination for reading.

    Args:
        credentials: dlt's resolved Postgres credentials.

    Returns:
        The open warehouse.
    """
    return SqlWarehouse(PostgresConnection(credentials), CATALOGUE)


def _url(credentials: Any) -> str:
    url = credentials.to_url()
    options = f"{credentials.get_query().get('options', '')} -c default_transaction_read_only=on".strip()
    return str(
        url.update_query_dict({"options": options, "connect_timeout": str(CONNECT_TIMEOUT_SECONDS)}).render_as_string(
            hide_password=False
        )
    )


def _reason(error: Exception) -> str:
    """Returns the server's own words on one line, without the driver's echo of the query."""
    words = re.split(r"Query was:|\bLINE \d+:|\. SQLSTATE:", str(error), maxsplit=1)[0]
    return " ".join(words.split())[:300]
