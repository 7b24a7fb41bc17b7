"""A BigQuery server for tests: local-bigquery, with the gaps filled into which dlt and dbt-bigquery fall.

Runs in an environment of its own, `.venv-bigquery`, for it needs Python 3.13:
``.venv-bigquery/bin/python tests/stand_ins/bigquery_server.py PORT FOLDER``. It keeps its files in the folder. Any
service account is let in whose ``token_uri`` is its own ``/token``.
"""

from __future__ import annotations

import gzip
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import uvicorn

_connect = duckdb.connect
_WHEEL = Path(str(files("duckdb_extension_ducklake")))
_DUCKLAKE = _WHEEL / "extensions" / f"v{duckdb.__version__}" / "ducklake.duckdb_extension"
_GZIP = b"\x1f\x8b"
_CHANGED = re.compile(
    r"(?:^|;)\s*(?:insert(?:\s+into)?|update|delete\s+from|merge(?:\s+into)?|truncate\s+table)\s+([\w.`-]+)",
    re.IGNORECASE,
)
_SET_STRUCT = re.compile(r"set\s*\((\w+)\)\s*=\s*\(\s*select\s+as\s+struct", re.IGNORECASE)


def main() -> None:
    """Serves until it is ended."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    duckdb.connect = _connect_without_download

    from local_bigquery.engine import database
    from local_bigquery.jobs import load, query, runner
    from local_bigquery.settings import settings

    settings.data_dir = folder
    # These need yet another extension, and nothing here is on a map.
    database.FUNCTIONS = [path for path in database.FUNCTIONS if path.stem != "geography"]
    load.run = runner.HANDLERS["load"] = _unpacking(load.run)
    query.execute = _telling_destination(query.execute)

    from local_bigquery.app import app

    app.add_api_route("/token", _token, methods=["POST"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def _connect_without_download(*args: Any, config: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    """Connects with what is installed, where DuckDB would download extensions.

    DuckLake comes of its wheel. The time zone is set once connected: among the settings to connect with it asks for
    another extension.
    """
    config = dict(config or {})
    zone = config.pop("TimeZone", None)
    connection = _connect(*args, config=config, **kwargs)
    connection.load_extension(str(_DUCKLAKE))
    if zone:
        connection.execute(f"SET GLOBAL TimeZone = '{zone}'")
    return connection


def _unpacking(run: Any) -> Any:
    """Unpacks what is uploaded: dlt sends its JSON lines packed."""

    def run_unpacked(cursor: Any, config: Any, upload: str | None) -> Any:
        if upload:
            content = Path(upload).read_bytes()
            if content.startswith(_GZIP):
                Path(upload).write_bytes(gzip.decompress(content))
        statistics = run(cursor, config, upload)
        target = config.destinationTable
        _note_changed(target.projectId, target.datasetId, target.tableId)
        return statistics

    return run_unpacked


def _note_changed(*names: str) -> None:
    """Notes when a table was changed: our own discovery asks, and local-bigquery tells when it was made."""
    from local_bigquery.catalog import metadata, tables
    from local_bigquery.models import Table

    if tables.exists(*names):
        tables.annotate(names, Table(lastModifiedTime=metadata.now()))


def _telling_destination(execute: Any) -> Any:
    """Tells the table that a query made: dbt asks for it after CREATE TABLE AS.

    It also reads dbt's ``set (partitions) = (select as struct ...)``, of insert_overwrite.
    """

    def execute_query(cursor: Any, project_id: str, job_id: str | None, config: Any, **kwargs: Any) -> Any:
        if config.query:
            config.query = _SET_STRUCT.sub(r"set \1 = (select", config.query)
        statistics, children, destination = execute(cursor, project_id, job_id, config, **kwargs)
        for target in _CHANGED.findall(config.query or ""):
            parts = target.replace("`", "").split(".")
            if len(parts) > 1:
                _note_changed(*[project_id, *parts][-3:])
        if destination is None and statistics.statementType == "CREATE_TABLE_AS_SELECT":
            destination = statistics.ddlTargetTable
        return statistics, children, destination

    return execute_query


def _token() -> dict[str, object]:
    return {"access_token": "token", "token_type": "Bearer", "expires_in": 3600}


if __name__ == "__main__":
    main()
