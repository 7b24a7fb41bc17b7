"""Analyses a manifest's models and writes down how many columns and edges it found.

Usage: python -m benchmarks.programs.lineage_analysis PROJECT RESULT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from meta_pipeline.collect.dbt_lineage import analyse_project
from meta_pipeline.collect.dbt_manifest import read_manifest


def main(project: Path, result: Path) -> None:
    """Analyses `manifest.json` in a folder."""
    analyses = analyse_project(read_manifest((project / "manifest.json").read_bytes(), None, None, ()), {}, {})
    edges = [edge for analysis in analyses.values() for edge in analysis.edges]
    deciding = sum(edge.transformation == "filter" for edge in edges)
    found = {
        "models": len(analyses),
        "columns": sum(len(analysis.columns) for analysis in analyses.values()),
        "edges": len(edges) - deciding,
        "row_edges": deciding,
        "failed": sum(analysis.error is not None for analysis in analyses.values()),
    }
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
