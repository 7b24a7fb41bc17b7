"""Every other destination of dlt that speaks SQL, by dlt's own client for it and the standard's information_schema.

What has been run against a real server of its kind is said in ``docs/destinations.md``; the rest follows the documented
shape. The standard has no catalogue of sizes, so there are no table statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import pyarrow as pa

from meta_pipeline.collect.moments import as_moment, without_zone
from meta_pipeline.collect.sql import (
    KEPT_NAMES,
    LINK_NAMES,
    SYSTEM_NAMES,
    Ask,
    Catalogue,
    Dialect,
    Row,
    SqlWarehouse,
    kept_columns,
    text_literal,
)
from meta_pipeline.collect.warehouse import SYSTEM_TABLES, Cost
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    CollectionError,
    DestinationForbiddenError,
    DestinationInterruptedError,
    DestinationUnreachableError,
    TableMissingError,
)

ROWS_AT_ONCE = 100
CLICKHOUSE_SESSION = "set prefer_column_name_to_alias = 1"
_FORBIDDEN_WORDS = ("permission denied", "access denied", "not authorized", "insufficient privilege", "access_denied")


def _backslashed(value: str) -> str:
    """Returns a string as a literal where a backslash escapes what follows."""
    return text_literal(value.replace("\\", "\\\\"))


_T_SQL = Dialect(
    text="nvarchar(4000)",
    timestamp="datetimeoffset",
    literal=lambda value: f"N{text_literal(value)}",
    max_branches=100,
)
_MYSQL = Dialect("char", "signed", "datetime(6)", _backslashed, max_branches=50, written=without_zone)

DIALECTS: Mapping[str, Dialect] = {
    "athena": Dialect(timestamp="timestamp(6)", max_branches=50, written=without_zone),
    "clickhouse": Dialect(
        "Nullable(String)", "Nullable(Int64)", "Nullable(DateTime64(6, 'UTC'))", _backslashed, written=without_zone
    ),
    "databricks": Dialect("string", "bigint", "timestamp", _backslashed, max_branches=100),
    "dremio": Dialect(timestamp="timestamp", max_branches=50, written=without_zone),
    "fabric": replace(_T_SQL, timestamp="datetime2(6)", written=without_zone),
    "mariadb": _MYSQL,
    "mssql": _T_SQL,
    "mysql": _MYSQL,
    "postgresql": Dialect(max_branches=100),
    "redshift": Dialect(max_branches=100),
    "synapse": _T_SQL,
    "trino": Dialect(max_branches=50),
}
"""By dlt's type of destination, or by SQLAlchemy's dialect, how it words what is not standard."""

CATALOGUE = Catalogue(
    system_columns=f"""
        select table_schema as dataset_name, table_name as table_name, column_name as column_name, 1 as is_readable
        from information_schema.columns
        where lower(table_name) in ({SYSTEM_NAMES})
        order by 1, 2, ordinal_position
    """,
    statistics="",
    user_columns=f"""
        select c.table_schema as dataset_name, c.table_name as table_name, c.column_name as column_name
        from information_schema.columns c
        join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
        where lower(c.column_name) in ({LINK_NAMES}) and upper(t.table_type) not like '%VIEW%'
    """,
    is_estimate=True,
    kept_columns=kept_columns("information_schema.columns", "table_schema"),
)
_SEPARATED_COLUMNS = "from system.columns where database = currentDatabase()"


class GenericConnection:
    """A connection by dlt's own client.

    Args:
        client: The open client.
        destination_type: dlt's type of the destination.
    """

    def __init__(self, client: Any, destination_type: str) -> None:
        self._client = client
        self.destination_type = destination_type

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        """Yields the result of a query as one table of a schema.

        Raises:
            CollectionError: The warehouse refused the query or went away.
        """
        rows = list(self.rows(sql))
        yield pa.table([*zip(*rows, strict=True)] or [()] * len(schema), schema=schema)

    def rows(self, sql: str) -> Iterator[Row]:
        """Yields the rows of a query, time stamps with their zone.

        Raises:
            CollectionError: The warehouse refused the query or went away.
        """
        with _told(), self._client.execute_query(sql) as cursor:
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                for row in rows:
                    yield tuple(as_moment(value) if isinstance(value, datetime) else value for value in row)

    def quote(self, identifier: str) -> str:
        """Returns an identifier as it stands in a query."""
        return str(self._client.escape_column_name(identifier, casefold=False))

    def qualified(self, dataset_name: str, table_name: str) -> str:
        """Returns a table's full name as it stands in a query."""
        path = self._client.make_qualified_table_name_path(table_name, casefold=False, dataset_name=dataset_name)
        return ".".join(path)

    def cost(self) -> Cost:
        """Returns nothing: the standard knows no cost."""
        return Cost()

    def close(self) -> None:
        """Closes the connection."""
        self._client.close_connection()


