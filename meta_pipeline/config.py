"""What the configuration says: which destinations are observed and where the observability dataset lives.

The configuration is dlt's own: environment variables, ``.dlt/secrets.toml``, ``.dlt/config.toml``, in that order.
dlt resolves credentials; here is only what must be known before dlt is imported, and what dlt lets pass unseen: keys
that no one reads.
"""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import EMBEDDED, HOME_DESTINATION, SERVERS, Home
from meta_pipeline.settings_files import CONFIG_FILE, SECRETS_FILE, read_toml

SECTION = ("sources", "dlt_metadata")
LINEAGE_SECTION = ("lineage",)
REPORT_SECTION = ("report",)
TRANSFORM_SECTION = ("transform",)
EXPECTED_WITHIN = "expected_within_hours"
WORK_FOLDER = ".meta_pipeline"
HOME_FILE = "meta_pipeline.duckdb"

RowCounts = Literal["metadata", "scan"]
ROW_COUNTS: tuple[RowCounts, ...] = ("metadata", "scan")
TIMEOUT_SECONDS = 3_600


@dataclass(frozen=True)
class DestinationSettings:
    """How one destination is observed.

    Args:
        name: Name of the dlt destination.
        datasets: Globs of the datasets to read.
        exclude_datasets: Globs of datasets to leave out all the same.
        row_counts: ``metadata`` never reads user tables, ``scan`` counts the rows of new loads in them.
        timeout_seconds: How long one reading of it may take.
        maximum_bytes_billed: How many bytes one reading of it may be billed for; None where there is no such bound.
    """

    name: str
    datasets: tuple[str, ...] = ("*",)
    exclude_datasets: tuple[str, ...] = ()
    row_counts: RowCounts = "metadata"
    timeout_seconds: int = TIMEOUT_SECONDS
    maximum_bytes_billed: int | None = None


@dataclass(frozen=True)
class Settings:
    """What ``[sources.dlt_metadata]`` says.

    Args:
        destinations: The destinations to observe.
        schema_exports: Folders of exported schemas.
        inbox: Folder or URL where captured runs arrive; None where there is none.
        pipelines_dirs: dlt's working folders on this machine whose last traces are read.
        dbt_artifacts: Folders or URLs with the artifacts of dbt projects.
        dbt_meta_keys: Keys of dbt's `meta` that are kept beside the usual ones.
        problems: What is wrong with the settings without keeping the rest from being used.
    """

    destinations: tuple[DestinationSettings, ...]
    schema_exports: tuple[str, ...] = ()
    inbox: str | None = None
    pipelines_dirs: tuple[str, ...] = ()
    dbt_artifacts: tuple[str, ...] = ()
    dbt_meta_keys: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportSettings:
    """What ``[report]`` says.

    Args:
        out: Folder of the page; None where ``run`` writes none.
        with_details: Whether the page shows governance and the words of errors too.
    """

    out: Path | None = None
    with_details: bool = False


_DESTINATION_KEYS = tuple(field.name for field in fields(DestinationSettings))
_LIMIT_KEYS = ("timeout_seconds", "maximum_bytes_billed")
_DEFAULT_KEYS = tuple(key for key in _DESTINATION_KEYS if key not in ("name", *_LIMIT_KEYS))
_PLACE_KEYS = ("schema_exports", "inbox", "pipelines_dirs", "dbt_artifacts")
SOURCE_KEYS = ("destinations", *_DEFAULT_KEYS, *_PLACE_KEYS, "dbt_meta_keys")
# dlt itself reads the credentials of the inbox and of dbt's artifacts in the section filesystem.
_RESERVED_KEYS = ("filesystem",)
_KEYS = (*SOURCE_KEYS, *_RESERVED_KEYS)


def parse_settings(raw: Mapping[str, Any]) -> Settings:
    """Reads the settings of the source and says what is wrong with them.

    Args:
        raw: The section as a mapping; destinations are names or tables with a ``name``.

    Returns:
        The settings; keys that nothing reads are left out and named in ``problems``.

    Raises:
        ConfigurationError: No destination is named, or a value is of the wrong kind.
    """
    problems = unknown_keys(raw, _KEYS, "[sources.dlt_metadata]")
    defaults = {key: raw[key] for key in _DEFAULT_KEYS if key in raw}
    entries = raw.get("destinations")
    if not entries and not any(raw.get(key) for key in _PLACE_KEYS):
        raise ConfigurationError(
            "No destination to observe. In a new folder, meta-pipeline init asks for them; else name the dlt "
            "destinations in .dlt/config.toml, for example:\n"
            '  [sources.dlt_metadata]\n  destinations = ["finance_pg"]\n'
            '  [destination.finance_pg]\n  destination_type = "postgres"'
        )
    if isinstance(entries, (str, Mapping)) or not isinstance(entries or (), Iterable):
        raise ConfigurationError(f"destinations must be a list of names, not {entries!r}: destinations = [{entries!r}]")
    destinations = []
    for entry in entries or ():
        table = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
            raise ConfigurationError(f"An entry of destinations is a name or a table with a name, not {entry!r}.")
        problems += unknown_keys(table, _DESTINATION_KEYS, f"destination {table['name']!r}")
        destinations.append(_destination({**defaults, **table}))
    return Settings(
        _distinct(destinations),
        _strings(raw, "schema_exports", ()),
        _text(raw, "inbox"),
        _strings(raw, "pipelines_dirs", ()),
        _strings(raw, "dbt_artifacts", ()),
        _strings(raw, "dbt_meta_keys", ()),
        tuple(problems),
    )


