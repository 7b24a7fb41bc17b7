"""What the capture plugin adds to a pipeline: `python -m benchmarks.capture` writes it into docs/capture.md.

Runs with and without an inbox take turns in one process, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from statistics import median
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.measure import CHECKOUT
from benchmarks.results import markdown_table, write_measured

PAGE = CHECKOUT / "docs" / "capture.md"
RUNS = 100
IMPORTS = 10


def main(arguments: Sequence[str]) -> int:
    """Measures, prints a table, and writes it into the page where nothing was left out.

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
    text = f"{_heading(load)}\n\n{results_text(imports, runs)}"
    print(text)
    if options.runs == RUNS:
        write_measured(PAGE, text)
    return 0


def results_text(imports: Sequence[Mapping[str, float]], runs: Mapping[str, Sequence[float]]) -> str:
    """Returns what came out as a table in Markdown.

    Args:
        imports: Of each process the milliseconds of importing dlt, and the plugin after it.
        runs: Milliseconds of each run without and with the plugin, and of its hooks.
    """
    dlt, plugin = (median(times[part] for times in imports) for part in ("dlt", "plugin"))
    added = [after - before for before, after in zip(runs["without"], runs["with"], strict=True)]
    rows = {
        f"import, {len(imports)} processes": (dlt, dlt + plugin, plugin, 20),
        f"run, {len(added)} of each": (median(runs["without"]), median(runs["with"]), median(added), 5),
        "of it in the plugin's hooks": (None, None, median(runs["inside"]), None),
    }
    header = ("Milliseconds", "without", "with", "added", "aim")
    return markdown_table(header, [(name, *map(_milliseconds, values)) for name, values in rows.items()])


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if isinstance(value, float) else f"< {value}"


def _heading(load: float) -> str:
    return (
        f"`make bench-capture` on {datetime.now(timezone.utc):%Y-%m-%d}: {describe_machine()}, load average {load:.1f} "
        "before the start. Medians; the inbox is a local folder."
    )


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
