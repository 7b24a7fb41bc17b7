"""Running dbt in this process."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meta_pipeline.exceptions import TransformError


@dataclass(frozen=True)
class DbtPaths:
    """Where one kind of dbt run reads and writes.

    Args:
        project: The dbt project; it is only read.
        profiles: Folder of ``profiles.yml``.
        target: Folder for what dbt compiles and remembers of the project.
        logs: Folder for ``dbt.log``.
    """

    project: Path
    profiles: Path
    target: Path
    logs: Path

    @property
    def arguments(self) -> list[str]:
        """Returns them as dbt's command line has them."""
        return [
            *("--project-dir", str(self.project)),
            *("--profiles-dir", str(self.profiles)),
            *("--target-path", str(self.target)),
            *("--log-path", str(self.logs)),
        ]


_QUIET = (
    *("--log-level", "none"),
    *("--log-level-file", "info"),
    *("--target", "home"),
    "--no-print",
    "--no-use-colors",
    "--no-use-colors-file",
    "--no-send-anonymous-usage-stats",
    "--no-version-check",
)


def parse_project(options: Sequence[str], paths: DbtPaths, variables: Mapping[str, str]) -> Any:
    """Lets dbt parse a project, or remember what it parsed before.

    Args:
        options: Options of ``dbt parse``, such as ``["--no-partial-parse"]``.
        paths: Where it reads and writes.
        variables: Environment variables of the run.

    Returns:
        dbt's ``Manifest`` of the project, for ``run_dbt``.

    Raises:
        TransformError: dbt failed.
    """
    return _invoke(["parse", *options], paths, variables, None)


def run_dbt(command: Sequence[str], paths: DbtPaths, variables: Mapping[str, str], manifest: Any | None = None) -> int:
    """Runs a dbt command.

    Args:
        command: The command and its own options, such as ``["run", "--full-refresh"]``.
        paths: Where it reads and writes.
        variables: Environment variables of the run.
        manifest: The project, where it was parsed before, with the same options.

    Returns:
        The number of models, or tests, that it went through.

    Raises:
        TransformError: dbt failed; the text names the model and what the database said.
    """
    result = _invoke(command, paths, variables, manifest)
    results = getattr(result, "results", None) or []
    return sum(result.node.resource_type != "operation" for result in results)


def _invoke(command: Sequence[str], paths: DbtPaths, variables: Mapping[str, str], manifest: Any | None) -> Any:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    with _environment(variables), _working_folder(), _released_files():
        unwritten = () if "--write-json" in command else ("--no-write-json",)
        outcome = dbtRunner(manifest=manifest).invoke([*command, *paths.arguments, *_QUIET, *unwritten])
    log = paths.logs / "dbt.log"
    if isinstance(outcome.exception, KeyboardInterrupt):
        raise outcome.exception
    if outcome.exception is not None:
        raise TransformError(f"dbt failed: {_one_line(outcome.exception)} Details are in {log}.")
    failed = [result for result in getattr(outcome.result, "results", None) or [] if result.status in {"error", "fail"}]
    if failed:
        raise TransformError(_failure(failed, log))
    if not outcome.success:
        raise TransformError(f"dbt did not finish. Details are in {log}. Run `meta-pipeline transform` again.")
    return outcome.result


def _failure(failed: Sequence[Any], log: Path) -> str:
    first = failed[0]
    others = f" {len(failed) - 1} more failed." if len(failed) > 1 else ""
    return (
        f"The model '{first.node.name}' could not be built: {_one_line(first.message)}{others} "
        f"It is as it was before. Details are in {log}. Once the cause is gone, run `meta-pipeline transform` again."
    )


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Hides the user's own dbt settings, and sets ours."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith("DBT_") or name in variables}
    for name in hidden:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
        os.environ.update(hidden)


@contextmanager
def _working_folder() -> Iterator[None]:
    before = Path.cwd()
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _released_files() -> Iterator[None]:
    """Lets go of the DuckDB file, which stays locked as long as dbt keeps it open, and of dbt's log."""
    try:
        yield
    finally:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

        manager: Any = DuckDBConnectionManager
        environment = manager._ENV
        manager.close_all_connections()
        if environment is not None:
            environment.close()
        for handler in logging.getLogger("file_log").handlers:
            handler.close()
