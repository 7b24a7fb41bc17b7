"""Opens a configured dlt destination for reading, whatever family it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import dlt
from dlt.common.destination import AnyDestination, Destination
from dlt.dataset.utils import get_destination_client_initial_config

from meta_pipeline.collect import duckdb, ducklake, filesystem
from meta_pipeline.collect.retries import tried_again
from meta_pipeline.collect.warehouse import Warehouse
from meta_pipeline.config import DestinationSettings, destination_hint, suggestion
from meta_pipeline.destination_errors import unusable
from meta_pipeline.exceptions import (
    CollectionError,
    ConfigurationError,
    DestinationForbiddenError,
    DestinationUnreachableError,
)
from meta_pipeline.placeholders import placeholder_problem

Opener = Callable[[Any, DestinationSettings], Warehouse]
"""Opens a destination, given dlt's resolved configuration of it and how it is observed."""


def _lazily(module: str) -> Opener:
    """Returns what opens a family whose driver is only imported where it is needed, since it comes with an extra."""

    def connect(config: Any, settings: DestinationSettings) -> Warehouse:
        warehouse: Warehouse = import_module(f"meta_pipeline.collect.{module}").connect(config, settings)
        return warehouse

    return connect


GENERIC = ("athena", "clickhouse", "databricks", "dremio", "fabric", "mssql", "redshift", "sqlalchemy", "synapse")
"""Types of destinations that are read by dlt's own client for them, in no way of their own."""

FAMILIES: Mapping[str, Opener] = {
    **dict.fromkeys(GENERIC, _lazily("generic")),
    "bigquery": _lazily("bigquery"),
    "duckdb": lambda config, _: duckdb.connect(config.credentials),
    "ducklake": lambda config, _: ducklake.connect(config),
    "filesystem": lambda config, _: filesystem.connect(config),
    "motherduck": lambda config, _: duckdb.connect_motherduck(config.credentials),
    "postgres": _lazily("postgres"),
    "snowflake": _lazily("snowflake"),
}
"""By dlt's type of destination what opens it for reading."""

BILLED_BY_BYTES = ("bigquery",)
"""Types of destinations that can keep a ``maximum_bytes_billed``."""


def destination_type(name: str) -> str | None:
    """Returns dlt's type of a named destination, or None where it is not configured."""
    configured: Any = dlt.config.get(f"destination.{name}.destination_type")
    # dlt takes the name of one of its own destinations for a destination of that type.
    kind = str(configured) if configured else (name if _is_type(name) else None)
    return kind.rsplit(".", maxsplit=1)[-1] if kind else None


def database_name(name: str) -> str | None:
    """Returns the database, project or catalogue that a configured destination's datasets stand in.

    Args:
        name: The destination.

    Returns:
        Its name; None where the configuration does not tell, or is not usable.
    """
    try:
        credentials = _configuration(name).credentials
    except Exception:
        # Reading it says what is wrong.
        return None
    found = getattr(credentials, "project_id", None) or getattr(credentials, "database", None)
    if not isinstance(found, str) or not found:
        return None
    # DuckDB calls a database by its file.
    return Path(found).stem if destination_type(name) == "duckdb" else found


def _is_type(name: str) -> bool:
    return isinstance(getattr(dlt.destinations, name, None), type)


def open_destination(settings: DestinationSettings) -> Warehouse:
    """Opens a destination for reading.

    Args:
        settings: How the destination is observed.

    Returns:
        The open warehouse.

    Raises:
        ConfigurationError: The destination is not configured, a credential or an extra is missing, its type cannot be
            read yet or cannot keep a budget that is set for it.
        CollectionError: It cannot be reached, is locked or forbidden.
    """
    name = settings.name
    if problem := placeholder_problem(Path.cwd(), name):
        raise ConfigurationError(problem)
    kind = destination_type(name)
    if kind is None:
        raise ConfigurationError(
            f"destination {name!r} is not configured: there is no [destination.{name}] with a destination_type. "
            f"{destination_hint(name, Path.cwd())}"
        )
    if kind not in FAMILIES:
        raise ConfigurationError(
            f"destination {name!r} is of type {kind!r}, which cannot be read yet; types that can: "
            f"{', '.join(sorted(FAMILIES))}.{suggestion(kind, FAMILIES)}"
        )
    if settings.maximum_bytes_billed is not None and kind not in BILLED_BY_BYTES:
        raise ConfigurationError(
            f"destination {name!r} is of type {kind!r}, which does not bill by bytes, so it cannot keep a "
            "maximum_bytes_billed. Take that from its entry in destinations; timeout_seconds bounds how long it is read"
        )
    try:
        return _connect(settings, kind)
    except (CollectionError, ConfigurationError):
        raise
    except PermissionError as error:
        raise DestinationForbiddenError(
            f"no right to open {error.filename or kind}. Grant the right to read it to the user that collects"
        ) from None
    except OSError as error:
        reason = error.strerror or "no answer"
        raise DestinationUnreachableError(
            f"could not open {kind}: {reason}. Check [destination.{name}] in .dlt/config.toml and .dlt/secrets.toml"
        ) from None
    except Exception as error:
        # Such an error may quote the credentials.
        raise ConfigurationError(unusable(name, kind, error)) from None


@tried_again
def _connect(settings: DestinationSettings, kind: str) -> Warehouse:
    return FAMILIES[kind](_configuration(settings.name), settings)


def _configuration(name: str) -> Any:
    destination = cast(AnyDestination, Destination.from_reference(name))
    return destination.configuration(get_destination_client_initial_config(destination, dataset_name="meta_pipeline"))
