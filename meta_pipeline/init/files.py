"""Writes the files of a plan, and never over one that is there."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from meta_pipeline import __version__
from meta_pipeline.config import HOME_FILE
from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.init.plan import Plan, by_table
from meta_pipeline.settings_files import CONFIG_FILE, SECRETS_FILE

WORKFLOW_FILE = Path(".github") / "workflows" / "observe.yml"
IGNORE_FILE = Path(".gitignore")
REPOSITORY = "https://github.com/meta-pipeline/meta-pipeline"

IGNORED = ("secrets.toml", ".meta_pipeline/", "*.duckdb", "*.duckdb.wal", "*.duckdb.lock")
"""What git shall not see."""

Action = Literal["written", "left", "completed"]


@dataclass(frozen=True)
class FileResult:
    """What became of a file.

    Args:
        path: The file, from the working folder.
        action: Whether it was written, was there and is left as it was, or got lines that were missing.
        lines: The lines that it got.
    """

    path: str
    action: Action
    lines: Sequence[str] = ()


def write_files(folder: Path, plan: Plan) -> list[FileResult]:
    """Writes the files of a plan.

    Args:
        folder: The working folder.
        plan: What to write.

    Returns:
        What became of each file.

    Raises:
        ConfigurationError: A file cannot be written; those before it are.
    """
    texts = {CONFIG_FILE: _render("config.toml", plan=plan), SECRETS_FILE: _render("secrets.toml", plan=plan)}
    if plan.cron is not None:
        texts[WORKFLOW_FILE] = workflow_of(plan)
    # Git must not see the secrets for a moment, so what it ignores comes first.
    ignored = _complete_ignored(folder)
    return [
        ignored,
        *(_write_new(folder, path, text, 0o600 if path == SECRETS_FILE else 0o644) for path, text in texts.items()),
    ]


def workflow_of(plan: Plan) -> str:
    """Returns the workflow that runs a plan on GitHub Actions.

    Args:
        plan: The plan.
    """
    source = f"git+{REPOSITORY}@v{__version__}"
    # The page is switched on by a variable, so what makes it has to be there.
    extras = ",".join(sorted({*plan.extras, "report"}))
    names = [variable for section in plan.sections for variable in section.variables]
    tokens = [section.name for section in plan.sections if section.destination_type == plan.oidc == "snowflake"]
    return render_workflow(
        cron=plan.cron,
        secrets=[(name, name) for name in names],
        variables=[],
        install=[f'"meta-pipeline[{extras}] @ {source}"', f'"meta-pipeline-capture @ {source}#subdirectory=capture"'],
        program="meta-pipeline",
        is_embedded=plan.is_embedded,
        oidc=plan.oidc,
        tokens=[f"DESTINATION__{name.upper()}__CREDENTIALS__TOKEN" for name in tokens],
    )


def own_workflow() -> str:
    """Returns the workflow of this repository, which runs what is checked out."""
    return render_workflow(
        cron="17 * * * *",
        secrets=[("DESTINATION__WAREHOUSE__CREDENTIALS", "META_PIPELINE_CREDENTIALS")],
        variables=[
            ("SOURCES__DLT_METADATA__DESTINATIONS", "'[\"warehouse\"]'"),
            ("DESTINATION__WAREHOUSE__DESTINATION_TYPE", "${{ vars.META_PIPELINE_DESTINATION_TYPE || 'postgres' }}"),
        ],
        install=[],
        program=".venv/bin/meta-pipeline",
        is_embedded=True,
        oidc=None,
        tokens=[],
    )


def render_workflow(**values: Any) -> str:
    """Returns the workflow of the one template that there is.

    Args:
        values: What differs.
    """
    return _render("observe.yml", home_file=HOME_FILE, **values)


def _render(name: str, **values: Any) -> str:
    # GitHub and TOML have the usual marks for themselves.
    environment = Environment(
        loader=PackageLoader("meta_pipeline.init"),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
    )
    environment.filters["quoted"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.get_template(f"{name}.jinja").render(by_table=by_table, **values)


def _write_new(folder: Path, path: Path, text: str, mode: int) -> FileResult:
    file = folder / path
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritten(path, error) from None
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return FileResult(path.as_posix(), "left")
    except OSError as error:
        raise _unwritten(path, error) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    return FileResult(path.as_posix(), "written")


def _complete_ignored(folder: Path) -> FileResult:
    """Adds what is missing: a secret in git's history is worse than a line that its owner did not write."""
    file = folder / IGNORE_FILE
    if not file.exists():
        return _write_new(folder, IGNORE_FILE, "".join(f"{line}\n" for line in IGNORED), 0o644)
    try:
        before = file.read_text(encoding="utf-8")
        known = {line.strip() for line in before.splitlines()}
        missing = [line for line in IGNORED if line not in known]
        if not missing:
            return FileResult(str(IGNORE_FILE), "left")
        end = "" if not before or before.endswith("\n") else "\n"
        with file.open("a", encoding="utf-8") as stream:
            stream.write(end + "\n# meta-pipeline\n" + "".join(f"{line}\n" for line in missing))
    except (OSError, UnicodeDecodeError) as error:
        raise _unwritten(IGNORE_FILE, error) from None
    return FileResult(str(IGNORE_FILE), "completed", missing)


def _unwritten(path: Path, error: Exception) -> ConfigurationError:
    reason = getattr(error, "strerror", None) or "it is not UTF-8"
    return ConfigurationError(f"{path.as_posix()} could not be written: {reason}. Mend that and run init again")
