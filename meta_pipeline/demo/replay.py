"""Replays the runs of one destination's pipelines, each at its own time; a process of its own per destination."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import dlt
import duckdb
from dlt.common.runtime.collector import NullCollector

from meta_pipeline.demo.clock import Clock, dlt_goes_by
from meta_pipeline.demo.fleet import FLEET, FleetPipeline
from meta_pipeline.demo.folder import PIPELINES_FOLDER, WAREHOUSE, WAREHOUSE_FILE
from meta_pipeline.demo.schedule import Run, Window, window_until
from meta_pipeline.demo.systems import AirportSystems


class StepTimer(NullCollector):
    """Lets the steps of a run take time on a clock.

    Args:
        clock: The clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._step_seconds: dict[str, float] = {}

    def prepare(self, run: Run) -> None:
        """Sets clock and timer for a run.

        Args:
            run: The run that comes next.
        """
        self._clock.set(run.started_at)
        self._step_seconds = dict(run.step_seconds)

    def _start(self, step: str) -> None:
        # Extraction reports twice: for the data and for the state.
        self._clock.advance(self._step_seconds.pop(step.split(maxsplit=1)[0].lower(), 0.0))


def replay(folder: Path, destination: str, window: Window, progress: Callable[[str], None]) -> None:
    """Replays everything that was loaded into a destination.

    Args:
        folder: The demo's folder, the working folder of this process.
        destination: Name of the destination.
        window: The days to replay.
        progress: Is told of each week that is done.
    """
    clock = Clock(window.first_day)
    timer = StepTimer(clock)
    systems = AirportSystems(window, clock.now)
    members = {member.name: member for member in FLEET if member.destination == destination}
    dlt_pipelines = {name: _pipeline(member, folder, timer) for name, member in members.items()}
    runs = sorted((run for member in members.values() for run in member.runs(window)), key=lambda run: run.started_at)
    weeks_done = 0
    with dlt_goes_by(clock):
        for run in runs:
            age = run.started_at - window.first_day
            if age.days // 7 > weeks_done:
                weeks_done = age.days // 7
                progress(_week_message(destination, weeks_done, window, run.started_at))
            timer.prepare(run)
            dlt_pipelines[run.pipeline_name].run(members[run.pipeline_name].source(systems, age))
    progress(f"{destination}: {len(runs)} runs of {len(members)} pipelines loaded")


def _pipeline(member: FleetPipeline, folder: Path, timer: StepTimer) -> dlt.Pipeline:
    return dlt.pipeline(
        member.name,
        destination=member.destination,
        dataset_name=member.dataset,
        pipelines_dir=str(folder / PIPELINES_FOLDER),
        progress=timer,
    )


def _week_message(destination: str, week: int, window: Window, reached: datetime) -> str:
    return f"{destination}: week {week} of {window.days // 7} loaded, up to {reached:%d %b %Y}"


def main(destination: str, now: str, days: str) -> None:
    """Replays one destination in the current folder and reports on standard output.

    Args:
        destination: Name of the destination.
        now: The end of the window, in ISO 8601.
        days: Number of full days to replay.
    """
    folder = Path.cwd()

    def progress(message: str) -> None:
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()

    window = window_until(datetime.fromisoformat(now), int(days))
    if destination == WAREHOUSE:
        # An open connection saves dlt from opening and closing the file several times in each run.
        with duckdb.connect(str(folder / WAREHOUSE_FILE)):
            replay(folder, destination, window, progress)
    else:
        replay(folder, destination, window, progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
