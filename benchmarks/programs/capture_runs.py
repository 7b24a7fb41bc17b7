"""How long runs of a pipeline take, by turns without and with an inbox in a local folder: milliseconds, as JSON.

Usage: python -m benchmarks.programs.capture_runs FOLDER RUNS
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt

from meta_pipeline_capture.tracking import INBOX_VARIABLE, Tracker

WARM_UP = 5


def measure(folder: Path, runs: int) -> dict[str, list[float]]:
    """Runs the pipeline.

    Args:
        folder: Where dlt's working files, the DuckDB file and the inbox go.
        runs: Runs of each kind.

    Returns:
        Milliseconds of each run, and of what is spent in the plugin's hooks.
    """
    pipeline = dlt.pipeline(
        "measured",
        destination=dlt.destinations.duckdb(str(folder / "measured.duckdb")),
        dataset_name="rows",
        pipelines_dir=str(folder / "pipelines"),
    )
    inside: list[float] = []
    for name in ("on_start_trace", "on_end_trace"):
        setattr(Tracker, name, _timed(getattr(Tracker, name), inside))
    times: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(WARM_UP + runs):
        for kind, inbox in (("without", ""), ("with", str(folder / "inbox"))):
            os.environ[INBOX_VARIABLE] = inbox
            inside.append(0)
            started = time.perf_counter()
            pipeline.run([{"id": 1}], table_name="numbers")
            times[kind].append(_milliseconds(started))
    return {**{kind: taken[WARM_UP:] for kind, taken in times.items()}, "inside": inside[1::2][WARM_UP:]}


def _timed(hook: Callable[..., None], inside: list[float]) -> Callable[..., None]:
    def timed(*arguments: Any) -> None:
        started = time.perf_counter()
        hook(*arguments)
        inside[-1] += _milliseconds(started)

    return timed


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1_000


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
