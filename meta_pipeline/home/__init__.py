"""The home: the warehouse that holds the observability dataset and its marts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from meta_pipeline.exceptions import HomeError

if TYPE_CHECKING:
    import pyarrow as pa

HOME_DESTINATION = "observability"
RAW_DATASET = "observability"
MODELS_DATASET = "observability_models"
MARTS_DATASET = "observability_marts"

EMBEDDED = "duckdb"
SERVERS = ("postgres", "snowflake", "bigquery")


@dataclass(frozen=True)
class Home:
    """Where the observability dataset lives.

    Args:
        destination_type: dlt's type of the warehouse; ``duckdb`` is the embedded default.
        database: For DuckDB the absolute path of the file; for a server what messages call it. Its credentials are
            dlt's to find.
        work_folder: Folder for what may be thrown away: dlt's working files, dbt's target and logs.
    """

    destination_type: str
    database: str
    work_folder: Path


class Session(Protocol):
    """An open connection to a home."""

    @property
    def database(self) -> str:
        """Returns the name of the database (BigQuery: the project) that holds the datasets."""

    def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Executes a statement, with ``%s`` for each value, and returns its rows, time stamps in UTC."""

    def arrow(self, sql: str, schema: pa.Schema, *values: Any) -> pa.Table:
        """Executes a query, with ``%s`` for each value, and returns its columns as the types of a schema."""

    def relation(self, dataset: str, table: str) -> str:
        """Returns a table's full name, quoted and in the warehouse's case."""

    def has(self, dataset: str, table: str) -> bool:
        """Tells whether there is such a table that may be read."""


def require_marts(session: Session, home: Home, *marts: str, about: str = "") -> None:
    """Makes sure that the marts are there and finished.

    Args:
        session: An open session of the home.
        home: The home, for the message.
        marts: Marts that have to be there.
        about: What they are wanted for, for the message; begins with a blank.

    Raises:
        HomeError: They are not.
    """
    # The clock is forgotten before marts are made anew, and written when they are.
    wanted = ((MODELS_DATASET, "clock"), *((MARTS_DATASET, mart) for mart in marts))
    if not all(session.has(*table) for table in wanted):
        raise HomeError(f"{home.database} holds no finished marts{about} yet. Run: meta-pipeline run")


def open_home(home: Home, *, writing: bool = False) -> AbstractContextManager[Session]:
    """Opens the home.

    Args:
        home: The home.
        writing: Whether the session may write; a DuckDB file is then closed to all other processes.

    Returns:
        A session, to be used with ``with``.

    Raises:
        ConfigurationError: The credentials are not usable, or a package is missing.
        HomeError: There is no home yet, or it cannot be opened.
    """
    # Each of the two imports what takes long to import; `status` of a DuckDB home does without dlt.
    if home.destination_type == EMBEDDED:
        from meta_pipeline.home.embedded import open_file  # noqa: PLC0415

        return open_file(home, writing=writing)
    from meta_pipeline.home.server import open_server  # noqa: PLC0415

    return open_server(home)
