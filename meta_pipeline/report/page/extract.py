"""Takes the marts out of the home: what a page shows of them, and the files of it beside the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from meta_pipeline.home import MARTS_DATASET, MODELS_DATASET, Home, Session, open_home, require_marts
from meta_pipeline.report.page.disclosure import is_shown, shown_rows

DAYS = 90
"""How far back a page looks at what grows with time."""

# The times by which marts grow; a date is compared with a date, for warehouses differ in what else they allow.
_TIMES = {
    "loads": "committed_at",
    "run_steps": "started_at",
    "runs": "started_at",
    "table_loads": "committed_at",
    "table_volume_daily": "load_date",
    "volume_anomalies": "observed_at",
    "volume_scores": "observed_at",
}
_CLOCK = "select as_of, is_past from {}"
_COLLECTIONS = "select distinct collected_at from {}"


@dataclass(frozen=True)
class Clock:
    """When the marts and what they are made of were made.

    Args:
        as_of: The moment that the marts show.
        is_past: Whether that is a past one, by ``--as-of``.
        collected_at: When each finished collection began, in order.
    """

    as_of: datetime
    is_past: bool
    collected_at: Sequence[datetime]


@dataclass(frozen=True)
class Extract:
    """What a page shows.

    Args:
        clock: When it was made.
        marts: A DuckDB database in memory with one table per mart; those that do not grow with time whole, the others
            for the last ``DAYS``.
        row_counts: How many rows of each mart the page shows.
    """

    clock: Clock
    marts: duckdb.DuckDBPyConnection
    row_counts: Mapping[str, int]

    def columns(self, query: str) -> dict[str, list[Any]]:
        """Returns the columns of a query on the marts by their names."""
        found: dict[str, list[Any]] = self.marts.execute(query).to_arrow_table().to_pydict()
        return found

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Returns the rows of a query on the marts."""
        found: list[dict[str, Any]] = self.marts.execute(query).to_arrow_table().to_pylist()
        return found

    def write_files(self, folder: Path, marts: Collection[str]) -> None:
        """Writes each mart that is shown as a Parquet file, and removes those that are not shown any more.

        Args:
            folder: The folder; it is made where it is missing, and files of others in it are left alone.
            marts: All marts.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for mart in self.row_counts:
            file = folder / f"{mart}.parquet"
            # Readers of the page may read meanwhile: a file is there whole or as it was.
            part = folder / f"{mart}.parquet.part"
            self.marts.execute(f"copy \"{mart}\" to '{_literal(part)}' (format parquet, compression zstd)")
            part.replace(file)
        for mart in set(marts) - set(self.row_counts):
            for name in (f"{mart}.parquet", f"{mart}.parquet.part"):
                (folder / name).unlink(missing_ok=True)


def read_extract(home: Home, contracts: Mapping[str, pa.Schema], *, with_details: bool) -> Extract:
    """Reads what a page shows.

    Args:
        home: Where the marts live.
        contracts: Columns and types of each mart; one that is not in the home yet is empty, and has no file.
        with_details: Whether governance and the words of errors are shown too.

    Raises:
        HomeError: The marts are not there yet, or the home cannot be opened.
    """
    marts = duckdb.connect()
    marts.execute("set timezone = 'UTC'")
    row_counts = {}
    with open_home(home) as session:
        clock = _read_clock(session, home)
        since = clock.as_of - timedelta(days=DAYS)
        for mart, schema in contracts.items():
            if not is_shown(mart, with_details=with_details):
                continue
            if session.has(MARTS_DATASET, mart):
                row_counts[mart] = _take(marts, mart, _read(session, mart, schema, since), with_details)
            else:
                _take(marts, mart, schema.empty_table(), with_details)
    return Extract(clock, marts, row_counts)


def _read_clock(session: Session, home: Home) -> Clock:
    require_marts(session, home)
    as_of, is_past = session.rows(_CLOCK.format(session.relation(MODELS_DATASET, "clock")))[0]
    collections = session.relation(MODELS_DATASET, "stg_observability__collections")
    return Clock(as_of, bool(is_past), sorted(row[0] for row in session.rows(_COLLECTIONS.format(collections))))


def _read(session: Session, mart: str, schema: pa.Schema, since: datetime) -> pa.Table:
    # Names are those of the dbt project, which no warehouse reserves.
    query = f"select {', '.join(schema.names)} from {session.relation(MARTS_DATASET, mart)}"
    if mart not in _TIMES:
        return session.arrow(query, schema)
    column = _TIMES[mart]
    bound: datetime | date = since.date() if pa.types.is_date(schema.field(column).type) else since
    return session.arrow(f"{query} where {column} >= %s", schema, bound)


def _take(marts: duckdb.DuckDBPyConnection, mart: str, rows: pa.Table, with_details: bool) -> int:
    """Keeps of a mart what is shown, and returns how many rows that are."""
    marts.register("taken", rows)
    shown = shown_rows("taken", mart, rows.column_names, with_details=with_details)
    marts.execute(f'create table "{mart}" as {shown}')
    marts.unregister("taken")
    return int(marts.execute(f'select count(*) from "{mart}"').fetchall()[0][0])


def _literal(path: Path) -> str:
    return str(path).replace("'", "''")
