"""Asks on a terminal what `meta-pipeline init` was not told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import EMBEDDED, SERVERS
from meta_pipeline.init.kinds import KINDS
from meta_pipeline.init.plan import DEFAULT_CRON, parse_cron, parse_destinations, parse_home

Answer = TypeVar("Answer")


def ask_destinations() -> list[str]:
    """Asks for destinations until there are no more.

    Returns:
        Each as ``name=type``.
    """
    click.echo(f"Which destinations of dlt shall be observed? Types: {', '.join(KINDS)}.", err=True)
    found: list[str] = []
    while True:
        more = "Another one (Enter alone goes on)" if found else "A destination, as name=type"
        text = click.prompt(more, default="", show_default=False, err=True)
        if not text and found:
            return found
        try:
            parse_destinations([*found, text])
        except ConfigurationError as error:
            click.echo(error, err=True)
            continue
        found.append(text)


def ask_home() -> str:
    """Asks where the marts shall live."""
    types = ", ".join((EMBEDDED, *SERVERS))
    return _ask(f"Where shall the marts live? {EMBEDDED} is a file in this folder ({types})", EMBEDDED, parse_home)


def ask_schedule() -> str | None:
    """Asks when the workflow shall run; None for no workflow."""
    if not click.confirm("Shall a workflow on GitHub Actions run it?", default=True, err=True):
        return None
    return _ask("When, as five fields of cron in UTC", DEFAULT_CRON, parse_cron)


def _ask(question: str, default: str, parse: Callable[[str], Answer]) -> Answer:
    while True:
        try:
            return parse(click.prompt(question, default=default, err=True))
        except ConfigurationError as error:
            click.echo(error, err=True)
