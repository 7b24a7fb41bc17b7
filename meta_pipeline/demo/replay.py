"""Replays the runs of one destination's pipelines, each at its own time; a process of its own per destination."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path

import dlt
import duckdb
from dlt.common.runtime.collector import NullCollector
from dlt.pipeline.exceptions import PipelineStepFailed

from meta_pipeline.demo.clock import Clock, dlt_goes_by
from meta_pipeline.demo.fleet import FLEET, FleetPipeline
from meta_pipeline.demo.folder import PIPELINES_FOLDER, WAREHOUSE, WAREHOUSE_FILE
from meta_pipeline.demo.orchestrators import run_by
from meta_pipeline.demo.schedule import Ending, Run, Window, window_until
from meta_pipeline.demo.systems import AirportSystems
from meta_pipeline.exceptions import MetaPipelineError

KILLED: Ending = "killed"


class StepTimer(NullCollector):
    """Lets the steps of a run take time on a clock, and kills the process of a run that ends so.

    Args:
        clock: The clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._step_seconds: dict[str, float] = {}
        self._is_killing = False

    def prepare(self, run: Run) -> None:
        """Sets clock and timer for a run.

        Args:
            run: The run that comes next.
        """
        self._clock.set(run.started_at)
        self._step_seconds = dict(run.step_seconds)
        self._is_killing = run.ending == KILLED

    def _start(self, step: str) -> None:
        name = step.split(maxsplit=1)[0].lower()
        if self._is_killing and name == "normalize":
            os.kill(os.getpid(), signal.SIGKILL)
        # Extraction reports twice: for the data and for the state.
        self._clock.advance(self._step_seconds.pop(name, 0.0))


class Replay:
    """The pipelines of one destination, on a clock of their own.

    Args:
        folder: The demo's folder, the working folder of this process.
        destination: Name of the destination.
        window: The days to replay.
    """

    def __init__(self, folder: Path, destination: str, window: Window) -> None:
        self._destination = destination
        self._window = window
        self._clock = Clock(window.first_day)
        self._timer = StepTimer(self._clock)
        self._systems = AirportSystems(window, self._clock.now)
        self._members = {member.name: member for member in FLEET if member.destination == destination}
        self._pipelines = {name: _pipeline(member, folder, self._timer) for name, member in self._members.items()}
        self._runs = sorted(
            (run for member in self._members.values() for run in member.runs(window)), key=lambda run: run.started_at
        )

    def play(self, progress: Callable[[str], None]) -> None:
        """Replays everything that was loaded into the destination.

        Args:
            progress: Is told of each week that is done.
        """
        weeks_done = 0
        with dlt_goes_by(self._clock):
            for run in self._runs:
                week = self._age(run).days // 7
                if week > weeks_done:
                    weeks_done = week
                    progress(_week_message(self._destination, week, self._window, run.started_at))
                if run.ending == KILLED:
                    _play_apart(self._destination, self._window)
                else:
                    self._play(run)
        progress(f"{self._destination}: {len(self._runs)} runs of {len(self._members)} pipelines replayed")

    def play_killed(self) -> None:
        """Replays the run that is killed, and this process with it."""
        with dlt_goes_by(self._clock):
            self._play(next(run for run in self._runs if run.ending == KILLED))

    def _play(self, run: Run) -> None:
        member = self._members[run.pipeline_name]
        self._timer.prepare(run)
        with ExitStack() as stack:
            stack.enter_context(run_by(member.orchestrator, run))
            if run.ending == "refused":
                stack.enter_context(suppress(PipelineStepFailed))
                stack.enter_context(self._systems.closed())
            self._pipelines[run.pipeline_name].run(member.source(self._systems, self._age(run)))

    def _age(self, run: Run) -> timedelta:
        return run.started_at - self._window.first_day


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


def _play_apart(destination: str, window: Window) -> None:
    """Replays the run that is killed in a process that does not survive it."""
    arguments = [destination, window.now.isoformat(), str(window.days), KILLED]
    command = [sys.executable, "-m", "meta_pipeline.demo.replay", *arguments]
    returned = subprocess.run(command, check=False, stdout=sys.stderr).returncode  # noqa: S603
    if returned != -signal.SIGKILL:
        raise MetaPipelineError(f"The run that should have been killed ended with {returned}.")


def main(destination: str, now: str, days: str, part: str = "") -> None:
    """Replays one destination in the current folder and reports on standard output.

    Args:
        destination: Name of the destination.
        now: The end of the window, in ISO 8601.
        days: Number of full days to replay.
        part: ``killed`` for the run that is killed and nothing else.
    """
    folder = Path.cwd()

    def progress(message: str) -> None:
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()

    replay = Replay(folder, destination, window_until(datetime.fromisoformat(now), int(days)))
    if part == KILLED:
        replay.play_killed()
    elif destination == WAREHOUSE:
        # An open connection saves dlt from opening and closing the file several times in each run.
        with duckdb.connect(str(folder / WAREHOUSE_FILE)):
            replay.play(progress)
    else:
        replay.play(progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
