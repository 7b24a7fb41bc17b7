"""DuckLake, attached read-only: a catalogue in DuckDB, SQLite or PostgreSQL, and Parquet files in a bucket."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

from meta_pipeline.collect.duckdb import CATALOGUE, DuckDbConnection, opening_error
from meta_pipeline.collect.sql import SqlWarehouse, text_literal
from meta_pipeline.exceptions import ConfigurationError, DestinationUnreachableError

_LAKE = "lake"
# By the kind of catalogue and by the protocol of the storage.
_EXTENSIONS = {
    "sqlite": "sqlite_scanner",
    "postgres": "postgres_scanner",
    "postgresql": "postgres_scanner",
    "mysql": "mysql_scanner",
    "md": "motherduck",
    "s3": "httpfs",
    "s3a": "httpfs",
    "az": "azure",
    "abfss": "azure",
}


def connect(config: Any) -> SqlWarehouse:
    """Opens a DuckLake for reading.

    Args:
        config: dlt's resolved DuckLake configuration.

    Returns:
        The open warehouse.

    Raises:
        ConfigurationError: An extension of DuckDB is not installed.
        DestinationLockedError: Another process has the catalogue open for writing.
        DestinationUnreachableError: The catalogue is not there, or does not answer.
    """
    catalog = config.credentials.catalog
    if catalog.drivername in ("duckdb", "sqlite") and not Path(catalog.database).exists():
        raise DestinationUnreachableError(
            f"there is no catalogue {catalog.database}. Check catalog in the destination's credentials; a relative "
            "path counts from the working folder"
        )
    # Nothing is downloaded while collecting: it would take as long as it likes, from wherever it likes.
    session = duckdb.connect(config={"autoinstall_known_extensions": False})
    try:
        for extension in _needed(catalog.drivername, config.credentials.storage.protocol):
            _load(session, extension)
        _attach(session, config)
    except BaseException:
        session.close()
        raise
    return SqlWarehouse(DuckDbConnection(session, "ducklake"), CATALOGUE)


def _needed(drivername: str, protocol: str) -> list[str]:
    return ["ducklake", *(_EXTENSIONS[name] for name in (drivername, protocol) if name in _EXTENSIONS)]


def wheel_of(extension: str) -> Path | None:
    """Returns the file of one of DuckDB's extensions that was installed as a Python package.

    Args:
        extension: DuckDB's name of the extension.

    Returns:
        The file; None where there is no such package.
    """
    package = f"duckdb_extension_{extension}"
    if not find_spec(package):
        return None
    return Path(str(files(package))) / "extensions" / f"v{duckdb.__version__}" / f"{extension}.duckdb_extension"


def _load(session: duckdb.DuckDBPyConnection, extension: str) -> None:
    """Loads an extension from its package, or as DuckDB itself was made to install it."""
    try:
        session.execute(f"load {text_literal(str(wheel_of(extension) or extension))}")
    except duckdb.Error:
        package = f"duckdb-extension-{extension.replace('_', '-')}=={duckdb.__version__}"
        raise ConfigurationError(
            f"DuckDB {duckdb.__version__} has no extension {extension}, which DuckLake needs: "
            f"pip install 'meta-pipeline[ducklake]' '{package}'"
        ) from None


def _attach(session: duckdb.DuckDBPyConnection, config: Any) -> None:
    from dlt.common.destination import DestinationCapabilitiesContext  # noqa: PLC0415
    from dlt.destinations.impl.ducklake.sql_client import DuckLakeSqlClient  # noqa: PLC0415

    client = DuckLakeSqlClient(
        "meta_pipeline",
        "meta_pipeline_staging",
        config.credentials,
        DestinationCapabilitiesContext.generic_capabilities(),
        config.override_data_path,
    )
    *secrets, attach = (statement["sql"] for statement in client.attach_statements(alias=_LAKE))
    try:
        for secret in secrets:
            session.execute(secret)
        session.execute(f"{attach.rstrip().removesuffix(')')}, READ_ONLY)")
        session.execute(f"use {_LAKE}")
        session.execute("set timezone = 'UTC'")
    except duckdb.Error as error:
        catalog = config.credentials.catalog
        if catalog.drivername in ("duckdb", "sqlite"):
            raise opening_error(catalog.database, str(error)) from None
        # The words of other catalogues may quote their URL, with the password in it.
        raise DestinationUnreachableError(
            f"the catalogue at {catalog.host}:{catalog.port}/{catalog.database} could not be attached as "
            f"{catalog.username} ({type(error).__name__}). Check that it runs and that catalog in the destination's "
            "credentials is right"
        ) from None
