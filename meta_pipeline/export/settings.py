"""What ``[export.openlineage]`` says: where events are sent, and what jobs and places are called in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from meta_pipeline.config import environment_table, read_table, unknown_keys
from meta_pipeline.exceptions import ConfigurationError

SECTION = ("export", "openlineage")
NAMESPACES = "namespaces"
DEFAULT_NAMESPACE = "meta-pipeline"

_PLACE = f"[{'.'.join(SECTION)}]"
_KEYS = ("url", "token", "namespace", NAMESPACES)
# In these a user stands before the @ that is no user, but a container.
_CONTAINER_SCHEMES = ("abfs", "abfss", "wasb", "wasbs")


@dataclass(frozen=True)
class ExportSettings:
    """How events are exported.

    Args:
        url: Where they are sent; None where nothing is configured.
        token: What is sent along as a bearer's token; a secret.
        namespace: Namespace of all jobs.
        namespaces: Namespace of the tables of a destination, or of a dbt project, by its name.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    namespace: str = DEFAULT_NAMESPACE
    namespaces: Mapping[str, str] = field(default_factory=dict)


def read_export_settings(folder: Path) -> ExportSettings:
    """Reads the settings of exporting, environment variables over secrets over config, without importing dlt.

    Args:
        folder: The working folder.

    Raises:
        ConfigurationError: A file is not TOML, a value is of the wrong kind, or nothing reads a key.
    """
    # What a job takes from a secret that is not set is empty.
    variables = {name: value for name, value in environment_table(SECTION).items() if value != ""}
    prefix = f"{NAMESPACES}__"
    named = {name.removeprefix(prefix): value for name, value in variables.items() if name.startswith(prefix)}
    raw = {**read_table(folder, SECTION), **{name: value for name, value in variables.items() if prefix not in name}}
    if named:
        raw[NAMESPACES] = {**_namespaces(raw), **named}
    return parse_export_settings(raw)


def parse_export_settings(raw: Mapping[str, Any]) -> ExportSettings:
    """Reads the settings of exporting.

    Args:
        raw: The section ``[export.openlineage]`` as a mapping.

    Raises:
        ConfigurationError: A value is of the wrong kind, or nothing reads a key.
    """
    if unknown := unknown_keys(raw, _KEYS, _PLACE):
        raise ConfigurationError(" ".join(unknown))
    url = _text(raw, "url")
    return ExportSettings(
        url=checked_url(url, f"url in {_PLACE}") if url else None,
        token=_text(raw, "token"),
        namespace=_text(raw, "namespace") or DEFAULT_NAMESPACE,
        namespaces=_namespaces(raw),
    )


def checked_url(url: str, name: str) -> str:
    """Returns the URL of a receiver of events.

    Args:
        url: The URL.
        name: What to call the setting.

    Raises:
        ConfigurationError: It is no URL of HTTP, or has a user in it. The URL is not quoted: it may hold a secret.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, url)):
        raise ConfigurationError(f"{name} must begin with https:// or http://, name a host and have no spaces.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{name} must have no user, password or query string. Write what the receiver asks for as token in "
            f"{_PLACE} of .dlt/secrets.toml, or into EXPORT__OPENLINEAGE__TOKEN"
        )
    return url


# Of what is of the wrong kind nothing is quoted: it may be a secret.
def _text(raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    if value is not None and not (isinstance(value, str) and value):
        raise ConfigurationError(f"{key} in {_PLACE} must be a text.")
    return value


def _namespaces(raw: Mapping[str, Any]) -> dict[str, str]:
    table = raw.get(NAMESPACES, {})
    if not isinstance(table, Mapping) or not all(isinstance(value, str) and value for value in table.values()):
        raise ConfigurationError(
            f"{NAMESPACES} in {_PLACE} must be a table of texts by destination: "
            f'{NAMESPACES} = {{ warehouse = "duckdb://warehouse" }}'
        )
    for name, namespace in table.items():
        parts = _split(namespace)
        has_user = parts is None or ("@" in parts.netloc and parts.scheme not in _CONTAINER_SCHEMES)
        if has_user or (parts and (parts.password or parts.query)):
            raise ConfigurationError(
                f"{name!r} of {NAMESPACES} in {_PLACE} must have no user, password or query string: it is sent."
            )
    return dict(table)


def _split(url: str) -> Any:
    try:
        return urlsplit(url)
    except ValueError:
        return None
