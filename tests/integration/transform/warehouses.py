"""The fleet's raw tables in other warehouses, loaded by dlt, and the project built there from a plain dbt profile."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import duckdb
import psycopg2

from meta_pipeline.collect.tables import RAW_TABLES
from meta_pipeline.transform.profile import Profile
from meta_pipeline.transform.project import project_folder
from meta_pipeline.transform.runner import DbtPaths, run_dbt
from tests.fixtures.raw_dataset import RawDataset

Rows = list[dict[str, object]]


@dataclass(frozen=True)
class Warehouse:
    """A warehouse with the raw tables and the marts.

    Args:
        pipeline: Loads the raw tables, into the dataset `observability`.
        output: dbt's settings of the connection.
        folder: For dbt's files.
    """

    pipeline: dlt.Pipeline
    output: dict[str, Any]
    folder: Path

    def load(self, raw: RawDataset) -> None:
        """Makes the raw tables the same as those in a DuckDB file."""
        with duckdb.connect(str(raw.path), read_only=True) as connection:
            tables = [
                dlt.resource(
                    connection.sql(f"from observability.{table.name}").arrow().read_all(),
                    name=table.name,
                    write_disposition="replace",
                )
                for table in RAW_TABLES
            ]
            own_loads = connection.sql("select load_id, status, inserted_at from observability._dlt_loads").fetchall()
        self.pipeline.run(tables)
        self._write_own_loads(own_loads)

    def _write_own_loads(self, own_loads: list[tuple[Any, ...]]) -> None:
        with self.pipeline.sql_client() as client:
            table = client.make_qualified_table_name("_dlt_loads")
            client.execute_sql(f"delete from {table} where schema_name = 'dlt_metadata'")
            for load_id, status, inserted_at in own_loads:
                values = f"'{load_id}', 'dlt_metadata', {status}, '{inserted_at.astimezone(timezone.utc).isoformat()}'"
                client.execute_sql(f"insert into {table} (load_id, schema_name, status, inserted_at) values ({values})")

    def dbt(self, *command: str) -> int:
        """Runs a dbt command and returns how many models and tests it went through."""
        Profile(self.output, {}).write(self.folder)
        paths = DbtPaths(project_folder(), self.folder, self.folder / "target", self.folder / "logs")
        return run_dbt(command, paths, {})

    def rows(self, mart: str) -> Rows:
        """Returns a mart's rows."""
        with self.pipeline.sql_client() as client, client.with_alternative_dataset_name("observability_marts"):
            table = client.make_qualified_table_name(mart)
            with client.execute_query(f"select * from {table}") as cursor:
                names = [column[0].lower() for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def new_postgres(url: str) -> tuple[str, dict[str, Any]]:
    """Makes a database of its own, for other tests have a dataset of the same name on the same server.

    Args:
        url: URL of the server's superuser.

    Returns:
        Its URL, and dbt's settings for it.
    """
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("drop database if exists fleet with (force)")
        cursor.execute("create database fleet")
    parts = urlsplit(url)
    output = {
        "type": "postgres",
        "host": parts.hostname,
        "port": parts.port,
        "user": parts.username,
        "password": parts.password,
        "dbname": "fleet",
        "schema": "observability_marts",
        "threads": 2,
    }
    return parts._replace(path="/fleet").geturl(), output


def comparable(rows: Rows) -> list[str]:
    """Returns rows in an order and a spelling that does not depend on the warehouse."""
    return sorted(str({name: _comparable(value) for name, value in sorted(row.items())}) for row in rows)


def _comparable(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    # 0.1 + 0.2 is not the same everywhere, and Snowflake's whole numbers are decimals.
    return value if value is None or isinstance(value, str | bool) else round(float(str(value)), 6)
