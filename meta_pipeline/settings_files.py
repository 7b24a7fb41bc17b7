"""The two files that dlt reads settings from."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from meta_pipeline.exceptions import ConfigurationError

CONFIG_FILE = Path(".dlt") / "config.toml"
SECRETS_FILE = Path(".dlt") / "secrets.toml"


def read_toml(file: Path) -> dict[str, Any]:
    """Reads a file as plain Python values.

    Args:
        file: The file; one that is not there is empty.

    Raises:
        ConfigurationError: It is not TOML.
    """
    try:
        return deepcopy(_parsed(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}. Mend that line and run again.") from error


# Each destination, and each section, is looked up by itself, and parsing the file of a large fleet takes 5 ms.
@lru_cache(maxsize=4)
def _parsed(text: str) -> dict[str, Any]:
    return tomlkit.parse(text).unwrap()
