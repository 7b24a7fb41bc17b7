"""The dbt profile that points at the home: our own, never the user's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import MARTS_DATASET, Home

# dbt keeps values of variables with this prefix out of its logs.
_PASSWORD_VARIABLE = "DBT_ENV_SECRET_META_PIPELINE_PASSWORD"  # noqa: S105


@dataclass(frozen=True)
class Profile:
    """A dbt profile.

    Args:
        output: dbt's settings of the connection.
        variables: Environment variables that the settings refer to; secrets stand only there.
    """

    output: dict[str, Any]
    variables: dict[str, str]

    def write(self, folder: Path) -> None:
        """Writes ``profiles.yml`` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        profiles = {"meta_pipeline": {"target": "home", "outputs": {"home": self.output}}}
        # JSON is YAML, and quotes whatever a path may hold.
        (folder / "profiles.yml").write_text(json.dumps(profiles, indent=2), encoding="utf-8")


def home_profile(home: Home) -> Profile:
    """Returns the profile of a home.

    Args:
        home: Where the observability dataset lives.

    Raises:
        ConfigurationError: There is no dbt profile for this type of warehouse.
    """
    if home.destination_type == "duckdb":
        return _duckdb(home)
    if home.destination_type == "postgres":
        return _postgres(home)
    raise ConfigurationError(
        f"The marts cannot be built in a warehouse of type '{home.destination_type}'. "
        "Set `destination_type` in [destination.observability] to duckdb or postgres."
    )


def _duckdb(home: Home) -> Profile:
    output = {
        "type": "duckdb",
        "path": home.database,
        "schema": MARTS_DATASET,
        "threads": 2,
        "settings": {"TimeZone": "UTC"},
    }
    return Profile(output, {})


def _postgres(home: Home) -> Profile:
    url = urlsplit(home.database)
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    output = {
        "type": "postgres",
        "host": query.get("host") or unquote(url.hostname or "localhost"),
        "port": url.port or 5432,
        "user": unquote(url.username or ""),
        "password": f"{{{{ env_var('{_PASSWORD_VARIABLE}', '') }}}}",
        "dbname": unquote(url.path.lstrip("/")),
        "schema": MARTS_DATASET,
        "threads": 4,
    }
    if "sslmode" in query:
        output["sslmode"] = query["sslmode"]
    return Profile(output, {_PASSWORD_VARIABLE: unquote(url.password or "")})