def _destination(table: Mapping[str, Any]) -> DestinationSettings:
    row_counts = table.get("row_counts", "metadata")
    if row_counts not in ROW_COUNTS:
        raise ConfigurationError(
            f"row_counts of destination {table['name']!r} is {row_counts!r}; it is one of "
            f"{', '.join(ROW_COUNTS)}.{suggestion(str(row_counts), ROW_COUNTS)}"
        )
    return DestinationSettings(
        name=table["name"],
        datasets=_strings(table, "datasets", ("*",)),
        exclude_datasets=_strings(table, "exclude_datasets", ()),
        row_counts=cast(RowCounts, row_counts),
        timeout_seconds=_positive(table, "timeout_seconds") or TIMEOUT_SECONDS,
        maximum_bytes_billed=_positive(table, "maximum_bytes_billed"),
    )


def _positive(table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value <= 0):
        raise ConfigurationError(
            f"{key} of destination {table['name']!r} must be a whole number above 0, not {value!r}."
        )
    return value


def _distinct(destinations: list[DestinationSettings]) -> tuple[DestinationSettings, ...]:
    by_name = {destination.name: destination for destination in destinations}
    if len(by_name) < len(destinations):
        names = [destination.name for destination in destinations]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ConfigurationError(f"Named twice in destinations: {', '.join(twice)}. Keep one entry of each.")
    return tuple(destinations)


def _strings(table: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = table.get(key)
    if value is None:
        return default
    is_list = isinstance(value, Iterable) and not isinstance(value, (str, Mapping))
    if not is_list or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"{key} must be a list of strings, not {value!r}.")
    return tuple(value)


