"""dbt's own documentation of the project, as one file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from meta_pipeline.exceptions import TransformError
from meta_pipeline.home import Home, open_home
from meta_pipeline.transform.profile import home_profile
from meta_pipeline.transform.project import project_fingerprint, project_folder
from meta_pipeline.transform.runner import DbtPaths, run_dbt
from meta_pipeline.transform.stage import FINGERPRINT_VARIABLE

_COMMAND = ("docs", "generate", "--static", "--write-json")
_STATIC_FILE = "static_index.html"


def write_docs(home: Home, file: Path) -> None:
    """Writes dbt's documentation of the marts in the home; it is made anew only for another version of the project.

    Args:
        home: Where the marts live.
        file: The file to write; its folder is made where it is missing.

    Raises:
        HomeError: The home cannot be opened.
        TransformError: dbt could not make it, or it cannot be written.
    """
    project = project_folder()
    with open_home(home) as session:
        fingerprint = project_fingerprint(project, session.database)
    kept = home.work_folder / "dbt" / "docs" / f"{fingerprint}.html"
    try:
        if not kept.exists():
            _make(home, project, fingerprint, kept)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, file)
    except OSError as error:
        raise TransformError(
            f"dbt's documentation could not be written to {file}: {error.strerror}. Name another folder with --out."
        ) from None


def _make(home: Home, project: Path, fingerprint: str, kept: Path) -> None:
    profile = home_profile(home)
    work = home.work_folder / "dbt"
    profile.write(work)
    # What the transform remembers of the project would be forgotten, for its variables are others.
    paths = DbtPaths(project=project, profiles=work, target=work / "target_docs", logs=work / "logs")
    run_dbt(_COMMAND, paths, {**profile.variables, FINGERPRINT_VARIABLE: fingerprint})
    text = (paths.target / _STATIC_FILE).read_text(encoding="utf-8")
    shutil.rmtree(kept.parent, ignore_errors=True)
    kept.parent.mkdir(parents=True)
    # Where compiled code was put, and which users of the warehouse own what, is nobody's business.
    text = re.sub(r'"owner": "[^"]*"', '"owner": null', text.replace(str(paths.target), "target"))
    kept.write_text(text, encoding="utf-8")
