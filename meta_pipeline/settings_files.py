"""The two files that dlt reads settings from."""

from __future__ import annotations

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
        return tomlkit.parse(file.read_text(encoding="utf-8")).unwrap()
    except FileNotFoundError:
        return {}
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}. Mend that line and run again.") from error
