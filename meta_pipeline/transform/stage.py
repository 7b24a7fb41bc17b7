"""The transform stage."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType

from meta_pipeline.exceptions import ConfigurationError, TransformError
from meta_pipeline.home import Home, open_home
from meta_pipeline.home.embedded import unopened
from meta_pipeline.transform import clock
from meta_pipeline.transform.profile import home_profile
from meta_pipeline.transform.project import project_fingerprint, project_folder
from meta_pipeline.transform.runner import DbtPaths, run_dbt

FINGERPRINT_VARIABLE = "META_PIPELINE_PROJECT_FINGERPRINT"
PARSED_FILE = "parsed_project"
"""Holds the fingerprint of the project that dbt parsed last, beside what dbt remembers of it."""


@dataclass(frozen=True)
class TransformResult:
    """What a transform did.

    Args:
        models: How many models were built.
        seconds: How long it took.
        full_refresh: Whether everything was rebuilt, rather than only what changed.
        as_of: The past moment that the marts show now; nothing where it is the present.
    """

    models: int
    seconds: float
    full_refresh: bool
    as_of: datetime | None


def transform(
    home: Home,
    *,
    as_of: datetime | None = None,
    expected_within_hours: Mapping[str, float] = MappingProxyType({}),
    governance: Mapping[str, object] = MappingProxyType({}),
) -> TransformResult:
    """Builds the marts.

    Args:
        home: Where the observability dataset lives.
        as_of: A past moment: the marts as they would have been then. The next transform without it shows the present
            again. A time without a time zone is taken for UTC.
        expected_within_hours: Within how many hours pipelines have to load, by glob of their names; the others are
            expected when their history says.
        governance: What ``[governance]`` says, by variable of the dbt project.

    Raises:
        ConfigurationError: ``as_of`` is not in the past, or dbt cannot use the home's credentials.
        HomeError: The home cannot be opened, or nothing was collected yet.
        TransformError: dbt could not build a model.
    """
    started = time.monotonic()
    moment = _past_moment(as_of)
    profile = home_profile(home)
    folder = project_folder()
    with open_home(home, writing=True) as session:
        clock.require_raw_dataset(session, home)
        fingerprint = project_fingerprint(folder, session.database)
        full_refresh = moment is not None or not _can_continue(clock.read_clock(session), fingerprint)
        if full_refresh:
            clock.forget_clock(session)
    work = home.work_folder / "dbt"
    profile.write(work)
    # dbt parses everything anew when variables change, so the past has a memory of its own.
    target = work / ("target_as_of" if moment else "target")
    paths = DbtPaths(project=folder, profiles=work, target=target, logs=work / "logs")
    given = dict(governance)
    if expected_within_hours:
        given["expected_within_hours"] = dict(expected_within_hours)
    if moment is not None:
        given["as_of"] = moment.isoformat()
    variables = {**profile.variables, FINGERPRINT_VARIABLE: fingerprint}
    parsed = target / PARSED_FILE
    remembers = parsed.is_file() and parsed.read_text(encoding="utf-8") == fingerprint
    try:
        models = run_dbt(_command(full_refresh, remembers, given), paths, variables)
    except TransformError as error:
        # Somebody may have opened the file between our look at it and dbt's.
        if "Could not set lock" in str(error):
            raise unopened(home, str(error)) from error
        raise
    parsed.write_text(fingerprint, encoding="utf-8")
    return TransformResult(models, time.monotonic() - started, full_refresh, moment)


def _past_moment(as_of: datetime | None) -> datetime | None:
    if as_of is None:
        return None
    moment = as_of.replace(tzinfo=timezone.utc) if as_of.tzinfo is None else as_of.astimezone(timezone.utc)
    now = datetime.now(timezone.utc)
    if moment >= now:
        raise ConfigurationError(
            f"--as-of {moment.isoformat()} is not in the past (it is {now.isoformat(timespec='seconds')} now). "
            "Name a past moment, or leave --as-of out for the present."
        )
    return moment


def _can_continue(last: clock.Clock | None, fingerprint: str) -> bool:
    return last is not None and not last.is_past and last.project_fingerprint == fingerprint


def _command(full_refresh: bool, remembers: bool, given: Mapping[str, object]) -> list[str]:
    variables = ["--vars", json.dumps(given)] if given else []
    # Views stay as they are as long as the project does.
    selection = ["--full-refresh"] if full_refresh else ["--exclude", "config.materialized:view"]
    # What dbt remembers of another version of the project is not to be trusted.
    parsing = [] if remembers else ["--no-partial-parse"]
    return ["run", *selection, *parsing, *variables]
