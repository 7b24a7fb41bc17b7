"""Makes the environment of what tests run beside ours: ``python tests/stand_ins/install.py snowflake``.

Where no fitting Python is found it says so and leaves the environment out; the tests that need it are skipped then.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parents[1]
# Minor versions of Python 3 that there are wheels for of all that is pinned.
_MINORS = {
    "snowflake": range(11, 15),
    "bigquery": range(13, 15),
    "metricflow": range(11, 14),
    "superset": range(11, 13),
}
_PROBE = "import ensurepip, sys, venv; print(sys.version_info[0], sys.version_info[1])"


def main(name: str) -> None:
    """Makes the environment, or says why not."""
    minors = _MINORS[name]
    python = next((found for found in _pythons(minors) if _runs(found, minors)), None)
    if python is None:
        sys.stderr.write(
            f"The tests on {name} are left out: it needs Python 3.{minors[0]} to 3.{minors[-1]} for an environment of "
            f"its own, and none was found, neither as python3.{minors[0]} and so on in PATH nor with pyenv. Install "
            f"one, then run: make .venv-{name}/.installed\n"
        )
        return
    folder = _CHECKOUT / f".venv-{name}"
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    # Everything is pinned, so nothing is resolved: local-bigquery names a DuckDB for which no DuckLake can be had.
    pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--requirement", _HERE / f"{name}.txt"], check=True)
    (folder / ".installed").touch()


def _pythons(minors: range) -> Iterator[str]:
    yield sys.executable
    for minor in minors:
        if found := shutil.which(f"python3.{minor}"):
            yield found
        if shutil.which("pyenv"):
            prefix = subprocess.run(["pyenv", "prefix", f"3.{minor}"], capture_output=True, text=True, check=False)
            if prefix.returncode == 0:
                yield f"{prefix.stdout.strip()}/bin/python"


def _runs(python: str, minors: range) -> bool:
    """Tells whether it starts, as pyenv's shims may not, and is of a fitting version."""
    try:
        probe = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, check=False)
    except OSError:
        return False
    if probe.returncode != 0:
        return False
    major, minor = map(int, probe.stdout.split())
    return major == 3 and minor in minors


if __name__ == "__main__":
    main(sys.argv[1])
