"""A home in a DuckDB file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta_pipeline.exceptions import HomeError
from meta_pipeline.home import Home

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class FileSession:
    """A connection to the file.

    Args:
        connection: The connection, in UTC.
    """

    connection: DuckDBPyConnection

    @property
    def database(self) -> str:
        """Returns the name that DuckDB gives to the file."""
        return str(self.rows("select current_database()")[0][0])

    def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Executes a statement and returns its rows.

        Args:
            sql: The statement, with ``%s`` for each value.
            values: The values.

        Raises:
            HomeError: A table or column is not there.
        """
        import duckdb  # noqa: PLC0415

        try:
            return self._execute(sql, values).fetchall()
        except (duckdb.BinderException, duckdb.CatalogException):
            raise HomeError(
                "The marts are not those of this version of meta-pipeline. To build them anew, run: "
                "meta-pipeline transform"
            ) from None

    def arrow(self, sql: str, schema: pa.Schema, *values: Any) -> pa.Table:
        """Executes a query and returns its columns as the types of a schema.

        Args:
            sql: The query, with ``%s`` for each value.
            schema: The types, in the order of the query's columns.
            values: The values.

        Raises:
            HomeError: It cannot be read; such as a view in a file that was renamed.
        """
        import duckdb  # noqa: PLC0415

        try:
            found = self._execute(sql, values).to_arrow_table()
        except duckdb.Error as error:
            raise HomeError(
                f"What is in {self.database} could not be read: {str(error).splitlines()[0][:300]}. Make the marts "
                "anew: meta-pipeline transform"
            ) from None
        return found.rename_columns(schema.names).cast(schema)

    def _execute(self, sql: str, values: Sequence[Any]) -> DuckDBPyConnection:
        return self.connection.execute(sql.replace("%s", "?") if values else sql, values)

    def relation(self, dataset: str, table: str) -> str:
        """Returns a table's full name."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.database, dataset, table))

    def has(self, dataset: str, table: str) -> bool:
        """Tells whether there is such a table or view."""
        found = self.connection.execute(
            "select 1 from information_schema.tables "
            "where table_catalog = current_database() and table_schema = ? and table_name = ?",
            [dataset, table],
        )
        return bool(found.fetchall())


@contextmanager
def open_file(home: Home, *, writing: bool) -> Iterator[FileSession]:
    """Opens the file.

    Args:
        home: The home.
        writing: Whether the session may write.

    Yields:
        The session.

    Raises:
        HomeError: There is no file yet, it is no database, or another process is writing to it.
    """
    import duckdb  # noqa: PLC0415

    if not Path(home.database).exists():
        raise HomeError(f"There is no observability dataset yet ({home.database}). Run: meta-pipeline run")
    try:
        connection = duckdb.connect(home.database, read_only=not writing)
    except duckdb.Error as error:
        raise unopened(home, str(error)) from None
    try:
        connection.execute("set timezone = 'UTC'")
        yield FileSession(connection)
    finally:
        connection.close()


def unopened(home: Home, words: str) -> HomeError:
    """Says why a file could not be opened and what to do next.

    Args:
        home: The home.
        words: What DuckDB said.
    """
    words = words.rsplit("reason given is:", maxsplit=1)[-1]
    if "lock" in words.lower():
        return HomeError(
            f"{home.database} is in use by another process, and DuckDB lets a process write only while no other has "
            "the file open. Wait until it has finished or close it, then run again"
        )
    if "version number" in words or "newer version" in words:
        return HomeError(
            f"{home.database} was written by a newer DuckDB than the one installed here. Install the version that "
            "wrote it: pip install --upgrade duckdb"
        )
    return HomeError(f"{home.database} could not be opened: {' '.join(words.split())[:300]}")
