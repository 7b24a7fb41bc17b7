"""What the analysis of a dbt project's columns takes: `python -m benchmarks.lineage` measures beside sqlglot's own way.

Each figure is of a process of its own. The manifest is made here and has nothing of anybody.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.dbt_manifest import make_manifest
from benchmarks.machine import describe_machine
from benchmarks.measure import CHECKOUT

MODELS, COLUMNS = 500, 30


def main(arguments: Sequence[str]) -> int:
    """Measures and prints a table.

    Args:
        arguments: The command line.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lineage", description=__doc__)
    parser.add_argument("--models", type=int, default=MODELS, help="models of the project (default: %(default)s)")
    parser.add_argument("--columns", type=int, default=COLUMNS, help="columns of each (default: %(default)s)")
    parser.add_argument("--alone", action="store_true", help="leave out sqlglot's own way, which takes minutes")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="meta-pipeline-bench-") as scratch:
        folder = Path(scratch)
        changed = options.models // 5
        for name, place in (("manifest", None), ("changed", changed)):
            made = make_manifest(options.models, options.columns, place)
            (folder / f"{name}.json").write_text(json.dumps(made), encoding="utf-8")
        ours, peak = _program("lineage_analysis", folder)
        peer, peer_peak = ({}, 0) if options.alone else _program("lineage_naive", folder)
    print(f"{describe_machine()}, load average {load:.1f} before the start.\n")
    print(f"{options.models:,} models, {ours['columns']:,} columns, {ours['edges']:,} edges.\n")
    print("| | seconds | models analysed | peak MB |\n|---|---:|---:|---:|")
    for name, title in (("first", "first"), ("unchanged", "nothing changed"), ("changed", "one model changed")):
        print(f"| **analysis, {title}** | {ours[name]:.2f} | {ours[f'{name}_analysed']:,} | {peak:,.0f} |")
    if peer:
        print(
            f"| `sqlglot.lineage.lineage`, each column | {peer['each']:.2f} | {options.models:,} | {peer_peak:,.0f} |"
        )
        print(f"\nAgainst sqlglot's own way: {peer['each'] / ours['first']:.1f}x.")
    return 0


def _program(name: str, folder: Path) -> tuple[Any, float]:
    """Returns what a program prints, and its peak of memory in megabytes."""
    result = folder / f"{name}.usage.json"
    command = [sys.executable, "-m", f"benchmarks.programs.{name}", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.runner", str(result), *command],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout), json.loads(result.read_text(encoding="utf-8"))["peak_bytes"] / 10**6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
