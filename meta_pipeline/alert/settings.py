"""What ``[alert]`` says: where findings are told, and the rules of who is told what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from meta_pipeline.alert.findings import ALERT_TYPES, Finding
from meta_pipeline.config import environment_table, read_table, suggestion, unknown_keys
from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.severity import SEVERITIES, Severity, is_at_least

SECTION = "alert"
CHANNELS = "channels"
REMIND_AFTER_HOURS = 24
# What dlt calls its own setting, and what the channel is called that it makes.
DLT_HOOK = ("runtime", "slack_incoming_hook")
DLT_CHANNEL = "slack"


@dataclass(frozen=True)
class Rule:
    """Whom it concerns, by globs, and what it says of that.

    Args:
        pipelines: Globs of pipelines; None for all.
        destinations: Globs of destinations.
        datasets: Globs of datasets.
        tables: Globs of tables.
        types: Globs of types of findings.
        severities: Globs of severities, as they are in the mart.
        severity: How bad it is; None says nothing of it.
        owner: Who looks after it.
        channels: The channels that are told.
        mute: Whether nobody is told.
    """

    pipelines: tuple[str, ...] | None = None
    destinations: tuple[str, ...] | None = None
    datasets: tuple[str, ...] | None = None
    tables: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    severities: tuple[str, ...] | None = None
    severity: Severity | None = None
    owner: str | None = None
    channels: tuple[str, ...] | None = None
    mute: bool | None = None

    def concerns(self, finding: Finding) -> bool:
        """Tells whether all that it names fits a finding.

        Args:
            finding: The finding, as it is in the mart.
        """
        return (
            _fits(self.pipelines, finding.pipeline_name)
            and _fits(self.destinations, finding.destination_name)
            and _fits(self.datasets, finding.dataset_name)
            and _fits(self.tables, finding.table_name)
            and _fits(self.types, finding.alert_type)
            and _fits(self.severities, finding.severity)
        )

    def is_of(self, pipeline_name: str | None, destination_name: str, dataset_name: str) -> bool:
        """Tells whether it concerns a pipeline, rather than some of what is found of it.

        Args:
            pipeline_name: The pipeline.
            destination_name: Where it loads to.
            dataset_name: The dataset it loads to.
        """
        return (
            (self.tables, self.types, self.severities) == (None, None, None)
            and _fits(self.pipelines, pipeline_name)
            and _fits(self.destinations, destination_name)
            and _fits(self.datasets, dataset_name)
        )


def _fits(globs: tuple[str, ...] | None, name: str | None) -> bool:
    return globs is None or any(fnmatchcase(name or "", glob) for glob in globs)


@dataclass(frozen=True)
class Routed:
    """A finding and who is to be told.

    Args:
        finding: The finding, with severity and owner by the rules.
        channels: Names of the channels; none where it is told to nobody.
        is_muted: Whether a rule says that it does not count.
    """

    finding: Finding
    channels: tuple[str, ...]
    is_muted: bool = False


@dataclass(frozen=True)
class AlertSettings:
    """How findings are told.

    Args:
        channels: URL of each channel by its name; a URL is a secret.
        rules: The rules; for each thing that rules say, the first that fits and says it decides.
        at_least: How bad a finding must be to be told.
        remind_after: How long after it was told last it is told again; None for never.
        page_url: Where people look further.
        heartbeat_url: What is called after each complete run; a secret.
        problems: What is wrong with the settings without keeping the rest from being used.
    """

    channels: Mapping[str, str] = field(default_factory=dict, repr=False)
    rules: tuple[Rule, ...] = ()
    at_least: Severity = "warning"
    remind_after: timedelta | None = timedelta(hours=REMIND_AFTER_HOURS)
    page_url: str | None = None
    heartbeat_url: str | None = field(default=None, repr=False)
    problems: tuple[str, ...] = ()

    def owner_of(self, pipeline_name: str | None, destination_name: str, dataset_name: str) -> str | None:
        """Returns who looks after a pipeline: what the first rule says that fits whatever is found of it.

        Args:
            pipeline_name: The pipeline.
            destination_name: Where it loads to.
            dataset_name: The dataset it loads to.
        """
        fitting = [rule for rule in self.rules if rule.is_of(pipeline_name, destination_name, dataset_name)]
        owner: str | None = _first([rule.owner for rule in fitting], None)
        return owner

    def route(self, finding: Finding) -> Routed:
        """Returns a finding as the rules want it, and who is to be told.

        Args:
            finding: The finding, as it is in the mart.
        """
        fitting = [rule for rule in self.rules if rule.concerns(finding)]
        ruled = replace(
            finding,
            severity=_first([rule.severity for rule in fitting], finding.severity),
            owner=_first([rule.owner for rule in fitting], None),
        )
        is_muted = _first([rule.mute for rule in fitting], False)
        channels = _first([rule.channels for rule in fitting], tuple(self.channels))
        is_told = not is_muted and is_at_least(ruled.severity, self.at_least)
        return Routed(ruled, tuple(name for name in channels if name in self.channels) if is_told else (), is_muted)


_GLOB_KEYS = ("pipelines", "destinations", "datasets", "tables", "types", "severities")
_RULE_KEYS = tuple(rule_field.name for rule_field in fields(Rule))
_KEYS = (CHANNELS, "rules", "at_least", "remind_after_hours", "page_url", "heartbeat_url")


def read_alert_settings(folder: Path) -> AlertSettings:
    """Reads the settings of alerting, environment variables over secrets over config, without importing dlt.

    Args:
        folder: The working folder.

    Returns:
        The settings; keys that nothing reads are left out and named in ``problems``.

    Raises:
        ConfigurationError: A file is not TOML, or a value is of the wrong kind.
    """
    # What a job takes from a secret that is not set is empty.
    variables = {name: value for name, value in environment_table((SECTION,)).items() if value != ""}
    prefix = f"{CHANNELS}__"
    channels = {
        **read_table(folder, (SECTION, CHANNELS)),
        **_table(variables.get(CHANNELS, {}), "ALERT__CHANNELS"),
        **{name.removeprefix(prefix): url for name, url in variables.items() if name.startswith(prefix)},
    }
    ours = {**read_table(folder, (SECTION,)), **variables}
    raw = {key: value for key, value in ours.items() if not key.startswith(prefix)}
    hook = environment_table(DLT_HOOK[:1]).get(DLT_HOOK[1]) or read_table(folder, DLT_HOOK[:1]).get(DLT_HOOK[1])
    if hook and not channels:
        channels = {DLT_CHANNEL: hook}
    return parse_alert_settings({**raw, CHANNELS: channels})


def parse_alert_settings(raw: Mapping[str, Any]) -> AlertSettings:
    """Reads the settings of alerting and says what is wrong with them.

    Args:
        raw: The section ``[alert]`` as a mapping.

    Returns:
        The settings; keys that nothing reads are left out and named in ``problems``.

    Raises:
        ConfigurationError: A value is of the wrong kind.
    """
    problems = unknown_keys(raw, _KEYS, f"[{SECTION}]")
    channels = _table(raw.get(CHANNELS, {}), f"[{SECTION}.{CHANNELS}]")
    for name, url in channels.items():
        if not isinstance(url, str) or "://" not in url:
            raise ConfigurationError(
                f"Channel {name!r} in [{SECTION}.{CHANNELS}] must be the URL of a Slack webhook (https://...) or an "
                "Apprise URL (msteams://..., mailto://...)."
            )
    entries = raw.get("rules", [])
    if isinstance(entries, (str, Mapping)) or not isinstance(entries, Sequence):
        raise ConfigurationError(f"rules of [{SECTION}] must be tables: write [[{SECTION}.rules]] above each of them.")
    rules = []
    for number, entry in enumerate(entries, start=1):
        place = f"rule {number} of [{SECTION}]"
        table = _table(entry, place)
        problems += [*unknown_keys(table, _RULE_KEYS, place), *_misspelt(table, tuple(channels), place)]
        rules.append(_rule(table, place))
    return AlertSettings(
        channels=channels,
        rules=tuple(rules),
        at_least=_severity(raw, "at_least", f"[{SECTION}]") or "warning",
        remind_after=_hours(raw),
        page_url=_url(raw, "page_url"),
        heartbeat_url=_url(raw, "heartbeat_url"),
        problems=tuple(problems),
    )


def _rule(table: Mapping[str, Any], place: str) -> Rule:
    mute = table.get("mute")
    if mute is not None and not isinstance(mute, bool):
        raise ConfigurationError(f"mute of {place} must be true or false, not {mute!r}.")
    return Rule(
        **{key: _strings(table, key, place) for key in (*_GLOB_KEYS, CHANNELS)},
        severity=_severity(table, "severity", place),
        owner=_text(table, "owner", place),
        mute=mute,
    )


def _misspelt(table: Mapping[str, Any], channels: tuple[str, ...], place: str) -> list[str]:
    """Returns what a rule names that there is not, so that it would never do anything."""
    known = {"types": ALERT_TYPES, "severities": SEVERITIES, CHANNELS: channels}
    return [
        f"Nothing fits {'a URL' if '://' in name else repr(name)} in {key} of {place}; known: "
        f"{', '.join(words) or 'none'}.{suggestion(name, words)}"
        for key, words in known.items()
        for name in _strings(table, key, place) or ()
        if not any(word == name if key == CHANNELS else fnmatchcase(word, name) for word in words)
    ]


def _severity(table: Mapping[str, Any], key: str, place: str) -> Severity | None:
    value = table.get(key)
    if value is not None and value not in SEVERITIES:
        raise ConfigurationError(
            f"{key} of {place} is {value!r}; it is one of {', '.join(SEVERITIES)}.{suggestion(str(value), SEVERITIES)}"
        )
    return cast("Severity | None", value)


def _hours(raw: Mapping[str, Any]) -> timedelta | None:
    value = raw.get("remind_after_hours", REMIND_AFTER_HOURS)
    try:
        hours = float(value) if not isinstance(value, bool) else -1
    except (TypeError, ValueError):
        hours = -1
    if not 0 <= hours <= 24 * 366:
        raise ConfigurationError(
            f"remind_after_hours of [{SECTION}] must be a number of hours up to a year, not {value!r}; 0 never reminds."
        )
    return timedelta(hours=hours) if hours else None


def _url(raw: Mapping[str, Any], key: str) -> str | None:
    value = _text(raw, key, f"[{SECTION}]")
    if value is not None and not value.startswith(("http://", "https://")):
        # A heartbeat's URL is a secret.
        raise ConfigurationError(f"{key} of [{SECTION}] must begin with https:// or http://.")
    return value


# Of what is of the wrong kind nothing is quoted: it may be a URL, which is a secret.
def _strings(table: Mapping[str, Any], key: str, place: str) -> tuple[str, ...] | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f'{key} of {place} must be a list of strings, such as ["one", "two"].')
    return tuple(value)


def _text(table: Mapping[str, Any], key: str, place: str) -> str | None:
    value = table.get(key)
    if value is not None and not (isinstance(value, str) and value):
        raise ConfigurationError(f"{key} of {place} must be a text.")
    return value


def _table(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{place} must be a table, not {type(value).__name__}.")
    return dict(value)


def _first(said: Sequence[Any], otherwise: Any) -> Any:
    return next((value for value in said if value is not None), otherwise)
