"""The fleet in a PostgreSQL server: tables as dlt's own Postgres destination makes them, rows loaded by COPY."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from urllib.parse import urlsplit, urlunsplit

import dlt
import psycopg2
from dlt.common.destination.capabilities import DataTypeMapper
from dlt.common.json import json
from dlt.common.schema.typing import TTableSchema

from benchmarks.fleet import Dataset, Shape, dataset

_ESCAPED = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

SYSTEM_TABLES = ("_dlt_loads", "_dlt_version", "_dlt_pipeline_state")


def database_url(server_url: str, database: str) -> str:
    """Returns the URL of another database of the same server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))


@contextmanager
def connected(url: str) -> Iterator[psycopg2.extensions.connection]:
    """Opens a connection in which every statement commits itself."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        yield connection


def dataset_names(url: str) -> list[str]:
    """Returns the names of a fleet's datasets.

    Args:
        url: The fleet's database.
    """
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = %s ORDER BY 1", (SYSTEM_TABLES[0],))
        return [name for (name,) in cursor.fetchall()]


def server_version(url: str) -> str:
    """Returns the version of a PostgreSQL server.

    Args:
        url: Any of its databases.
    """
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])


def create_fleet(server_url: str, shape: Shape, ends_at: datetime) -> str:
    """Makes a database that holds a fleet, in place of one of the same name.

    Args:
        server_url: URL of the server's maintenance database.
        shape: How large the fleet is; its name is the database's.
        ends_at: When its last loads are.

    Returns:
        The database's URL.
    """
    with connected(server_url) as server, server.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{shape.name}"')
        cursor.execute(f'CREATE DATABASE "{shape.name}"')
    url = database_url(server_url, shape.name)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        write = partial(_write_dataset, url, shape, ends_at)
        for _ in workers.map(write, range(shape.datasets), chunksize=10):
            pass
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    return url


def _write_dataset(url: str, shape: Shape, ends_at: datetime, index: int) -> None:
    written = dataset(shape, index, ends_at)
    types = dlt.destinations.postgres().capabilities().get_type_mapper()
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(_create_sql(written, types))
        _copy_rows(cursor, written)
        # A fleet that has stood for months is vacuumed and analyzed; without this the server starts to do it in the
        # middle of the first measurement.
        cursor.execute("VACUUM (ANALYZE) " + ", ".join(f'"{written.name}"."{table}"' for table in SYSTEM_TABLES))


def _create_sql(written: Dataset, types: DataTypeMapper) -> str:
    tables = json.loads(written.versions[-1].content)["tables"].values()
    wanted = [table for table in tables if written.shape.has_user_tables or table["name"] in SYSTEM_TABLES]
    statements = [_create_table_sql(written.name, table, types) for table in wanted]
    return ";\n".join([f'CREATE SCHEMA "{written.name}"', *statements])


def _create_table_sql(dataset_name: str, table: TTableSchema, types: DataTypeMapper) -> str:
    columns = [
        f'"{column["name"]}" {types.to_destination_type(column, table)}'
        + ("" if column.get("nullable", True) else " NOT NULL")
        + (" UNIQUE" if column.get("unique") else "")
        for column in table["columns"].values()
    ]
    return f'CREATE TABLE "{dataset_name}"."{table["name"]}" ({", ".join(columns)})'


def _copy_rows(cursor: psycopg2.extensions.cursor, written: Dataset) -> None:
    loads = list(written.load_rows())
    rows: tuple[Iterable[tuple[object, ...]], ...] = (loads, written.version_rows(loads), written.state_rows(loads))
    for table, table_rows in zip(SYSTEM_TABLES, rows, strict=True):
        cursor.copy_expert(f'COPY "{written.name}"."{table}" FROM STDIN', io.StringIO(copy_text(table_rows)))


def copy_text(rows: Iterable[tuple[object, ...]]) -> str:
    r"""Returns rows in the text format of COPY.

    Examples:
        >>> copy_text([(1, "a\tb")])
        '1\ta\\tb\n'
    """
    return "".join("\t".join(map(_copy_field, row)) + "\n" for row in rows)


def _copy_field(value: object) -> str:
    text = str(value)
    return text.translate(_ESCAPES) if _ESCAPED.search(text) else text
