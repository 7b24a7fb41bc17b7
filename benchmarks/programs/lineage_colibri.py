"""Has dbt-colibri trace a manifest's columns and writes down how many columns and edges it found.

Usage: python lineage_colibri.py PROJECT RESULT

Nothing of ours is imported: it runs in an environment of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dbt_colibri.lineage_extractor.extractor import DbtColumnLineageExtractor

STRUCTURAL = "__colibri_"


def main(project: Path, result: Path) -> None:
    """Traces `manifest.json` with `catalog.json`, both in a folder; the page that dbt-colibri makes is left out."""
    extractor = DbtColumnLineageExtractor(str(project / "manifest.json"), str(project / "catalog.json"))
    traced = extractor.extract_project_lineage()
    models = traced["lineage"]["parents"].values()
    sizes = [(column.startswith(STRUCTURAL), len(parents)) for model in models for column, parents in model.items()]
    found = {
        "models": len(models),
        "columns": sum(not is_structural for is_structural, _ in sizes),
        "edges": sum(size for is_structural, size in sizes if not is_structural),
        "row_edges": sum(size for is_structural, size in sizes if is_structural),
        "failed": len(traced["errors"]),
    }
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
