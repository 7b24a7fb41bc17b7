"""What the capture plugin adds to a pipeline: `python -m benchmarks.capture` measures with and without it.

Runs with and without an inbox take turns in one process, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.measure import CHECKOUT

RUNS = 100
IMPORTS = 10


def main(arguments: Sequence[str]) -> int:
    """Measures and prints a table.

    Args:
        arguments: The command line.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capture", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each kind (default: %(default)s)")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="meta-pipeline-bench-") as scratch:
        imports = [_program("capture_import", scratch) for _ in range(IMPORTS)]
        runs = _program("capture_runs", scratch, str(options.runs))
    print(f"{describe_machine()}, load average {load:.1f} before the start. Medians, in milliseconds.\n")
    print("| | without | with | added | aim |\n|---|---:|---:|---:|---:|")
    dlt, plugin = (median(times[part] for times in imports) for part in ("dlt", "plugin"))
    print(f"| import, {IMPORTS} processes | {dlt:.1f} | {dlt + plugin:.1f} | {plugin:.1f} | 20 |")
    differences = [after - before for before, after in zip(runs["without"], runs["with"], strict=True)]
    without, captured = median(runs["without"]), median(runs["with"])
    print(f"| run, {options.runs} of each | {without:.1f} | {captured:.1f} | {median(differences):.1f} | 5 |")
    print(f"| of it in the plugin's hooks | | | {median(runs['inside']):.1f} | |")
    return 0


def _program(name: str, folder: str, *arguments: str) -> Any:
    command = [sys.executable, "-m", f"benchmarks.programs.{name}", folder, *arguments]
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "DLT_DATA_DIR": f"{folder}/dlt",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
