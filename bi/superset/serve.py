"""Starts a Superset with the dashboard, to look at it: on this machine only, and all that it stores goes when it ends.

Runs in Superset's own environment, which `make superset` makes. Prints its address and how to log in as a line of JSON
once it serves.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_USER = "admin"


def main() -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", required=True, help="SQLAlchemy's URL of the database that holds the marts.")
    parser.add_argument("--port", type=int, default=8088, help="Port on 127.0.0.1.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="superset-") as folder:
        _serve(Path(folder), asked.uri, asked.port)


def _serve(folder: Path, uri: str, port: int) -> None:
    # Superset reads them when it is imported.
    os.environ["SUPERSET_HOME"] = str(folder)
    os.environ["SUPERSET_SECRET_KEY"] = secrets.token_urlsafe(42)
    os.environ["SUPERSET_CONFIG_PATH"] = str(_HERE / "superset_config.py")
    os.environ["SCARF_ANALYTICS"] = "false"
    from superset.app import create_app  # noqa: PLC0415

    password = secrets.token_urlsafe(12)
    app = create_app()
    with app.app_context():
        _prepare(password)
        _import_dashboard(uri)
    access = {"address": f"http://127.0.0.1:{port}", "user": _USER, "password": password}
    sys.stdout.write(json.dumps(access) + "\n")
    sys.stdout.flush()
    app.run(host="127.0.0.1", port=port, threaded=True)


def _prepare(password: str) -> None:
    """Makes Superset's own tables, its roles and a user."""
    from flask_migrate import upgrade  # noqa: PLC0415
    from superset import appbuilder, security_manager  # noqa: PLC0415

    upgrade()
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    admin = security_manager.find_role("Admin")
    security_manager.add_user(_USER, "Meta", "Pipeline", f"{_USER}@example.com", admin, password=password)


def _import_dashboard(uri: str) -> None:
    from flask import g  # noqa: PLC0415
    from superset import security_manager  # noqa: PLC0415
    from superset.commands.dashboard.importers.v1 import ImportDashboardsCommand  # noqa: PLC0415

    sys.path.insert(0, str(_HERE))
    from build import as_yaml, export  # noqa: PLC0415

    g.user = security_manager.find_user(username=_USER)
    contents: dict[str, Any] = {name: as_yaml(file) for name, file in export(uri).items()}
    ImportDashboardsCommand(contents, overwrite=True).run()


if __name__ == "__main__":
    main()
