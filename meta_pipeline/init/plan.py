"""What `meta-pipeline init` is asked to write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from meta_pipeline.config import suggestion
from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import EMBEDDED, HOME_DESTINATION, SERVERS
from meta_pipeline.init.kinds import KINDS
from meta_pipeline.placeholders import variable_of

Oidc = Literal["bigquery", "snowflake"]

DEFAULT_CRON = "17 * * * *"
"""Hourly, off the full hour, at which GitHub's schedules are late or dropped."""

_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
_CRON_FIELD = re.compile(r"[0-9*/,\-]+")


@dataclass(frozen=True)
class Section:
    """A section of dlt's configuration.

    Args:
        name: Name of the destination.
        destination_type: dlt's type of it.
        settings: Values for `config.toml`, by their key; a dot leads into a table.
        secrets: Values for `secrets.toml`, likewise.
    """

    name: str
    destination_type: str
    settings: Mapping[str, str]
    secrets: Mapping[str, str]

    @property
    def variables(self) -> list[str]:
        """Returns the environment variables of its secrets."""
        return [variable_of(self.name, tuple(key.split("."))) for key in self.secrets]


@dataclass(frozen=True)
class Plan:
    """What to write.

    Args:
        destinations: dlt's type of each destination, by its name.
        home: dlt's type of the warehouse that holds the observability dataset.
        cron: When the workflow runs; None where no workflow is wanted.
        oidc: Type of the destinations to which the workflow proves who it is without a secret; None for none.
    """

    destinations: Mapping[str, str]
    home: str = EMBEDDED
    cron: str | None = DEFAULT_CRON
    oidc: Oidc | None = None

    @property
    def is_embedded(self) -> bool:
        """Tells whether the observability dataset lives in a file beside the configuration."""
        return self.home == EMBEDDED

    @property
    def sections(self) -> list[Section]:
        """Returns the sections of all destinations, and of the home where it is a server."""
        named = [*self.destinations.items(), *([] if self.is_embedded else [(HOME_DESTINATION, self.home)])]
        return [_section(name, kind, self.oidc) for name, kind in named]

    @property
    def extras(self) -> list[str]:
        """Returns the extras of the package that it needs."""
        extras = {KINDS[section.destination_type].extra for section in self.sections}
        return sorted(extra for extra in extras if extra)


def make_plan(destinations: Iterable[str], home: str, cron: str | None, oidc: Oidc | None) -> Plan:
    """Returns a plan of what was asked for.

    Args:
        destinations: Each as ``name=type``.
        home: dlt's type of the home.
        cron: When the workflow runs; None for no workflow.
        oidc: Type of the destinations that need no secret in the workflow.

    Raises:
        ConfigurationError: Something of it cannot be meant; the text says what may be.
    """
    named = parse_destinations(destinations)
    if not named:
        raise ConfigurationError(
            "No destination to observe. Name at least one, for example: "
            "meta-pipeline init --destination finance_pg=postgres"
        )
    plan = Plan(named, parse_home(home), None if cron is None else parse_cron(cron), oidc)
    if oidc and oidc not in {section.destination_type for section in plan.sections}:
        raise ConfigurationError(f"--oidc {oidc}: neither a destination nor the home is of that type. Leave it out.")
    return plan


def parse_destinations(texts: Iterable[str]) -> dict[str, str]:
    """Reads destinations as somebody wrote them.

    Args:
        texts: Each as ``name=type``.

    Returns:
        dlt's type of each, by its name.

    Raises:
        ConfigurationError: One is not of that form, is of a type that is not there, or has the name of another.
    """
    named: dict[str, str] = {}
    for text in texts:
        name, kind = _parse_destination(text)
        if name in named:
            raise ConfigurationError(f"Destination {name!r} is named twice. Give each a name of its own.")
        named[name] = kind
    return named


def _parse_destination(text: str) -> tuple[str, str]:
    name, equals, kind = (part.strip() for part in text.partition("="))
    if not equals or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{text!r} is not a destination. Write its name, an equals sign and its type: finance_pg=postgres. "
            "A name has letters, digits and single underscores"
        )
    if name.lower() == HOME_DESTINATION:
        raise ConfigurationError(f"{name!r} is the name of the home, where the marts live. Choose another one.")
    if kind not in KINDS:
        raise ConfigurationError(_unknown_type(kind, KINDS))
    return name, kind


def parse_home(kind: str) -> str:
    """Reads the type of the home.

    Args:
        kind: The type, as somebody wrote it.

    Raises:
        ConfigurationError: The marts cannot live there.
    """
    if kind not in (EMBEDDED, *SERVERS):
        raise ConfigurationError(_unknown_type(kind, (EMBEDDED, *SERVERS)))
    return kind


def parse_cron(text: str) -> str:
    """Reads when the workflow runs.

    Args:
        text: Five fields, in UTC.

    Raises:
        ConfigurationError: It has not five fields of digits and signs.
    """
    parts = text.split()
    if len(parts) != 5 or not all(_CRON_FIELD.fullmatch(part) for part in parts):
        raise ConfigurationError(f"{text!r} is not a schedule. Write five fields of cron, in UTC: '{DEFAULT_CRON}'")
    return " ".join(parts)


def by_table(values: Mapping[str, str]) -> Iterator[tuple[str, Sequence[tuple[str, str]]]]:
    """Groups values by the table that they stand in.

    Args:
        values: Values by key; a dot leads into a table.

    Yields:
        The table's key, empty for the section itself, and its keys and values.
    """
    tables: dict[str, list[tuple[str, str]]] = {"": []}
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        tables.setdefault(table, []).append((name, value))
    yield from tables.items()


def _section(name: str, kind: str, oidc: Oidc | None) -> Section:
    known = KINDS[kind]
    if kind == oidc and known.secretless:
        return Section(name, kind, known.secretless.settings, known.secretless.secrets)
    return Section(name, kind, known.settings, known.secrets)


def _unknown_type(kind: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"There is no type {kind!r}; it is one of: {', '.join(names)}.{suggestion(kind, names)}"
