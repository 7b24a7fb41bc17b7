"""What a program took, as a whole process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

CHECKOUT = Path(__file__).parents[1]
LOG_LINES = 15


class ProgramFailedError(Exception):
    """A measured program did not end with 0."""


@dataclass(frozen=True)
class Usage:
    """What one run of a program took.

    Args:
        wall_seconds: From its start to its end.
        cpu_seconds: Of all its threads; the database server's are not in it.
        peak_bytes: Peak of the resident memory of its largest process.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Series:
    """The runs of one program, none left out.

    Args:
        runs: What each took, in the order in which they ran.
    """

    runs: Sequence[Usage]

    @property
    def wall_seconds(self) -> float:
        """Returns the median."""
        return median(run.wall_seconds for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        """Returns the median."""
        return median(run.cpu_seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """Returns the largest."""
        return max(run.peak_bytes for run in self.runs)


def measure(command: Sequence[str], folder: Path) -> Usage:
    """Runs a program to its end.

    Args:
        command: The program and its arguments.
        folder: Where it runs; its output goes into a file there.

    Returns:
        What it took.

    Raises:
        ProgramFailedError: It did not end with 0; the message holds the end of its output.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log, result = folder / "output.log", folder / "usage.json"
    with log.open("wb") as output:
        runner = [sys.executable, "-m", "benchmarks.runner", str(result), *command]
        code = subprocess.call(runner, cwd=folder, env=_environment(folder), stdout=output, stderr=output)
    if code:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
        raise ProgramFailedError(f"{' '.join(command[:3])} ended with {code}:\n{end}")
    return Usage(**json.loads(result.read_text(encoding="utf-8")))


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
