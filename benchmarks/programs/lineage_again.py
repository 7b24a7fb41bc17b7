"""Analyses a manifest's models, again unchanged, and with one of them changed; writes down the seconds of each.

Usage: python -m benchmarks.programs.lineage_again PROJECT RESULT
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from meta_pipeline.collect.dbt_lineage import Analysis, analyse_project
from meta_pipeline.collect.dbt_manifest import read_manifest


def main(project: Path, result: Path) -> None:
    """Analyses `manifest.json` twice, and then `changed.json`, in a folder."""
    found = {}
    known: dict[str, Analysis] = {}
    for name, file in (("first", "manifest"), ("unchanged", "manifest"), ("changed", "changed")):
        content = (project / f"{file}.json").read_bytes()
        started = time.perf_counter()
        analyses = analyse_project(read_manifest(content, None, None, ()), {}, known)
        found[name] = {
            "seconds": time.perf_counter() - started,
            "models": sum(analysis.analysis_hash not in known for analysis in analyses.values()),
        }
        known = {analysis.analysis_hash: analysis for analysis in analyses.values()}
    result.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
