"""Shows the fleet on a terminal, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.segment import Segments
from rich.text import Text

from meta_pipeline.exceptions import HomeError
from meta_pipeline.home import EMBEDDED, Home
from meta_pipeline.output import printable, table_of
from meta_pipeline.report.status import COLUMNS, FleetStatus, read_status, rows_of

QUIET_SECONDS = 10
"""How long nobody may have written to a DuckDB file before it is read again."""


@dataclass(frozen=True)
class View:
    """What is shown.

    Args:
        fleet: The fleet as it was read last.
        version: The state of the home's file that it was read of; None where that cannot be told.
        problem: Why it could not be read again.
    """

    fleet: FleetStatus
    version: float | None
    problem: str | None = None


def watch(home: Home, interval: float, wait: Callable[[float], None] = time.sleep) -> None:
    """Shows the fleet until it is interrupted.

    Args:
        home: Where the marts live.
        interval: Seconds between two looks.
        wait: Lets them pass.

    Raises:
        HomeError: The marts are not there yet, or the home cannot be opened at first.
        KeyboardInterrupt: Somebody wants it to end.
    """
    version = _version(home)
    view = View(read_status(home), version)
    console = Console()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(_screen(view, console, interval), refresh=True)
            wait(interval)
            view = look_again(home, view, time.time())


def look_again(home: Home, view: View, now: float) -> View:
    """Reads the fleet again where something may have changed.

    A DuckDB file that is open in one process cannot be opened for writing in another. So it is only read when it has
    changed and nobody writes to it any more: whoever watches never stands in the way of a run.

    Args:
        home: Where the marts live.
        view: What is shown.
        now: The present, in seconds since 1970.
    """
    version = _version(home)
    if version is not None and (version == view.version or now - version < QUIET_SECONDS):
        return view
    try:
        return View(read_status(home), version)
    except HomeError as error:
        return replace(view, problem=str(error))


def _version(home: Home) -> float | None:
    if home.destination_type != EMBEDDED:
        return None
    try:
        return Path(home.database).stat().st_mtime
    except OSError:
        return 0


def _screen(view: View, console: Console, interval: float) -> Segments:
    now = datetime.now(timezone.utc)
    headings = [f"{now:%Y-%m-%d %H:%M:%S} UTC, every {interval:g} s; Ctrl-C ends", view.fleet.summary(now)]
    problems = [*([view.problem] if view.problem else []), *view.fleet.uncovered_lines]
    shown = Group(
        *(Text(printable(line)) for line in headings),
        *(Text(printable(line), style="yellow") for line in problems),
        table_of(COLUMNS, rows_of(view.fleet)),
    )
    lines = console.render_lines(shown, new_lines=True)
    if len(lines) > console.height:
        more = console.render_lines(Text("... and what does not fit here: meta-pipeline status"), new_lines=True)
        lines = lines[: console.height - 1] + more
    return Segments(segment for line in lines for segment in line)
