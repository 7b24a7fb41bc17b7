"""The machine and the versions that a measurement ran with."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("meta-pipeline", "dlt", "duckdb", "dbt-core", "dbt-duckdb", "pyarrow", "SQLAlchemy", "psycopg2-binary")
GIBIBYTE = 2**30


def describe_machine() -> str:
    """Returns processor, cores, memory and system, without the machine's name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIBIBYTE
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()}"


def describe_versions(postgres: str) -> str:
    """Returns the versions of what was measured and of what it stands on.

    Args:
        postgres: Version of the PostgreSQL server.
    """
    packages = [f"{package} {version(package)}" for package in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *packages, f"PostgreSQL {postgres}"])


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text(encoding="utf-8") if information.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1) if found else platform.processor() or platform.machine()
