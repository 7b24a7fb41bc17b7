"""What stands in a configuration until somebody puts the real value there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from meta_pipeline.settings_files import CONFIG_FILE, SECRETS_FILE, read_toml

WORDS = (
    *("account", "bucket", "client id", "client secret", "database", "database file", "host", "http path", "key"),
    *("key id", "location", "password", "private key", "project", "role", "server", "service account", "tenant id"),
    *("token", "user", "warehouse"),
)
"""What `meta-pipeline init` writes in angle brackets; nothing else is taken for a placeholder."""

_PLACEHOLDER = re.compile(f"<(?:{'|'.join(WORDS)})>")


def placeholder_problem(folder: Path, destination: str) -> str | None:
    """Says which values of a destination are still placeholders.

    Args:
        folder: The working folder.
        destination: Name of the destination.

    Returns:
        What is wrong and what to do next; None where every value is there, or stands in the environment.

    Raises:
        ConfigurationError: A file is not TOML.
    """
    for file in (SECRETS_FILE, CONFIG_FILE):
        table = read_toml(folder / file).get("destination", {})
        table = table.get(destination, {}) if isinstance(table, Mapping) else {}
        found = [(path, words) for path, words in _placeholders(table) if not _is_overridden(destination, path)]
        if found:
            path, words = found[0]
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            return (
                f"{'.'.join(path)} of [destination.{destination}] in {file.as_posix()} is still a placeholder: "
                f"{words}{more}. Put the real value there, or into the environment variable "
                f"{variable_of(destination, path)}, and run meta-pipeline check"
            )
    return None


def variable_of(destination: str, path: tuple[str, ...]) -> str:
    """Returns the environment variable of a value.

    Args:
        destination: Name of the destination.
        path: Keys that lead to the value within the destination's section.
    """
    return "__".join(("DESTINATION", destination, *path)).upper()


def _placeholders(table: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(table, Mapping):
        for key, value in table.items():
            yield from _placeholders(value, (*path, str(key)))
    elif isinstance(table, str) and (words := list(dict.fromkeys(_PLACEHOLDER.findall(table)))):
        yield path, ", ".join(words)


def _is_overridden(destination: str, path: tuple[str, ...]) -> bool:
    return any(os.environ.get(variable_of(destination, path[: end + 1])) for end in range(len(path)))
