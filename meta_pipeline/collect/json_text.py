"""Takes JSON apart without building what is known already.

A schema version repeats almost all of the version before it, and comparing text costs a small part of parsing it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

_DECODER = json.JSONDecoder()
_OPENING = re.compile(r"\s*\{\s*")
_COLON = re.compile(r"\s*:\s*")
_COMMA_OR_CLOSING = re.compile(r"\s*([,}])\s*")


class Member(NamedTuple):
    """A member of a JSON object.

    Args:
        name: Its name.
        value: The text of its value.
        text: Its whole text, from the quote that begins its name to the end of its value.
    """

    name: str
    value: str
    text: str


def scan_object(text: str, start: int, read_value: Callable[[str, int], int]) -> int:
    """Goes through the members of a JSON object.

    Args:
        text: The text that the object stands in.
        start: Where it begins.
        read_value: Is given each member's name and where its value begins, and returns where the value ends.

    Returns:
        Where the object ends.

    Raises:
        ValueError: The text is not JSON, or there is no object at this place.
    """

    def read_member(position: int) -> int:
        name, value_start = _name(text, position)
        return read_value(name, value_start)

    return _scan(text, start, read_member)


def read_members(text: str, start: int, before: Sequence[Member]) -> tuple[list[Member], int]:
    """Returns the members of a JSON object whose values are objects, and where it ends.

    Args:
        text: The text that the object stands in.
        start: Where it begins.
        before: Members of a similar object. Where the text of one stands again, it is not looked into: an object ends
            with its own brace, so that a text which begins with all of it holds just that object at this place.

    Raises:
        ValueError: The text is not JSON, or there is no object at this place.
    """
    members: list[Member] = []
    places = {member.name: place for place, member in enumerate(before)}
    upcoming = 0

    def read_member(position: int) -> int:
        nonlocal upcoming
        if upcoming < len(before) and text.startswith(before[upcoming].text, position):
            member = before[upcoming]
        else:
            name, value_start = _name(text, position)
            upcoming = places.get(name, upcoming)
            end = end_of_value(text, value_start)
            member = Member(name, text[value_start:end], text[position:end])
        upcoming += 1
        members.append(member)
        return position + len(member.text)

    return members, _scan(text, start, read_member)


def value_at(text: str, start: int) -> tuple[Any, int]:
    """Returns a JSON value, and where it ends.

    Args:
        text: The text that the value stands in.
        start: Where it begins.

    Raises:
        ValueError: There is no JSON value.
    """
    return _DECODER.raw_decode(text, start)


def end_of_value(text: str, start: int) -> int:
    """Returns where a JSON value ends.

    Args:
        text: The text that the value stands in.
        start: Where it begins.

    Raises:
        ValueError: There is no JSON value.
    """
    return value_at(text, start)[1]


def _scan(text: str, start: int, read_member: Callable[[int], int]) -> int:
    position = _end_of(_OPENING, text, start)
    if text.startswith("}", position):
        return position + 1
    while True:
        position = read_member(position)
        # As dlt writes it, without spaces; anything else takes a little longer.
        if text.startswith(',"', position):
            position += 1
            continue
        separator = _COMMA_OR_CLOSING.match(text, position)
        if separator is None:
            raise ValueError(f"a comma or a closing brace is expected at {position}")
        if separator.group(1) == "}":
            return separator.end(1)
        position = separator.end()


def _name(text: str, start: int) -> tuple[str, int]:
    """Returns the name of a member, and where its value begins."""
    name, end = _DECODER.raw_decode(text, start)
    if not isinstance(name, str):
        raise ValueError(f"a name is expected at {start}")
    return name, _end_of(_COLON, text, end)


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    if found is None:
        raise ValueError(f"{pattern.pattern} is expected at {position}")
    return found.end()
