"""Opens a configured dlt destination for reading, whatever family it is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ValueNotSecretException
from dlt.common.destination import AnyDestination, Destination
from dlt.common.exceptions import MissingDependencyException
from dlt.dataset.utils import get_destination_client_initial_config

from meta_pipeline.collect import duckdb, filesystem
from meta_pipeline.collect.warehouse import Warehouse
from meta_pipeline.config import destination_hint
from meta_pipeline.exceptions import (
    CollectionError,
    ConfigurationError,
    DestinationForbiddenError,
    DestinationUnreachableError,
)

FAMILIES = ("duckdb", "postgres", "filesystem")


def destination_type(name: str) -> str | None:
    """Returns dlt's type of a named destination, or None where it is not configured."""
    configured: Any = dlt.config.get(f"destination.{name}.destination_type")
    # dlt takes the name of one of its own destinations for a destination of that type.
    kind = str(configured) if configured else (name if _is_type(name) else None)
    return kind.rsplit(".", maxsplit=1)[-1] if kind else None


def _is_type(name: str) -> bool:
    return isinstance(getattr(dlt.destinations, name, None), type)


def open_destination(name: str) -> Warehouse:
    """Opens a destination for reading.

    Args:
        name: Name of the dlt destination.

    Returns:
        The open warehouse.

    Raises:
        ConfigurationError: The destination is not configured, a credential or an extra is missing, or its type cannot
            be read yet.
        CollectionError: It cannot be reached, is locked or forbidden.
    """
    kind = destination_type(name)
    if kind is None:
        raise ConfigurationError(
            f"destination {name!r} is not configured: there is no [destination.{name}] with a destination_type. "
            f"{destination_hint(name, Path.cwd())}"
        )
    if kind not in FAMILIES:
        raise ConfigurationError(
            f"destination {name!r} is of type {kind!r}, which cannot be read yet; types that can: {', '.join(FAMILIES)}"
        )
    try:
        return _connect(name, kind)
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
        raise ConfigurationError(_unusable(name, kind, error)) from None


def _connect(name: str, kind: str) -> Warehouse:
    destination = cast(AnyDestination, Destination.from_reference(name))
    config: Any = destination.configuration(
        get_destination_client_initial_config(destination, dataset_name="meta_pipeline")
    )
    if kind == "filesystem":
        return filesystem.connect(config)
    if kind == "postgres":
        from meta_pipeline.collect import postgres  # noqa: PLC0415

        return postgres.connect(config.credentials)
    return duckdb.connect(config.credentials)


def _unusable(name: str, kind: str, error: Exception) -> str:
    if isinstance(error, (ImportError, MissingDependencyException)):
        return (
            f"destination {name!r} ({kind}) needs a package that is not installed: "
            f"pip install 'meta-pipeline[{_extra(name, kind)}]'"
        )
    if isinstance(error, ConfigFieldMissingException):
        return _incomplete(name, kind, error)
    if isinstance(error, ValueNotSecretException):
        return (
            f"the credentials of destination {name!r} stand in .dlt/config.toml, where dlt does not read secrets. Move "
            f"them to [destination.{name}] in .dlt/secrets.toml"
        )
    return (
        f"the configuration of destination {name!r} ({kind}) is not usable ({type(error).__name__}). Check "
        f"[destination.{name}] in .dlt/config.toml and .dlt/secrets.toml"
    )


def _incomplete(name: str, kind: str, error: ConfigFieldMissingException) -> str:
    if kind == "filesystem":
        return (
            f"destination {name!r} lacks bucket_url. Put it into [destination.{name}] in .dlt/config.toml or into the "
            f"environment variable DESTINATION__{name.upper()}__BUCKET_URL"
        )
    missing = ", ".join(_missing_fields(error))
    return (
        f"destination {name!r} lacks {missing}. Put it into [destination.{name}] in .dlt/secrets.toml or into the "
        f"environment variable DESTINATION__{name.upper()}__CREDENTIALS"
    )


def _missing_fields(error: ConfigFieldMissingException) -> list[str]:
    """Returns the missing fields; of credentials that are there in part, the missing parts."""
    fields: list[str] = []
    for field, traces in sorted(error.traces.items()):
        nested: list[Any] = [trace for trace in traces if hasattr(trace, "traces")]
        parts = [part for trace in nested for part in trace.traces]
        fields.extend(f"{field}.{part}" for part in dict.fromkeys(parts)) if parts else fields.append(field)
    return fields


def _extra(name: str, kind: str) -> str:
    configured: Any = dlt.config.get(f"destination.{name}.bucket_url")
    url = str(configured or "")
    protocol = url.split("://", 1)[0] if "://" in url else ""
    return {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfss": "az"}.get(protocol, kind)