def _text(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not (isinstance(value, str) and value):
        raise ConfigurationError(f"{key} must be a text, not {value!r}.")
    return value


def unknown_keys(table: Mapping[str, Any], known: Iterable[str], place: str) -> list[str]:
    """Returns what to say of keys that nothing reads.

    Args:
        table: The table.
        known: The keys that are read.
        place: What to call the table.
    """
    return [
        f"Unknown key {key!r} in {place}: nothing reads it.{suggestion(key, known)}"
        for key in table
        if key.split("__")[0] not in set(known)
    ]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Returns a sentence that names the known word that was probably meant; nothing where none is near.

    Args:
        word: The word as written.
        known: The known ones.
    """
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def read_settings(folder: Path) -> dict[str, Any]:
    """Reads what ``[sources.dlt_metadata]`` says, environment variables over the files, without importing dlt.

    Args:
        folder: The working folder.

    Returns:
        The section as a mapping, for :func:`parse_settings`.

    Raises:
        ConfigurationError: A file is not TOML, a variable that must be a list is not JSON, or the section is misspelt.
    """
    settings = read_section(folder, SECTION)
    misspelt = difflib.get_close_matches(SECTION[-1], read_table(folder, SECTION[:-1]), n=1)
    if misspelt and not settings:
        raise ConfigurationError(f"Nothing reads [sources.{misspelt[0]}]. Did you mean [{'.'.join(SECTION)}]?")
    return settings


def read_section(folder: Path, path: tuple[str, ...]) -> dict[str, Any]:
    """Reads a section of the configuration, environment variables over secrets over config.

    Args:
        folder: The working folder.
        path: The section's path, for example ``("sources", "dlt_metadata")``.

    Raises:
        ConfigurationError: A file is not TOML, or a variable that must be a list or a table is not JSON.
    """
    return {**read_table(folder, path), **environment_table(path)}


def environment_table(path: tuple[str, ...]) -> dict[str, Any]:
    """Reads a table of the configuration from environment variables; keys of tables in it are joined by ``__``.

    Args:
        path: The table's path, for example ``("sources", "dlt_metadata")``.

    Raises:
        ConfigurationError: A variable that must be a list or a table is not JSON.
    """
    prefix = "__".join((*path, "")).upper()
    return {
        name.removeprefix(prefix).lower(): _environment_value(name, value)
        for name, value in sorted(os.environ.items())
        if name.startswith(prefix)
    }


def _environment_value(name: str, value: str) -> Any:
    if not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ConfigurationError(f'{name} is not JSON. Write lists as ["one", "two"].') from None


def read_expected_within_hours(folder: Path) -> dict[str, float]:
    """Reads within how many hours pipelines have to load, whatever their history says.

    Args:
        folder: The working folder.

    Returns:
        ``expected_within_hours`` of ``[transform]``: hours by glob of pipeline names; empty where none are set.

    Raises:
        ConfigurationError: A file is not TOML, or the setting is no table of hours by glob.
    """
    table = read_section(folder, TRANSFORM_SECTION)
    if unknown := unknown_keys(table, (EXPECTED_WITHIN,), "[transform]"):
        raise ConfigurationError(unknown[0])
    hours = table.get(EXPECTED_WITHIN, {})
    if not isinstance(hours, Mapping) or not all(_is_positive_number(value) for value in hours.values()):
        raise ConfigurationError(
            f"{EXPECTED_WITHIN} in [transform] must be a table of hours above 0 by pipeline, not {hours!r}: "
            f'{EXPECTED_WITHIN} = {{ "crm_*" = 6 }}'
        )
    return {glob: float(value) for glob, value in hours.items()}


def _is_positive_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def read_report_settings(folder: Path) -> ReportSettings:
    """Reads where the page is written, and what it shows.

    Args:
        folder: The working folder.

    Raises:
        ConfigurationError: A file is not TOML, or the section has a key that nothing reads or a value of another kind.
    """
    table = read_section(folder, REPORT_SECTION)
    if unknown := unknown_keys(table, [field.name for field in fields(ReportSettings)], "[report]"):
        raise ConfigurationError(unknown[0])
    out, with_details = _text(table, "out"), table.get("with_details", False)
    if isinstance(with_details, str) and with_details.lower() in ("true", "false"):
        with_details = with_details.lower() == "true"
    if not isinstance(with_details, bool):
        raise ConfigurationError(f"with_details in [report] must be true or false, not {with_details!r}.")
    return ReportSettings(None if out is None else Path(out), with_details)


def minimum_lineage_coverage(folder: Path) -> float | None:
    """Returns the least share of a dbt project's models whose columns shall all be known.

    Args:
        folder: The working folder.

    Returns:
        ``minimum_coverage`` in ``[lineage]``, from 0 to 1; None where it is not set.

    Raises:
        ConfigurationError: It is no such number, or the section has a key that nothing reads.
    """
    table = read_section(folder, LINEAGE_SECTION)
    unknown = unknown_keys(table, ("minimum_coverage",), "[lineage]")
    if unknown:
        raise ConfigurationError(" ".join(unknown))
    value = table.get("minimum_coverage")
    if value is None:
        return None
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = -1
    if not 0 <= share <= 1:
        raise ConfigurationError(f"minimum_coverage in [lineage] must be a number from 0 to 1, not {value!r}.")
    return share


def destination_hint(name: str, folder: Path) -> str:
    """Says what to do about a destination that is named but not configured.

    Args:
        name: The name as written.
        folder: The working folder, whose configuration is searched for near names.

    Returns:
        One or two sentences.
    """
    configured = list(read_table(folder, ("destination",)))
    known = ", ".join(sorted(configured)) or "none"
    return f"Configured in .dlt/config.toml: {known}.{suggestion(name, configured)}"


def read_table(folder: Path, path: tuple[str, ...]) -> dict[str, Any]:
    """Reads a table of the configuration files, secrets over config.

    Args:
        folder: The working folder.
        path: The table's path, for example ``("sources", "dlt_metadata")``.

    Returns:
        The merged table as plain Python values; empty where there is none.

    Raises:
        ConfigurationError: A file is not TOML.
    """
    merged: dict[str, Any] = {}
    for file in (CONFIG_FILE, SECRETS_FILE):
        table: Any = read_toml(folder / file)
        for part in path:
            table = table.get(part, {}) if isinstance(table, Mapping) else {}
        if isinstance(table, Mapping):
            merged.update(table)
    return merged


def find_home(folder: Path) -> Home:
    """Finds where the observability dataset lives, without importing dlt.

    Args:
        folder: The working folder.

    Returns:
        The home: the warehouse named in ``[destination.observability]``, else ``meta_pipeline.duckdb`` in the folder.

    Raises:
        ConfigurationError: The configuration is not TOML, or names a home that is not supported.
    """
    table = read_table(folder, ("destination", HOME_DESTINATION))
    table |= environment_table(("destination", HOME_DESTINATION))
    destination_type = str(table.get("destination_type", EMBEDDED)).rsplit(".", maxsplit=1)[-1]
    work_folder = folder.absolute() / WORK_FOLDER
    if destination_type in SERVERS:
        return Home(destination_type, f"[destination.{HOME_DESTINATION}] ({destination_type})", work_folder)
    if destination_type != EMBEDDED:
        raise ConfigurationError(
            f"[destination.{HOME_DESTINATION}] has destination_type {destination_type!r}; the observability dataset "
            f"lives on one of: {', '.join((EMBEDDED, *SERVERS))}."
            f"{suggestion(destination_type, (EMBEDDED, *SERVERS))}"
        )
    credentials = table.get("credentials__database") or table.get("credentials")
    if isinstance(credentials, Mapping):
        credentials = credentials.get("database")
    path = str(credentials or HOME_FILE).removeprefix("duckdb:///")
    if path.startswith((":", "md:", "motherduck:")):
        raise ConfigurationError(
            f"The credentials in [destination.{HOME_DESTINATION}] must be the path of a DuckDB file. What is in "
            "memory would be gone when the command ends, and MotherDuck is not supported yet."
        )
    return Home(EMBEDDED, str((folder / path).absolute()), work_folder)
