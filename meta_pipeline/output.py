"""How commands print: data to standard output, tables only on a terminal, progress to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

STATUS_STYLES = {
    "unreachable": "bold red",
    "failing": "bold red",
    "stalled": "yellow",
    "late": "yellow",
    "partial": "yellow",
    "anomalous": "yellow",
    "new": "cyan",
    "healthy": "green",
    "retired": "dim",
}


def print_json(value: Any) -> None:
    """Prints a value as JSON; dataclasses become objects, time stamps ISO 8601."""
    click.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False, default=str))


def is_terminal() -> bool:
    """Tells whether standard output is a terminal, where a person reads it."""
    return sys.stdout.isatty()


def print_rows(columns: Mapping[str, int | None], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows: a table on a terminal, else tab-separated lines under a header.

    Args:
        columns: Title of each column and its width on a terminal; None takes what is left.
        rows: The cells.
    """
    if not is_terminal():
        for row in (list(columns), *rows):
            click.echo("\t".join(_one_line(cell) for cell in row))
        return
    from rich.console import Console  # noqa: PLC0415

    Console().print(table_of(columns, rows))


def table_of(columns: Mapping[str, int | None], rows: Sequence[Sequence[str]]) -> Table:
    """Returns rows as a table for a terminal.

    Args:
        columns: Title of each column and its width; None takes what is left.
        rows: The cells.
    """
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for title, width in columns.items():
        table.add_column(title, max_width=width, ratio=None if width else 1, overflow="fold")
    for row in rows:
        # Names come from warehouses: as Text, markup in them stays text.
        table.add_row(*(Text(printable(cell), style=STATUS_STYLES.get(cell, "")) for cell in row))
    return table


def print_title(title: str, status: str, rest: str) -> None:
    """Prints a heading on a terminal.

    Args:
        title: What it is about.
        status: A status to be coloured; may be empty.
        rest: What follows.
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    parts = ((title, "bold"), (status, STATUS_STYLES.get(status, "")), (rest, ""))
    Console().print(Text("\n").append(Text("  ").join(Text(printable(part), style) for part, style in parts if part)))


def print_facts(facts: Sequence[tuple[str, str, str]], width: int = 12) -> None:
    """Prints facts below each other on a terminal.

    Args:
        facts: Each with its name, its value, and a remark that may be empty.
        width: How wide the names are.
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(width=width)
    table.add_column(ratio=1, overflow="fold")
    for name, value, remark in facts:
        shown = Text(printable(value)).append(f"  {printable(remark)}" if remark else "", style="dim")
        table.add_row(Text(printable(name), style=STATUS_STYLES.get(name, "dim")), shown)
    Console().print(table)


def note(message: str) -> None:
    """Prints a line of progress to standard error."""
    click.echo(printable(message), err=True)


def warn(message: str) -> None:
    """Prints a problem to standard error, in yellow on a terminal."""
    click.secho(printable(message), err=True, fg="yellow")


def counted(number: int, noun: str) -> str:
    """Returns a number of things: `1 dataset`, `2 datasets`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Returns how long ago a moment was, in words.

    Args:
        moment: The moment.
        now: The moment to count from; by default the present.
    """
    if moment is None:
        return "never"
    return f"{span((now or datetime.now(timezone.utc)) - moment)} ago"


def span(length: timedelta) -> str:
    """Returns a length of time in its two largest units."""
    seconds = max(int(length.total_seconds()), 0)
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    parts = [
        f"{value} {unit}" for value, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")) if value
    ]
    return " ".join(parts[:2]) or "0 s"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def printable(text: str) -> str:
    """Returns the text without control characters, which a name could use to steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else _stand_in(char) for char in text)


def _stand_in(char: str) -> str:
    return " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"


def _one_line(text: str) -> str:
    return " ".join(printable(text.replace("\t", " ")).split("\n"))