def connect(config: Any, settings: DestinationSettings) -> SqlWarehouse:
    """Opens a destination for reading by dlt's own client for it.

    Args:
        config: dlt's resolved configuration of the destination.
        settings: How it is observed.

    Returns:
        The open warehouse.

    Raises:
        DestinationUnreachableError: It does not answer, or refuses the credentials.
    """
    if config.destination_type == "sqlalchemy" and config.credentials.drivername.startswith("sqlite"):
        from meta_pipeline.collect import sqlite  # noqa: PLC0415

        return sqlite.connect(config.credentials.database)
    client = _client(settings.name)
    try:
        client.open_connection()
    except ImportError:
        raise
    except Exception as error:
        # The words of drivers may quote the credentials.
        raise DestinationUnreachableError(
            f"could not connect to {config.destination_type} ({type(error).__name__}). Check that it runs and that "
            f"[destination.{settings.name}] in .dlt/config.toml and .dlt/secrets.toml is right"
        ) from None
    connection = GenericConnection(client, config.destination_type)
    dialect = replace(_dialect(config), qualified=connection.qualified)
    if config.destination_type == "clickhouse":
        # Else a where clause means the aggregate that goes by the column's name.
        client.execute_sql(CLICKHOUSE_SESSION)
        return SqlWarehouse(connection, separated_catalogue(config.dataset_table_separator), dialect)
    return SqlWarehouse(connection, CATALOGUE, dialect)


def separated_catalogue(separator: str) -> Catalogue:
    """Returns the catalogue of a warehouse that has no datasets: their names stand before those of the tables.

    A dataset without a name cannot be told from other tables of the database, and is not read.

    Args:
        separator: What stands between the two, as dlt is configured.
    """
    columns = f"select table, name {_SEPARATED_COLUMNS} and"
    kept_roots = f"select table {_SEPARATED_COLUMNS} and lower(name) in ({KEPT_NAMES}) group by table"

    def system_columns(ask: Ask, _: Sequence[str]) -> Iterator[Row]:
        for table, column in ask(f"{columns} match(lower(table), '({'|'.join(SYSTEM_TABLES.values())})$')"):
            for name in SYSTEM_TABLES.values():
                if table.lower().endswith(f"{separator}{name}".lower()):
                    yield table[: -len(separator) - len(name)], table[-len(name) :], column, True

    def user_columns(ask: Ask, dataset_names: Sequence[str]) -> Iterator[Row]:
        yield from _owned(ask(f"{columns} lower(name) in ({LINK_NAMES}) order by table"), dataset_names, separator)

    def kept_columns(ask: Ask, dataset_names: Sequence[str]) -> Iterator[Row]:
        roots = [row[0] for row in ask(f"{kept_roots} having count() >= 2 order by table")]
        if roots:
            nested = " or ".join(f"startsWith(table, {_backslashed(root)})" for root in roots)
            yield from _owned(ask(f"{columns} ({nested}) order by table"), dataset_names, separator)

    return Catalogue(system_columns, "", user_columns, is_estimate=True, kept_columns=kept_columns)


def _owned(found: Iterator[Row], dataset_names: Sequence[str], separator: str) -> Iterator[Row]:
    """Yields dataset, table and column of the tables that belong to datasets."""
    for table, column in found:
        # Of datasets whose names begin alike, the longest one owns the table.
        owners = [name for name in dataset_names if table.startswith(f"{name}{separator}")]
        if owners:
            owner = max(owners, key=len)
            yield owner, table.removeprefix(f"{owner}{separator}"), column


def _client(name: str) -> Any:
    import dlt  # noqa: PLC0415
    from dlt.common.destination import AnyDestination, Destination  # noqa: PLC0415
    from dlt.dataset.utils import get_destination_client_initial_config  # noqa: PLC0415

    destination = cast(AnyDestination, Destination.from_reference(name))
    initial = get_destination_client_initial_config(destination, dataset_name="meta_pipeline")
    job_client: Any = destination.client(dlt.Schema("meta_pipeline"), initial)
    return job_client.sql_client


def _dialect(config: Any) -> Dialect:
    if config.destination_type != "sqlalchemy":
        return DIALECTS[config.destination_type]
    return DIALECTS.get(config.credentials.drivername.partition("+")[0], Dialect(max_branches=50))


@contextmanager
def _told() -> Iterator[None]:
    """Turns an error of dlt's client into one that says what went wrong."""
    from dlt.destinations.exceptions import (  # noqa: PLC0415
        DatabaseException,
        DatabaseTransientException,
        DatabaseUndefinedRelation,
    )

    try:
        yield
    except CollectionError:
        raise
    except DatabaseUndefinedRelation as error:
        raise TableMissingError(_reason(error)) from None
    except DatabaseTransientException as error:
        raise DestinationInterruptedError(f"{_reason(error)}. Run again") from None
    except DatabaseException as error:
        kind: Callable[[str], CollectionError] = CollectionError
        if any(word in str(error).lower() for word in _FORBIDDEN_WORDS):
            kind = DestinationForbiddenError
        raise kind(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Returns the first line of the server's own words, which comes before its echo of the query."""
    words = str(getattr(error, "dbapi_exception", error)).strip().split("\n", maxsplit=1)[0]
    return words[:300]
