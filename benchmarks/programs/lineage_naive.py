"""Asks sqlglot for the lineage of each column of a manifest's models, one by one; prints the seconds as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from sqlglot.lineage import lineage

from benchmarks.dbt_manifest import BUILT, DATABASE, RAW


def main(folder: Path) -> None:
    """Measures in a folder with `manifest.json`."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    columns = list(next(iter(manifest["sources"].values()))["columns"])
    types = dict.fromkeys(columns, "text")
    # All models have the same columns, so the whole schema can be told beforehand.
    tables: dict[str, Any] = {
        RAW: {item["name"]: types for item in manifest["sources"].values()},
        BUILT: {item["name"]: types for item in manifest["nodes"].values()},
    }
    started = time.perf_counter()
    asked = 0
    for node in manifest["nodes"].values():
        for column in columns:
            asked += lineage(column, node["compiled_code"], schema={DATABASE: tables}, dialect="duckdb") is not None
    print(json.dumps({"each": time.perf_counter() - started, "columns": asked}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
