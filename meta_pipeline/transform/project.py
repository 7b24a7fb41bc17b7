"""The dbt project: where it is, and which one it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

from meta_pipeline.exceptions import TransformError

_PACKAGE = Path(__file__).resolve().parents[1]
_SUFFIXES = frozenset({".sql", ".yml", ".yaml"})
_GENERATED = frozenset({"target", "logs", "dbt_packages"})


def project_folder(package: Path = _PACKAGE) -> Path:
    """Finds the dbt project: inside the installed package, or beside it in a checkout.

    Args:
        package: Folder of the package ``meta_pipeline``.

    Raises:
        TransformError: The project is in neither place.
    """
    for folder in (package / "dbt_project", package.parent / "dbt_project"):
        if (folder / "dbt_project.yml").is_file():
            return folder
    raise TransformError(f"The dbt project is missing from {package}. Install meta-pipeline again.")


def project_fingerprint(folder: Path, database: str) -> str:
    """Returns a hash of everything that decides what the project builds, and of where it builds it.

    Args:
        folder: The dbt project.
        database: The database; views name it, so a renamed one needs new views.
    """
    digest = hashlib.sha256(database.encode())
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.suffix in _SUFFIXES and not _GENERATED.intersection(parts):
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
