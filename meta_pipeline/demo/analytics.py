"""The analysts' dbt project, on the tables that the fleet loads into PostgreSQL: built by dbt in a process of its own.

A column that is tagged as personal goes on from there into a view, an incremental table, a snapshot and, hashed, to
somebody outside. What dbt leaves in the project's `target` is read like any user's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from meta_pipeline.demo.folder import ANALYTICS_FOLDER, LOGS_FOLDER
from meta_pipeline.exceptions import MetaPipelineError

PROJECT = Path(__file__).with_name("analytics_project")
SCHEMA = "analytics"
PROFILES_FILE = "profiles.yml"

_DBT = "from dbt.cli.main import cli; cli()"
_OPTIONS = ("--project-dir", ".", "--profiles-dir", ".", "--no-version-check", "--no-use-colors")


def build_analytics(folder: Path, postgres_url: str) -> None:
    """Puts the project into the demo's folder, and builds it.

    Args:
        folder: The demo's folder; the fleet's tables are loaded.
        postgres_url: Connection URL of the PostgreSQL server.

    Raises:
        MetaPipelineError: dbt failed; the text has the end of what it said.
    """
    project = folder / ANALYTICS_FOLDER
    shutil.copytree(PROJECT, project)
    _write_profile(project / PROFILES_FILE, postgres_url)
    log = folder / LOGS_FOLDER / f"{ANALYTICS_FOLDER}.log"
    # The user's own settings of dbt are for another project.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    with log.open("wb") as output:
        built = subprocess.run(  # noqa: S603
            [sys.executable, "-c", _DBT, "build", *_OPTIONS],
            cwd=project,
            env=environment,
            check=False,
            stdout=output,
            stderr=output,
        )
    if built.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
        raise MetaPipelineError("\n".join([f"dbt failed in {project}. The end of its log, {log}:", *last]))


def _write_profile(file: Path, postgres_url: str) -> None:
    url = urlsplit(postgres_url)
    output = {
        "type": "postgres",
        "host": url.hostname,
        "port": url.port,
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "dbname": url.path.lstrip("/"),
        "schema": SCHEMA,
        "threads": 4,
    }
    file.touch(mode=0o600)
    # JSON is YAML.
    profile = {"fleet_analytics": {"target": "demo", "outputs": {"demo": output}}}
    file.write_text(json.dumps(profile, indent=2), encoding="utf-8")
