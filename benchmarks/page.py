"""What the page takes for a large fleet: `python -m benchmarks.page` writes the table in docs/report.md.

Making it is measured as the command that people run, opening it in a real Chromium.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from benchmarks.machine import describe_machine
from benchmarks.measure import CHECKOUT, measure
from benchmarks.page_marts import COLUMNS_PER_TABLE, DAYS, TABLES_PER_PIPELINE, make_marts
from benchmarks.results import markdown_table, write_measured
from meta_pipeline.config import HOME_FILE
from meta_pipeline.report.page.contracts import read_contracts
from tests.fixtures.browser import find_browser, running_browser

PIPELINES = 1_000
OPENINGS = 5
DOCS = CHECKOUT / "docs" / "report.md"
MEGABYTE = 10**6
_COMMAND = (str(Path(sys.executable).with_name("meta-pipeline")), "report", "--out", "site")


@dataclass(frozen=True)
class Aim:
    """Something that was measured, and its bound.

    Args:
        what: What it is.
        measured: What came out, with its unit.
        bound: What it shall be below; None where nothing was promised.
        is_met: Whether it is.
    """

    what: str
    measured: str
    bound: str = ""
    is_met: bool | None = None


def main(arguments: Sequence[str]) -> int:
    """Measures, prints a table, and writes it where everything was measured at full size.

    Args:
        arguments: The command line.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--pipelines", type=int, default=PIPELINES, help="pipelines (default: %(default)s)")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="meta-pipeline-bench-") as scratch:
        folder = Path(scratch)
        now = datetime.now(timezone.utc).replace(microsecond=0)
        rows = make_marts(folder / HOME_FILE, read_contracts(CHECKOUT / "dbt_project"), options.pipelines, now)
        first, again = measure(_COMMAND, folder), measure(_COMMAND, folder)
        page = folder / "site" / "index.html"
        aims = [
            Aim("made, dbt's documentation for the first time", f"{first.wall_seconds:.1f} s"),
            _below("made, each time after that", again.wall_seconds, 20, "s"),
            Aim("… of that by the processor", f"{again.cpu_seconds:.1f} s"),
            Aim("… memory at its peak", f"{again.peak_bytes / MEGABYTE:,.0f} MB"),
            _below("size of the page", page.stat().st_size / MEGABYTE, 10, "MB"),
            *_opened(page),
        ]
    table = markdown_table(("What", "Measured", "Bound", "Met"), [_line(aim) for aim in aims])
    told = (
        f"{options.pipelines:,} pipelines, {DAYS} days, each with {TABLES_PER_PIPELINE} tables of {COLUMNS_PER_TABLE} "
        f"columns: {sum(rows.values()):,} rows of marts. {describe_machine()}, load average {load:.1f} before it."
        f"\n\n{table}"
    )
    print(told)
    if options.pipelines == PIPELINES:
        write_measured(DOCS, told)
    return 0


def _opened(file: Path) -> list[Aim]:
    """Opens the page, and goes to its views."""
    path = find_browser()
    if path is None:
        return [Aim("opened", "no Chromium is installed; make browser says how to get one")]
    with running_browser(path) as browser:
        pages = [browser.new_page() for _ in range(OPENINGS)]
        opened = median(_shown_fleet(page, file) for page in pages)
        page = pages[-1]
        going = {
            view: median(_shown_view(page, view) for _ in range(OPENINGS))
            for view in ("pipelines", "changes", "lineage")
        }
        pipeline = str(_first_pipeline(page)).removeprefix("#/")
        going["a pipeline"] = median(_shown_view(page, pipeline) for _ in range(OPENINGS))
        browser.close()
    return [
        _below("opened, to the fleet", opened, 2, "s"),
        *(Aim(f"from there to {view}", f"{took:.2f} s") for view, took in going.items()),
    ]


def _shown_fleet(page: Page, file: Path) -> float:
    return _shown(page, lambda: page.goto(f"{file.as_uri()}#/fleet"), "#/fleet")


def _shown_view(page: Page, view: str) -> float:
    page.evaluate("location.hash = '#/fleet'")
    page.wait_for_selector('main[data-shown="#/fleet"]')
    return _shown(page, lambda: page.evaluate("view => { location.hash = view }", f"#/{view}"), f"#/{view}")


def _shown(page: Page, go: Callable[[], object], address: str) -> float:
    """Returns how long it took until a view was drawn, in seconds."""
    page.evaluate("document.querySelector('main')?.removeAttribute('data-shown')")
    started = time.monotonic()
    go()
    page.wait_for_selector(f'main[data-shown="{address}"]')
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    return time.monotonic() - started


def _first_pipeline(page: Page) -> str | None:
    page.evaluate("location.hash = '#/pipelines'")
    page.wait_for_selector("main tbody a")
    return page.locator("main tbody a").first.get_attribute("href")


def _below(what: str, value: float, bound: float, unit: str) -> Aim:
    return Aim(what, f"{value:.2f} {unit}", f"under {bound:g} {unit}", value < bound)


def _line(aim: Aim) -> tuple[str, str, str, str]:
    return aim.what, aim.measured, aim.bound, {True: "yes", False: "no", None: ""}[aim.is_met]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
