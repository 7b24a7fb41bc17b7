"""DuckDB: a file, opened read-only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from meta_pipeline.collect.sql import LINK_NAMES, SYSTEM_NAMES, Catalogue, SqlWarehouse, kept_columns
from meta_pipeline.collect.warehouse import Cost
from meta_pipeline.exceptions import (
    CollectionError,
    DestinationLockedError,
    DestinationUnreachableError,
    TableMissingError,
)

BATCH_ROWS = 100_000
ROWS_AT_ONCE = 100


CATALOGUE = Catalogue(
    system_columns=f"""
        select schema_name as dataset_name, table_name, column_name, true as is_readable
        from duckdb_columns()
        where database_name = current_database() and not internal and lower(table_name) in ({SYSTEM_NAMES})
        order by 1, 2, column_index
    """,
    statistics="""
        select schema_name as dataset_name, table_name, estimated_size as row_count, cast(null as bigint) as byte_count
        from duckdb_tables()
        where database_name = current_database() and not internal
    """,
    user_columns=f"""
        select c.schema_name as dataset_name, c.table_name, c.column_name
        from duckdb_columns() c
        join duckdb_tables() t using (database_name, schema_name, table_name)
        where c.database_name = current_database() and not c.internal and lower(c.column_name) in ({LINK_NAMES})
    """,
    is_estimate=True,
    kept_columns=kept_columns("duckdb_columns()", "schema_name", "database_name = current_database() and not internal"),
)


class DuckDbConnection:
    """A connection to DuckDB for reading.

    Args:
        connection: The open connection.
        destination_type: dlt's type of the destination behind it.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, destination_type: str = "duckdb") -> None:
        self._connection = connection
        self.destination_type = destination_type

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query in batches of a schema.

        Raises:
            TableMissingError: A table of it is not there any more.
            CollectionError: DuckDB refused the query for another reason.
        """
        try:
            for batch in self._connection.sql(sql).to_arrow_reader(BATCH_ROWS):
                yield pa.Table.from_batches([batch]).cast(schema)
        except duckdb.Error as error:
            raise _refusal(error) from None

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query.

        Raises:
            TableMissingError: A table of it is not there any more.
            CollectionError: DuckDB refused the query for another reason.
        """
        try:
            result = self._connection.execute(sql)
            while rows := result.fetchmany(ROWS_AT_ONCE):
                yield from rows
        except duckdb.Error as error:
            raise _refusal(error) from None

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""
        return '"' + identifier.replace('"', '""') + '"'

    def cost(self) -> Cost:
        """Returns nothing: reading a file costs nobody anything."""
        return Cost()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def connect(credentials: Any) -> SqlWarehouse:
    """Opens a DuckDB file for reading.

    Args:
        credentials: dlt's resolved DuckDB credentials.

    Returns:
        The open warehouse.

    Raises:
        DestinationLockedError: Another process has the file open for writing.
        DestinationUnreachableError: There is no such file, or it is not one that this DuckDB can read.
    """
    path = credentials.database
    if not Path(path).exists():
        raise DestinationUnreachableError(
            f"there is no file {path}. Check the path in the destination's credentials; a relative one counts from "
            "the working folder"
        )
    try:
        connection = duckdb.connect(path, read_only=True)
        connection.execute("set timezone = 'UTC'")
    except duckdb.Error as error:
        raise opening_error(path, str(error)) from None
    return SqlWarehouse(DuckDbConnection(connection), CATALOGUE)


def _refusal(error: duckdb.Error) -> CollectionError:
    is_missing = isinstance(error, (duckdb.CatalogException, duckdb.BinderException))
    return (TableMissingError if is_missing else CollectionError)(" ".join(str(error).split())[:300])


def connect_motherduck(credentials: Any) -> SqlWarehouse:
    """Opens a database of MotherDuck for reading; DuckDB itself installs the extension that this needs.

    Args:
        credentials: dlt's resolved MotherDuck credentials.

    Returns:
        The open warehouse.

    Raises:
        DestinationUnreachableError: MotherDuck does not answer, or refuses the token.
    """
    try:
        connection = duckdb.connect(credentials._conn_str())
        connection.execute("set timezone = 'UTC'")
    except duckdb.Error as error:
        # Its words may quote the token.
        raise DestinationUnreachableError(
            f"database {credentials.database} of MotherDuck could not be opened ({type(error).__name__}). Check that "
            "its token is valid, and that this DuckDB can install the extension motherduck"
        ) from None
    return SqlWarehouse(DuckDbConnection(connection, "motherduck"), CATALOGUE)


def opening_error(path: str, words: str) -> CollectionError:
    """Returns what DuckDB's refusal to open a file means.

    Args:
        path: The file.
        words: DuckDB's words.
    """
    if "lock" in words.lower() or "different configuration" in words:
        holder = re.search(r"held in (.+?) by user|PID \d+", words)
        return DestinationLockedError(
            f"{path} is locked by another process{f' ({holder.group(0)})' if holder else ''}. DuckDB lets nobody read "
            "while a process writes: run again when it has finished"
        )
    if "version number" in words or "newer version" in words or "storage version" in words.lower():
        return DestinationUnreachableError(
            f"{path} was written by a newer DuckDB than {duckdb.__version__}, which is installed here. Install the "
            "version that wrote it: pip install --upgrade duckdb"
        )
    return DestinationUnreachableError(f"{path} could not be opened: {' '.join(words.split())[:300]}")
