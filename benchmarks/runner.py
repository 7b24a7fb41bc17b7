"""Runs one command and writes down what it took.

Usage: python -m benchmarks.runner RESULT COMMAND [ARGUMENT ...]

This is a process of its own, and imports little, because the system counts the memory of the process that starts a
program towards that program's peak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

KIBIBYTE = 1 if sys.platform == "darwin" else 1024


def run(command: list[str], result: Path) -> int:
    """Runs the command with the environment, folder and output of this process.

    Args:
        command: The program and its arguments.
        result: File for the measured figures, as JSON.

    Returns:
        The program's exit code.
    """
    started = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    figures = {
        "wall_seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * KIBIBYTE,
    }
    result.write_text(json.dumps(figures), encoding="utf-8")
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


if __name__ == "__main__":
    sys.exit(run(sys.argv[2:], Path(sys.argv[1])))
