"""Runs pipeline scripts as they are, each in a process of its own, with the plugin installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fixtures.command import environment

PIPELINES = Path(__file__).with_name("pipelines")
# What the machine that runs the tests tells about itself.
ORCHESTRATORS = ("GITHUB_", "GITLAB_", "CI_", "AIRFLOW_", "KUBE", "AWS_", "META_PIPELINE_")


@dataclass(frozen=True)
class Site:
    """Where scripts run.

    Args:
        folder: Their working folder.
    """

    folder: Path

    @property
    def inbox(self) -> Path:
        """Returns the inbox that they are given."""
        return self.folder / "inbox"

    @property
    def spooled(self) -> list[Path]:
        """Returns the files that wait."""
        return sorted((self.folder / "dlt" / "meta_pipeline_spool").glob("*/*"))

    def run(self, script: str, inbox: str | None = "inbox", **variables: str) -> int:
        """Runs a script to its end and returns its exit code."""
        with (self.folder / "output.log").open("ab") as log:
            return self.start(script, inbox, log.fileno(), **variables).wait(180)

    def start(
        self, script: str, inbox: str | None = "inbox", output: int = subprocess.DEVNULL, **variables: str
    ) -> subprocess.Popen[bytes]:
        """Starts a script."""
        kept = {name: value for name, value in environment().items() if not name.startswith(ORCHESTRATORS)}
        given = {} if inbox is None else {"META_PIPELINE_INBOX": inbox}
        own = {"DLT_DATA_DIR": str(self.folder / "dlt"), "HOME": str(self.folder)}
        return subprocess.Popen(
            [sys.executable, PIPELINES / f"{script}.py"],
            cwd=self.folder,
            env={**kept, **own, **given, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def events(self) -> list[dict[str, Any]]:
        """Returns what is in the inbox, in the order of names."""
        return read_events(sorted(self.inbox.iterdir()) if self.inbox.exists() else [])


def read_events(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Reads events."""
    return [json.loads(file.read_bytes()) for file in files]


def told(events: Sequence[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """Returns step, event and outcome of each."""
    return [(event["step"], event["event"], event["outcome"]) for event in events]
