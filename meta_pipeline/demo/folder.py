"""The demo's folder: a user's folder like any other, and what in it may be thrown away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from meta_pipeline.config import HOME_FILE, WORK_FOLDER
from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.settings_files import CONFIG_FILE, SECRETS_FILE

WAREHOUSE, FINANCE, LAKE = "warehouse", "finance_pg", "lake"
DESTINATIONS = (WAREHOUSE, FINANCE, LAKE)

WAREHOUSE_FILE = "warehouse.duckdb"
LAKE_FOLDER = "lake"
INBOX_FOLDER = "inbox"
POSTGRES_FOLDER = "postgres"
PIPELINES_FOLDER = "pipelines"
LOGS_FOLDER = "replay_logs"
ANALYTICS_FOLDER = "analytics"
SITE_FOLDER = "site"
MARKER_FILE = ".meta-pipeline-demo"

_MARKER = "This folder was made by `meta-pipeline demo`, which replaces what it made here when it runs again.\n"
_MADE = (
    *(f"{file}{suffix}" for file in (WAREHOUSE_FILE, HOME_FILE) for suffix in ("", ".wal")),
    *(LAKE_FOLDER, INBOX_FOLDER, POSTGRES_FOLDER, PIPELINES_FOLDER, LOGS_FOLDER, ANALYTICS_FOLDER, SITE_FOLDER),
    WORK_FOLDER,
    *(str(CONFIG_FILE), str(SECRETS_FILE)),
)
_CONFIG = """\
# A fleet as its owners would describe it to meta-pipeline. What dlt counts as credentials stands in secrets.toml.

[sources.dlt_metadata]
destinations = ["warehouse", "finance_pg", "lake"]
# "metadata" would never read the fleet's own tables; "scan" also counts the rows of each new load in them.
row_counts = "scan"
# Where META_PIPELINE_INBOX of the pipelines points: what the capture plugin leaves of every run.
inbox = {inbox}
# Where the analysts' dbt project leaves its manifest.
dbt_artifacts = [{artifacts}]

[destination.warehouse]
destination_type = "duckdb"

[destination.finance_pg]
destination_type = "postgres"

[destination.lake]
destination_type = "filesystem"
bucket_url = {lake}

[report]
# Each run writes the page anew: open site/index.html.
out = "{site}"

# Who looks after what; nobody is told of anything as long as no channel is configured.
[[alert.rules]]
destinations = ["warehouse"]
owner = "flight operations"

[[alert.rules]]
destinations = ["finance_pg"]
owner = "finance data"

# No [destination.observability] here: what is collected goes into meta_pipeline.duckdb in this folder.

[runtime]
dlthub_telemetry = false
"""
_SECRETS = """\
[destination.warehouse]
credentials = {warehouse}

[destination.finance_pg]
credentials = {postgres}
"""


def require_own(folder: Path) -> None:
    """Makes sure that a folder is the demo's to use.

    Args:
        folder: The folder, which need not exist.

    Raises:
        ConfigurationError: Something else is in it.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder. Name another one with --folder.")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER_FILE).exists():
        raise ConfigurationError(
            f"{folder} holds something that the demo did not make, so the demo leaves it alone. "
            "Name an empty or a new folder with --folder."
        )


def clear(folder: Path) -> None:
    """Makes the folder, and removes from it what an earlier demo left and nothing else.

    Args:
        folder: A folder that is the demo's to use.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER_FILE).write_text(_MARKER, encoding="utf-8")
    for name in _MADE:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write_settings(folder: Path, postgres_url: str) -> None:
    """Writes dlt's configuration of the fleet.

    Args:
        folder: The demo's folder.
        postgres_url: Connection URL of the PostgreSQL server.
    """
    config = _CONFIG.format(
        lake=_quoted(folder / LAKE_FOLDER),
        inbox=_quoted(folder / INBOX_FOLDER),
        artifacts=_quoted(folder / ANALYTICS_FOLDER / "target"),
        site=SITE_FOLDER,
    )
    credentials = _SECRETS.format(warehouse=_quoted(folder / WAREHOUSE_FILE), postgres=_quoted(postgres_url))
    secrets = folder / SECRETS_FILE
    secrets.parent.mkdir(exist_ok=True)
    (folder / CONFIG_FILE).write_text(config, encoding="utf-8")
    secrets.touch(mode=0o600)
    secrets.write_text(credentials, encoding="utf-8")


def _quoted(value: Path | str) -> str:
    """Returns a TOML string; JSON's are among them."""
    return json.dumps(str(value), ensure_ascii=False)
