"""Analyses a manifest's models once, again unchanged, and with one model changed; prints the seconds as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from meta_pipeline.collect.dbt_lineage import Analysis, analyse_project
from meta_pipeline.collect.dbt_manifest import read_manifest


def main(folder: Path) -> None:
    """Measures in a folder with `manifest.json` and `changed.json`."""
    found = {}
    known: dict[str, Analysis] = {}
    for name, file in (("first", "manifest"), ("unchanged", "manifest"), ("changed", "changed")):
        content = (folder / f"{file}.json").read_bytes()
        started = time.perf_counter()
        analyses = analyse_project(read_manifest(content, None, None, ()), {}, known)
        found[name] = time.perf_counter() - started
        found[f"{name}_analysed"] = sum(analysis.analysis_hash not in known for analysis in analyses.values())
        assert not [analysis.error for analysis in analyses.values() if analysis.error]
        known = {analysis.analysis_hash: analysis for analysis in analyses.values()}
    found["edges"] = sum(len(analysis.edges) for analysis in known.values())
    found["columns"] = sum(len(analysis.columns) for analysis in known.values())
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
