"""The transform stage."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any

from meta_pipeline.exceptions import ConfigurationError, HomeError, TransformError
from meta_pipeline.home import RAW_DATASET, Home, Session, open_home
from meta_pipeline.home.embedded import unopened
from meta_pipeline.transform import clock
from meta_pipeline.transform.profile import home_profile
from meta_pipeline.transform.project import project_fingerprint, project_folder
from meta_pipeline.transform.runner import DbtPaths, parse_project, run_dbt
from meta_pipeline.transform.selection import Project, plan, read_project, rest, tables

FINGERPRINT_VARIABLE = "META_PIPELINE_PROJECT_FINGERPRINT"
SETTINGS_VARIABLE = "META_PIPELINE_SETTINGS_FINGERPRINT"
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


@dataclass(frozen=True)
class _Dbt:
    """dbt, with the project that it parsed.

    Args:
        paths: Where it reads and writes.
        variables: Environment variables.
        options: Options of all its commands.
        manifest: The project.
    """

    paths: DbtPaths
    variables: Mapping[str, str]
    options: Sequence[str]
    manifest: Any

    def run(self, *options: str) -> int:
        """Builds models, and returns how many."""
        return run_dbt(["run", *options, *self.options], self.paths, self.variables, self.manifest)

    def run_only(self, models: Sequence[str]) -> int:
        """Builds some models, and returns how many."""
        return self.run("--select", *models) if models else 0

    def run_all(self) -> int:
        """Builds all models but views, which stay as they are as long as the project does, and returns how many."""
        return self.run("--exclude", "config.materialized:view")


@dataclass(frozen=True)
class _Look:
    """What the home says before anything is built.

    Args:
        changed: Raw tables with rows that were collected since the last finished transform.
        last_collected_at: Start of the last collection that is finished.
    """

    changed: frozenset[str]
    last_collected_at: datetime | None


def transform(
    home: Home,
    *,
    as_of: datetime | None = None,
    expected_within_hours: Mapping[str, float] = MappingProxyType({}),
    governance: Mapping[str, object] = MappingProxyType({}),
) -> TransformResult:
    """Builds the marts: those that something changed for, where they can be continued.

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
    work = home.work_folder / "dbt"
    profile.write(work)
    # dbt parses everything anew when variables change, so the past has a memory of its own.
    target = work / ("target_as_of" if moment else "target")
    paths = DbtPaths(project=folder, profiles=work, target=target, logs=work / "logs")
    # in the order of the configuration, for the first glob that matches a name counts
    given = json.dumps(_given(governance, expected_within_hours, moment))
    settings = hashlib.sha256(given.encode()).hexdigest()
    with open_home(home, writing=True) as session:
        clock.require_raw_dataset(session, home)
        fingerprint = project_fingerprint(folder, session.database)
        variables = {**profile.variables, FINGERPRINT_VARIABLE: fingerprint, SETTINGS_VARIABLE: settings}
        dbt = _parse(paths, variables, given)
        project = read_project(dbt.manifest)
        last = None if moment else _continued(session, project, fingerprint)
        look = _look(session, project, last, settings)
    try:
        if last is None:
            models = dbt.run("--full-refresh")
        elif look is None:
            models = dbt.run_all()
        else:
            models = _build_changed(home, dbt, project, last, look)
    except TransformError as error:
        # Somebody may have opened the file between our look at it and dbt's.
        if "Could not set lock" in str(error):
            raise unopened(home, str(error)) from error
        raise
    return TransformResult(models, time.monotonic() - started, last is None, moment)


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


def _given(
    governance: Mapping[str, object], expected_within_hours: Mapping[str, float], moment: datetime | None
) -> dict[str, object]:
    """Returns the variables of the dbt project that are not as they are by default."""
    given = dict(governance)
    if expected_within_hours:
        given["expected_within_hours"] = dict(expected_within_hours)
    if moment is not None:
        given["as_of"] = moment.isoformat()
    return given


def _parse(paths: DbtPaths, variables: Mapping[str, str], given: str) -> _Dbt:
    options = ["--vars", given]
    parsed = paths.target / PARSED_FILE
    fingerprint = variables[FINGERPRINT_VARIABLE]
    # What dbt remembers of another version of the project is not to be trusted.
    remembers = parsed.is_file() and parsed.read_text(encoding="utf-8") == fingerprint
    manifest = parse_project([*options, *([] if remembers else ["--no-partial-parse"])], paths, variables)
    parsed.write_text(fingerprint, encoding="utf-8")
    return _Dbt(paths, variables, options, manifest)


def _continued(session: Session, project: Project, fingerprint: str) -> clock.Clock | None:
    """Returns what the last transform left, or None where marts must be built as a whole."""
    last = clock.read_clock(session, fingerprint)
    # A table that somebody dropped cannot be continued.
    is_whole = last and clock.are_there(session, _places(project, tables(project, project.models)).values())
    return last if is_whole else None


def _look(session: Session, project: Project, last: clock.Clock | None, settings: str) -> _Look | None:
    """Returns what changed, or None where every model is built: what is forgotten here cannot be taken for finished."""
    if last is None:
        clock.forget_clock(session)
        return None
    if last.settings_fingerprint != settings:
        clock.forget_settings(session)
        return None
    raw = {name: (RAW_DATASET, name) for name in project.sources}
    try:
        # What is collected after this, by a pipeline that waits for no turn, is seen by comparing it afterwards.
        last_collected_at = clock.last_collected_at(session)
        return _Look(clock.changed_since(session, raw, "collected_at", last.read_up_to), last_collected_at)
    except HomeError:
        # A raw table is missing: dbt says which model needs it, and builds the others.
        return None


def _build_changed(home: Home, dbt: _Dbt, project: Project, last: clock.Clock, look: _Look) -> int:
    made = plan(project, look.changed)
    try:
        models = dbt.run_only(tables(project, made.first))
    except TransformError:
        # What does not depend on the one that fails is built all the same.
        return dbt.run_all()
    with open_home(home) as session:
        is_still = clock.last_collected_at(session) == look.last_collected_at
        moved = clock.changed_since(session, _places(project, made.asked), "built_at", last.built_at)
    return models + (dbt.run_only(tables(project, rest(project, made, moved))) if is_still else dbt.run_all())


def _places(project: Project, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    return {name: (project.models[name].dataset, project.models[name].table) for name in names}
