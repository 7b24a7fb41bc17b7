from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest
from rich.cells import cell_len

from meta_pipeline import output

STYLE = re.compile("\x1b\\[[0-9;]*m")
NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(columns: dict[str, int | None], rows: Sequence[Sequence[str]], width: int) -> str:
    """Returns what a terminal of a width gets to see."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(Terminal()) as stream:
        for name, value in {"COLUMNS": str(width), "NO_COLOR": "1", "TERM": "xterm"}.items():
            patch.setenv(name, value)
        output.print_rows(columns, rows)
    return stream.getvalue()


@dataclass(frozen=True)
class Thing:
    name: str
    at: datetime | None
    parts: Sequence[Thing] = ()


def test_dataclasses_and_time_stamps_become_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"things": (Thing("Größe", NOON, [Thing("part", None)]),)})

    assert json.loads(capsys.readouterr().out) == {
        "things": [
            {
                "name": "Größe",
                "at": "2026-01-01T12:00:00+00:00",
                "parts": [{"name": "part", "at": None, "parts": []}],
            }
        ]
    }


def test_json_is_not_made_of_raw_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"name": "a\x1b[31m\tb"})

    assert "\x1b" not in capsys.readouterr().out


def test_away_from_a_terminal_rows_are_lines_of_cells_between_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_rows({"Name": 5, "Note": None}, [("a", "one\ttwo\nthree\r\x1b[2J"), ("x" * 500, "")])

    lines = capsys.readouterr().out.split("\n")

    assert lines[0] == "Name\tNote"
    assert lines[1].count("\t") == 1
    assert lines[1].startswith("a\tone two three")
    assert "\x1b" not in lines[1]
    assert lines[2] == "x" * 500 + "\t"
    assert lines[3:] == [""]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_table_fits_its_terminal_and_loses_nothing(width: int) -> None:
    name = "".join(chr(ord("a") + number % 26) for number in range(300))

    rows = [(name, "why it is so"), ("漢字のデータセット名", "東京")]
    lines = STYLE.sub("", on_a_terminal({"Name": 12, "Note": None}, rows, width)).splitlines()

    assert max(cell_len(line) for line in lines) <= width
    first_column = "".join(line.split("  ")[0].strip() for line in lines)
    assert name in first_column


def test_names_cannot_steer_the_terminal() -> None:
    rows = [("\x1b]0;title\x07\x1b[31mred",), ("[bold]not markup[/bold]",), ("\u202eback",)]

    shown = on_a_terminal({"Name": None}, rows, 80)

    assert "\x07" not in shown
    assert "\x1b]0;" not in shown
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown
    assert "[bold]not markup[/bold]" in shown


def test_a_space_of_any_kind_is_shown_as_one() -> None:
    assert on_a_terminal({"Name": None}, [("no\u00a0break\ttab\u3000wide",)], 80).count("no break tab wide") == 1


def test_notes_go_to_standard_error_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.note("collected \x1b[31mcrm\nnext line")
    output.warn("Problem: \x07")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b[31m" not in captured.err
    assert "\x07" not in captured.err
    assert captured.err.count("\n") == 3, "a line break that the program put there stays"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_661, "1 h 1 min"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert output.span(timedelta(seconds=seconds)) == words


def test_how_long_ago_a_moment_was() -> None:
    assert output.ago(None) == "never"
    assert output.ago(NOON, NOON + timedelta(hours=2)) == "2 h ago"
