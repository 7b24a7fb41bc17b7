"""The demo: a fleet of real dlt pipelines that load real data into three destinations over six weeks.

The weeks are past ones; what the pipelines leave behind is what they would have left, had they run then. The capture
plugin is beside them, and each runs in the environment of another orchestrator. On what they loaded, dbt builds a
project that analysts might have written.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from meta_pipeline.demo import flights, postgres
from meta_pipeline.demo.analytics import build_analytics
from meta_pipeline.demo.folder import (
    DESTINATIONS,
    INBOX_FOLDER,
    LOGS_FOLDER,
    POSTGRES_FOLDER,
    clear,
    require_own,
    write_settings,
)
from meta_pipeline.demo.orchestrators import without_own_orchestrator
from meta_pipeline.demo.schedule import DAYS, Window, window_until
from meta_pipeline.exceptions import MetaPipelineError

__all__ = ["Fleet", "build_fleet", "stop_fleet"]


@dataclass(frozen=True)
class Fleet:
    """A fleet that was built.

    Args:
        folder: The folder with its configuration.
        server: The PostgreSQL server, which keeps running.
        window: The days that were replayed.
    """

    folder: Path
    server: postgres.Server
    window: Window


def build_fleet(
    folder: Path, progress: Callable[[str], None], *, now: datetime | None = None, days: int = DAYS
) -> Fleet:
    """Builds the demo's fleet, in place of one that an earlier demo left in the folder.

    Args:
        folder: A new or empty folder, or one of an earlier demo.
        progress: Is told of the progress, in lines of less than 80 characters.
        now: The moment at which the replay ends; the present if there is none.
        days: How many full days to replay.

    Returns:
        The fleet; its PostgreSQL server runs until :func:`stop_fleet`.

    Raises:
        ConfigurationError: The folder is somebody else's, or a package of the demo is missing.
        MetaPipelineError: The server did not start, or a pipeline or dbt failed.
    """
    folder = folder.absolute()
    # What is missing has to show before anything is thrown away.
    flights.data_folder()
    postgres.installed_tree()
    stop_fleet(folder)
    clear(folder)
    window = window_until(now or datetime.now(timezone.utc), days)
    progress("starting PostgreSQL")
    server = postgres.start(folder / POSTGRES_FOLDER)
    try:
        write_settings(folder, server.url)
        _replay_all(folder, window, progress)
        progress("building the analysts' tables with dbt")
        build_analytics(folder, server.url)
    except BaseException:
        postgres.stop(server)
        raise
    return Fleet(folder, server, window)


def stop_fleet(folder: Path) -> None:
    """Stops the demo's PostgreSQL server and removes its data; everything else stays.

    Args:
        folder: The demo's folder; if there is none yet, nothing happens.

    Raises:
        ConfigurationError: The folder is not a demo's.
    """
    require_own(folder)
    postgres.stop(folder.absolute() / POSTGRES_FOLDER)


def _replay_all(folder: Path, window: Window, progress: Callable[[str], None]) -> None:
    """Replays all destinations at the same time; their processes write their progress into one pipe."""
    (folder / LOGS_FOLDER).mkdir()
    reading, writing = os.pipe()
    with ExitStack() as stack:
        lines = stack.enter_context(os.fdopen(reading, encoding="utf-8"))
        with os.fdopen(writing, "wb") as pipe:
            replays = {
                name: stack.enter_context(_replaying(folder, name, window, pipe.fileno())) for name in DESTINATIONS
            }
        for line in lines:
            progress(line.rstrip())
        failed = [name for name, process in replays.items() if process.wait()]
    if failed:
        raise MetaPipelineError("\n".join(_failure(folder, name) for name in failed))


@contextmanager
def _replaying(folder: Path, destination: str, window: Window, output: int) -> Iterator[subprocess.Popen[bytes]]:
    arguments = ["-m", "meta_pipeline.demo.replay", destination, window.now.isoformat(), str(window.days)]
    environment = {
        **without_own_orchestrator(os.environ),
        "DLT_PROJECT_DIR": str(folder),
        # All that the pipelines need to be captured: the plugin is installed beside them.
        "META_PIPELINE_INBOX": str(folder / INBOX_FOLDER),
    }
    with (
        _log_file(folder, destination).open("wb") as log,
        subprocess.Popen(  # noqa: S603
            [sys.executable, *arguments], cwd=folder, env=environment, stdout=output, stderr=log
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def _log_file(folder: Path, destination: str) -> Path:
    return folder / LOGS_FOLDER / f"{destination}.log"


def _failure(folder: Path, destination: str) -> str:
    log = _log_file(folder, destination)
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    return "\n".join([f"The pipelines of {destination} failed. The end of their log, {log}:", *last])
