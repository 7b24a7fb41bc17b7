"""The home: the warehouse that holds the observability dataset and its marts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meta_pipeline.exceptions import HomeError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HOME_DESTINATION = "observability"
RAW_DATASET = "observability"
MODELS_DATASET = "observability_models"
MARTS_DATASET = "observability_marts"


@dataclass(frozen=True)
class Home:
    """Where the observability dataset lives.

    Args:
        destination_type: dlt's type of the warehouse; ``duckdb`` is the embedded default.
        database: For DuckDB the absolute path of the file; for a server its connection URL.
        work_folder: Folder for what may be thrown away: dlt's working files, dbt's target and logs.
    """

    destination_type: str
    database: str
    work_folder: Path


@contextmanager
def open_home(home: Home) -> Iterator[DuckDBPyConnection]:
    """Opens the home for reading.

    Args:
        home: The home.

    Yields:
        A read-only connection, in UTC.

    Raises:
        HomeError: There is no home yet, or another process is writing to it.
    """
    import duckdb  # noqa: PLC0415

    if not Path(home.database).exists():
        raise HomeError(f"There is no observability dataset yet ({home.database}). Run: meta-pipeline run")
    try:
        connection = duckdb.connect(home.database, read_only=True)
    except duckdb.Error as error:
        raise unopened(home, str(error)) from None
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


def unopened(home: Home, words: str) -> HomeError:
    """Says why a home could not be opened and what to do next.

    Args:
        home: The home.
        words: What the driver said.
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
