"""The floor of a transform: dbt starts in process on the same project, selects no model, and ends.

Usage: python -m benchmarks.programs.dbt_start PROJECT FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

LEAN = ("--quiet", "--no-version-check", "--no-write-json", "--no-send-anonymous-usage-stats")
PROFILE = """\
meta_pipeline:
  target: benchmark
  outputs:
    benchmark:
      type: duckdb
      path: {database}
      schema: observability_marts
"""


def start(project: Path, folder: Path) -> bool:
    """Runs dbt with an empty selection.

    Args:
        project: Folder of the dbt project.
        folder: Where the profile and dbt's own files go; what dbt parsed stays there for the next start.

    Returns:
        Whether dbt ended well.
    """
    (folder / "profiles.yml").write_text(PROFILE.format(database=folder / "meta_pipeline.duckdb"), encoding="utf-8")
    folders = {"project": project, "profiles": folder, "target": folder / "target", "log": folder / "logs"}
    names = {"project": "--project-dir", "profiles": "--profiles-dir", "target": "--target-path", "log": "--log-path"}
    arguments = [str(part) for key, path in folders.items() for part in (names[key], path)]
    return dbtRunner().invoke(["run", *arguments, *LEAN, "--select", "tag:no_model_has_this"]).success


if __name__ == "__main__":
    sys.exit(not start(Path(sys.argv[1]), Path(sys.argv[2])))
