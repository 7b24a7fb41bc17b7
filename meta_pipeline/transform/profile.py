"""The dbt profile that points at the home: our own, never the user's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import EMBEDDED, MARTS_DATASET, Home


@dataclass(frozen=True)
class Profile:
    """A dbt profile.

    Args:
        output: dbt's settings of the connection.
        variables: Environment variables that the settings refer to; secrets stand only there.
    """

    output: dict[str, Any]
    variables: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes ``profiles.yml`` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        profiles = {"meta_pipeline": {"target": "home", "outputs": {"home": self.output}}}
        # JSON is YAML, and quotes whatever a path may hold.
        (folder / "profiles.yml").write_text(json.dumps(profiles, indent=2), encoding="utf-8")


def home_profile(home: Home) -> Profile:
    """Returns the profile of a home, for a server derived from dlt's own configuration of it.

    Args:
        home: Where the observability dataset lives.

    Raises:
        ConfigurationError: dbt's adapter is not installed, or cannot connect with what dlt connects with.
    """
    if home.destination_type == EMBEDDED:
        return _duckdb(home)
    try:
        import_module(f"dbt.adapters.{home.destination_type}")
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"A home of type {home.destination_type} needs a package that is not installed: "
            f"pip install 'meta-pipeline[{home.destination_type}]'"
        ) from None
    from meta_pipeline.home.server import resolve  # noqa: PLC0415
    from meta_pipeline.transform.credentials import server_profile  # noqa: PLC0415

    return server_profile(home.destination_type, resolve(home).config)


def _duckdb(home: Home) -> Profile:
    return Profile(
        {
            "type": "duckdb",
            "path": home.database,
            "schema": MARTS_DATASET,
            "threads": 2,
            "settings": {"TimeZone": "UTC"},
        }
    )
