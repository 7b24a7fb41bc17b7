"""What the analysis of a dbt project's columns takes, beside dbt-colibri: `make bench-lineage` writes docs/lineage.md.

Each figure is of a process of its own, and the programs take turns. The manifest is made here and is nobody's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.dbt_manifest import add_tests, make_catalog, make_manifest
from benchmarks.machine import describe_machine
from benchmarks.measure import CHECKOUT, Series, Usage, measure
from benchmarks.results import GIGABYTE, MEGABYTE, Verdict, aims_table, markdown_table, write_measured

PAGE = CHECKOUT / "docs" / "lineage.md"
PEER_PYTHON = CHECKOUT / ".venv-colibri" / "bin" / "python"
RUNS = 5
AIM = 0.6

COUNTED = ("models", "columns", "edges", "row_edges")
STATES = {"first": "first", "unchanged": "nothing changed", "changed": "one model changed"}


@dataclass(frozen=True)
class Shape:
    """The size of a project.

    Args:
        models: How many models.
        columns: How many columns each of them has.
    """

    models: int
    columns: int


MEDIUM, LARGE = Shape(500, 36), Shape(5_000, 40)
VAST_BYTES = 200 * MEGABYTE


@dataclass(frozen=True)
class Compared:
    """Two programs on one project.

    Args:
        ours: Runs of our analysis.
        peer: Runs of dbt-colibri.
        found: What each of them found, by ``COUNTED``.
        peer_versions: Version of dbt-colibri, and of sqlglot beside it.
    """

    ours: Series
    peer: Series
    found: tuple[Mapping[str, int], Mapping[str, int]]
    peer_versions: tuple[str, str]


@dataclass(frozen=True)
class Repeated:
    """A large project, analysed again and again.

    Args:
        usage: What the whole process took.
        states: Seconds and analysed models by ``STATES``.
    """

    usage: Usage
    states: Mapping[str, Mapping[str, float]]


def main(arguments: Sequence[str]) -> int:
    """Measures, prints tables, and writes them into the page where nothing was left out.

    Args:
        arguments: The command line.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lineage", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each program (default: %(default)s)")
    parser.add_argument("--peer", type=Path, default=PEER_PYTHON, help="Python beside dbt-colibri (default: its own)")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="meta-pipeline-bench-") as scratch:
        compared = _compare(MEDIUM, options.runs, options.peer, Path(scratch) / "medium")
        repeated = _repeat(LARGE, Path(scratch) / "large")
        vast = _read_vast(MEDIUM, Path(scratch) / "vast")
    text = f"{_heading(load, options.runs, compared)}\n\n{results_text(compared, repeated, vast)}"
    print(text)
    if options.runs >= RUNS:
        write_measured(PAGE, text)
    return 0


def results_text(compared: Compared, repeated: Repeated, vast: Usage) -> str:
    """Returns what came out as tables in Markdown.

    Args:
        compared: Both programs.
        repeated: The large project.
        vast: What the manifest of ``VAST_BYTES`` took.
    """
    programs = zip(
        ("**meta-pipeline's analysis**", f"dbt-colibri {compared.peer_versions[0]}"),
        (compared.ours, compared.peer),
        compared.found,
        strict=True,
    )
    header = ("Program", "seconds", "all runs", "peak MB", *(name.replace("_", " ") for name in COUNTED))
    rows = [(name, *_figures(series), *(f"{found[key]:,}" for key in COUNTED)) for name, series, found in programs]
    again = [
        (f"{LARGE.models:,} models, {title}", f"{state['seconds']:.1f}", f"{state['models']:,.0f}")
        for state, title in ((repeated.states[name], title) for name, title in STATES.items())
    ]
    title = f"a manifest of {VAST_BYTES / MEGABYTE:.0f} MB, mostly tests, read and analysed"
    again.append((title, f"{vast.wall_seconds:.1f}", f"{MEDIUM.models:,}"))
    return "\n\n".join(
        [
            markdown_table(header, rows),
            markdown_table(("meta-pipeline's analysis", "seconds", "models analysed"), again),
            aims_table(_verdicts(compared, repeated, vast)),
        ]
    )


