"""Runs the benchmark and writes what came out into its README: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from shutil import rmtree

from benchmarks.fleet import Shape, this_hour
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.measure import CHECKOUT, ProgramFailedError, Series, Usage
from benchmarks.parts import FLEET, PARTS, Site, collect_counts
from benchmarks.results import Results, results_text, write_measured
from benchmarks.user_folder import Collected, read_collected
from benchmarks.warehouse import create_fleet, server_version

README = CHECKOUT / "benchmarks" / "README.md"
COUNTS = "counts"
NOT_DONE = 2


def main(arguments: Sequence[str]) -> int:
    """Measures and tells.

    Args:
        arguments: The command line.

    Returns:
        0, or 2 where a program failed.
    """
    options = _parser().parse_args(arguments)
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    shape = replace(FLEET, datasets=options.datasets, loads=options.loads, captured=options.captured)
    selected = options.only or [*PARTS, COUNTS]
    load = os.getloadavg()[0]
    try:
        with tempfile.TemporaryDirectory(prefix="meta-pipeline-bench-") as scratch, _server(options, scratch) as url:
            text = _measure(url, shape, selected, options.runs, Path(scratch))
            heading = _heading(url, shape, arguments, load)
    except ProgramFailedError as error:
        _tell(f"Not finished, nothing written: {error}")
        return NOT_DONE
    print(f"{heading}\n\n{text}")
    if shape == FLEET and not options.only:
        write_measured(README, f"{heading}\n\n{text}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each program (default: %(default)s)")
    parts = [*PARTS, COUNTS]
    parser.add_argument(
        "--only",
        type=lambda text: [_part(name, parts) for name in text.split(",")],
        metavar="PART,...",
        help=f"only these parts: {', '.join(parts)}; the README is left as it is",
    )
    parser.add_argument("--datasets", type=int, default=FLEET.datasets, help="a smaller fleet, to try something")
    parser.add_argument("--loads", type=int, default=FLEET.loads, help="fewer loads in each dataset")
    parser.add_argument("--captured", type=int, default=FLEET.captured, help="captured runs of each dataset")
    parser.add_argument("--server-url", help="a PostgreSQL server to use; databases `fleet` and `tenants` are replaced")
    return parser


def _part(name: str, parts: Sequence[str]) -> str:
    if name not in parts:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(parts)}")
    return name


@contextmanager
def _server(options: argparse.Namespace, scratch: str) -> Iterator[str]:
    if options.server_url:
        yield options.server_url
        return
    from meta_pipeline.demo.postgres import running  # noqa: PLC0415

    with running(Path(scratch) / "postgres") as server:
        yield server.url


def _measure(server_url: str, shape: Shape, selected: Sequence[str], runs: int, scratch: Path) -> str:
    started, ends_at = time.monotonic(), this_hour()
    _tell(f"Making {shape.datasets} datasets with {shape.loads:,} loads each ...")
    fleet_url = create_fleet(server_url, shape, ends_at)
    _tell(f"Made in {time.monotonic() - started:.0f} s.")
    usages: dict[str, list[Usage]] = {}
    collected: dict[str, Collected] = {}
    for run in range(1, runs + 1):
        with _round(fleet_url, shape, scratch) as site:
            for name in [name for name in PARTS if name in selected]:
                _note(PARTS[name](site), usages, f"run {run} of {runs}")
            if "collect" in selected:
                collected["fleet"] = read_collected(site.user_folder)
    if COUNTS in selected:
        _tell("Collecting fleets of other sizes ...")
        with _round(fleet_url, shape, scratch) as site:
            collected |= collect_counts(site, server_url, ends_at)
    return results_text(Results({name: Series(tuple(series)) for name, series in usages.items()}, collected))


@contextmanager
def _round(fleet_url: str, shape: Shape, scratch: Path) -> Iterator[Site]:
    """Gives the programs of a round a new folder, and removes it, with the gigabytes that are in it."""
    folder = scratch / "round"
    try:
        yield Site(fleet_url, shape, folder)
    finally:
        rmtree(folder, ignore_errors=True)


def _note(measured: Mapping[str, Usage], usages: dict[str, list[Usage]], run: str) -> None:
    for name, usage in measured.items():
        usages.setdefault(name, []).append(usage)
        _tell(f"{name}, {run}: {usage.wall_seconds:.2f} s, {usage.peak_bytes / 10**6:,.0f} MB")


def _heading(url: str, shape: Shape, arguments: Sequence[str], load: float) -> str:
    command = shlex.join(["python", "-m", "benchmarks", *_without_server(arguments)])
    return "\n\n".join(
        [
            f"`{command}` on {datetime.now(timezone.utc):%Y-%m-%d}: {describe_machine()}, "
            f"load average {load:.1f} before the start.",
            f"{describe_versions(server_version(url))}.",
            f"{shape.datasets:,} datasets x {shape.loads:,} loads, {shape.versions} schema versions each "
            f"({shape.tables} tables x {shape.columns} columns). Seconds are the median of all runs, the first one "
            "counted; memory is the highest peak.",
        ]
    )


def _without_server(arguments: Sequence[str]) -> list[str]:
    """Returns the command line without the server's address and password."""
    kept = list(arguments)
    if "--server-url" in kept:
        at = kept.index("--server-url")
        del kept[at : at + 2]
    return [argument for argument in kept if not argument.startswith("--server-url=")]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
