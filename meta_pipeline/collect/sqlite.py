"""SQLite, as dlt's SQLAlchemy destination uses it: a file per dataset, each opened read-only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from meta_pipeline.collect.moments import as_moment, without_zone
from meta_pipeline.collect.sql import LINK_NAMES, SYSTEM_NAMES, Ask, Catalogue, Dialect, Row, SqlWarehouse, text_literal
from meta_pipeline.collect.warehouse import Cost
from meta_pipeline.exceptions import CollectionError, DestinationUnreachableError, TableMissingError

ROWS_AT_ONCE = 100
_MOMENTS = ("inserted_at", "created_at", "last_at")
_DIALECT = Dialect("text", "integer", "text", written=without_zone)


class SqliteConnection:
    """Read-only connections to the datasets of a SQLite destination.

    Args:
        files: The datasets' files by their names.
    """

    destination_type = "sqlalchemy"

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._connection = sqlite3.connect(":memory:", uri=True, isolation_level=None, check_same_thread=False)
        self._attached: str | None = None

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query as one table of a schema.

        Raises:
            CollectionError: SQLite refused the query.
        """
        rows = list(self.rows(sql))
        yield pa.table([*zip(*rows, strict=True)] or [()] * len(schema), schema=schema)

    def rows(self, sql: str) -> Iterator[Row]:
        """Yields the rows of a query on one dataset, time stamps as such.

        Raises:
            TableMissingError: A table of it is not there any more.
            CollectionError: SQLite refused the query for another reason.
        """
        try:
            self._attach(next(name for name in self._files if f"{self.quote(name)}." in sql))
            cursor = self._connection.execute(sql)
            moments = {number for number, column in enumerate(cursor.description) if column[0] in _MOMENTS}
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                for row in rows:
                    yield tuple(
                        as_moment(value) if number in moments and value else value for number, value in enumerate(row)
                    )
        except sqlite3.Error as error:
            kind = TableMissingError if "no such table" in str(error) else CollectionError
            raise kind(f"SQLite: {error}") from None

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""
        return '"' + identifier.replace('"', '""') + '"'

    def cost(self) -> Cost:
        """Returns nothing: reading a file costs nobody anything."""
        return Cost()

    def close(self) -> None:
        """Closes the files."""
        self._connection.close()

    def _attach(self, name: str) -> None:
        """Opens the file of a dataset; SQLite holds ten of them at once, so there is one at a time."""
        if name == self._attached:
            return
        if self._attached:
            self._connection.execute(f"detach database {self.quote(self._attached)}")
        self._attached = None
        self._connection.execute(
            f"attach database {text_literal(f'{self._files[name].as_uri()}?mode=ro')} as {self.quote(name)}"
        )
        self._attached = name


def connect(database: str) -> SqlWarehouse:
    """Opens a SQLite destination for reading.

    Args:
        database: Path of the destination's file, beside which dlt puts one for each dataset.

    Returns:
        The open warehouse.

    Raises:
        DestinationUnreachableError: Its folder is not there.
    """
    file = Path(database).absolute()
    if not file.parent.is_dir():
        raise DestinationUnreachableError(
            f"there is no folder {file.parent}. Check the path in the destination's credentials; a relative one counts "
            "from the working folder"
        )
    prefix = f"{file.stem}__"
    found = sorted(
        path for path in file.parent.iterdir() if path.name.startswith(prefix) and path.suffix == file.suffix
    )
    files = {path.stem.removeprefix(prefix): path for path in found}
    return SqlWarehouse(SqliteConnection(files), _catalogue(list(files)), _DIALECT)


def _catalogue(names: Sequence[str]) -> Catalogue:
    def asked(condition: str, constants: str = "") -> Callable[[Ask, Sequence[str]], Iterator[Row]]:
        def columns(ask: Ask, wanted: Sequence[str]) -> Iterator[Row]:
            for name in wanted or names:
                schema = '"' + name.replace('"', '""') + '"'
                yield from ask(
                    f"select {text_literal(name)}, t.name, c.name{constants} from {schema}.sqlite_master t "
                    f"join pragma_table_info(t.name, {text_literal(name)}) c where t.type = 'table' and {condition}"
                )

        return columns

    return Catalogue(
        system_columns=asked(f"lower(t.name) in ({SYSTEM_NAMES})", ", 1"),
        statistics="",
        user_columns=asked(f"lower(c.name) in ({LINK_NAMES})"),
        is_estimate=True,
        kept_columns=asked("1 = 1"),
        location_of=lambda name: name,
    )