def _figures(series: Series) -> tuple[str, str, str]:
    runs = ", ".join(f"{run.wall_seconds:.2f}" for run in series.runs)
    return f"{series.wall_seconds:.2f}", runs, f"{series.peak_bytes / MEGABYTE:,.0f}"


def _verdicts(compared: Compared, repeated: Repeated, vast: Usage) -> list[Verdict]:
    ratio = compared.ours.wall_seconds / compared.peer.wall_seconds
    peaks = compared.ours.peak_bytes, repeated.usage.peak_bytes, vast.peak_bytes
    analysed = repeated.states["changed"]["models"]
    return [
        Verdict(f"At most {AIM} of dbt-colibri's time on the same manifest", f"{ratio:.2f}", ratio <= AIM),
        Verdict(
            f"Under 1 GB of memory, with {MEDIUM.models:,} and {LARGE.models:,} models, and with "
            f"{VAST_BYTES / MEGABYTE:.0f} MB",
            ", ".join(f"{peak / MEGABYTE:,.0f} MB" for peak in peaks),
            max(peaks) < GIGABYTE,
        ),
        Verdict("Of one changed model, whose columns stay, no other is analysed", f"{analysed:.0f}", analysed == 1),
    ]


def _heading(load: float, runs: int, compared: Compared) -> str:
    ours = f"sqlglot {version('sqlglot')} here, {compared.peer_versions[1]} beside dbt-colibri"
    return (
        f"`make bench-lineage` on {datetime.now(timezone.utc):%Y-%m-%d}: {describe_machine()}, load average {load:.1f} "
        f"before the start; {ours}. Medians of {runs} runs, whole processes that take turns; memory is the highest "
        "peak."
    )


def _compare(shape: Shape, runs: int, peer_python: Path, folder: Path) -> Compared:
    project = _write_project(shape, folder / "project")
    commands = {
        "ours": _own_program("lineage_analysis", project),
        "peer": [str(peer_python), str(CHECKOUT / "benchmarks/programs/lineage_colibri.py"), str(project)],
    }
    usages: dict[str, list[Usage]] = {name: [] for name in commands}
    found = {}
    for _ in range(runs):
        for name, command in commands.items():
            usage, found[name] = _measured(command, folder / name)
            usages[name].append(usage)
    series = [Series(usages[name]) for name in commands]
    return Compared(*series, (found["ours"], found["peer"]), _versions(peer_python))


def _repeat(shape: Shape, folder: Path) -> Repeated:
    project = _write_project(shape, folder / "project")
    return Repeated(*_measured(_own_program("lineage_again", project), folder / "again"))


def _read_vast(shape: Shape, folder: Path) -> Usage:
    folder.mkdir(parents=True)
    manifest = make_manifest(shape.models, shape.columns)
    add_tests(manifest, VAST_BYTES)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    usage, found = _measured(_own_program("lineage_analysis", folder), folder / "run")
    assert found["models"] == shape.models
    return usage


def _write_project(shape: Shape, folder: Path) -> Path:
    folder.mkdir(parents=True)
    manifest = make_manifest(shape.models, shape.columns)
    for name, content in {
        "manifest": manifest,
        "changed": make_manifest(shape.models, shape.columns, changed=shape.models // 5),
        "catalog": make_catalog(manifest, shape.columns),
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def _own_program(name: str, project: Path) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.programs.{name}", str(project)]


def _measured(command: Sequence[str], folder: Path) -> tuple[Usage, Any]:
    """Returns what a program took, and what it wrote down."""
    result = folder / "result.json"
    usage = measure([*command, str(result)], folder)
    return usage, json.loads(result.read_text(encoding="utf-8"))


def _versions(python: Path) -> tuple[str, str]:
    script = "from importlib.metadata import version; print(version('dbt-colibri'), version('sqlglot'))"
    told = subprocess.run([str(python), "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    peer, sqlglot = told.stdout.split()
    return peer, sqlglot


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
