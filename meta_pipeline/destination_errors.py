"""What to say of a destination that dlt cannot configure."""

from __future__ import annotations

from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ValueNotSecretException
from dlt.common.exceptions import MissingDependencyException


def unusable(name: str, kind: str, error: Exception) -> str:
    """Says why a destination's configuration cannot be used, and what to do next.

    Args:
        name: Name of the dlt destination.
        kind: dlt's type of it.
        error: What dlt raised. Its text, which may quote credentials, is not used.
    """
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
