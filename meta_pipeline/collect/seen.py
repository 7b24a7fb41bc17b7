"""Remembers which files of an inbox were read, without remembering each for ever.

Names begin with a time, but a file may arrive long after it: a pipeline sends from its spool when it runs again. So
files are grouped by the hour in their names. Of the last hours each file is remembered; of an older hour only a digest
of all its files: where that changes, the hour is read again, which merges into the same rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from meta_pipeline.collect.outcomes import digest_of

OPEN_HOURS = timedelta(hours=48)
NO_HOUR = ""
"""Stands for the hour of files that are not named after a time."""

_HOUR = re.compile(r"(\d{8}T\d{2})\d{4}\.\d{6}Z-")
_HOUR_FORMAT = "%Y%m%dT%H"
_MARK_CHARACTERS = 12


@dataclass(frozen=True)
class ListedFile:
    """A file as a listing tells of it.

    Args:
        name: Its name.
        size: Its size in bytes.
    """

    name: str
    size: int

    @property
    def hour(self) -> str:
        """Returns the hour in its name."""
        found = _HOUR.match(self.name)
        return found.group(1) if found else NO_HOUR

    @property
    def mark(self) -> str:
        """Returns what it is remembered by; another one where it has grown."""
        return digest_of([self.name, self.size])[:_MARK_CHARACTERS]


@dataclass(frozen=True)
class SeenFiles:
    """The files of an inbox that were read.

    Args:
        marks: By hour the marks of its files.
        digests: By hour, where it is older, the digest of its files.
    """

    marks: Mapping[str, frozenset[str]]
    digests: Mapping[str, str]

    def new_among(self, files: Iterable[ListedFile]) -> list[ListedFile]:
        """Returns the files that are to be read, in the order of their names.

        Args:
            files: All files of each hour of which there is one.
        """
        new = []
        for hour, listed in _by_hour(files).items():
            if hour in self.marks:
                new += [file for file in listed if file.mark not in self.marks[hour]]
            elif self.digests.get(hour) != _digest(file.mark for file in listed):
                new += listed
        return sorted(new, key=lambda file: file.name)

    def after(self, files: Sequence[ListedFile], unread: Collection[str], days: Collection[str] = ()) -> SeenFiles:
        """Returns what is to be remembered after a reading.

        Args:
            files: What was listed.
            unread: Names of files that could not be read after all.
            days: The days that were listed, as YYYYMMDD; none where everything was, so that other files are gone.
        """
        by_hour = {
            hour: frozenset(file.mark for file in listed if file.name not in unread)
            for hour, listed in _by_hour(files).items()
        }
        open_from = _open_from(by_hour)
        kept = (hour for hour in (*self.marks, *self.digests) if days and hour[:8] not in days)
        digests = {hour: self.digests.get(hour) or _digest(self.marks[hour]) for hour in kept}
        digests |= {hour: _digest(marks) for hour, marks in by_hour.items() if hour < open_from}
        return SeenFiles({hour: marks for hour, marks in by_hour.items() if hour >= open_from}, digests)

    def to_state(self) -> dict[str, Any]:
        """Returns a JSON object for dlt's state."""
        return {"marks": {hour: sorted(marks) for hour, marks in self.marks.items()}, "digests": dict(self.digests)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SeenFiles:
        """Returns what ``to_state`` made an object of."""
        marks = {hour: frozenset(found) for hour, found in state.get("marks", {}).items()}
        return cls(marks, state.get("digests", {}))

    @property
    def open_from(self) -> str | None:
        """Returns the first hour whose files are remembered one by one."""
        return min(self.marks, default=None)


def _by_hour(files: Iterable[ListedFile]) -> dict[str, list[ListedFile]]:
    by_hour: dict[str, list[ListedFile]] = defaultdict(list)
    for file in files:
        by_hour[file.hour].append(file)
    return by_hour


def _open_from(hours: Iterable[str]) -> str:
    newest = max(hours, default=NO_HOUR)
    try:
        return f"{datetime.strptime(newest, _HOUR_FORMAT) - OPEN_HOURS:{_HOUR_FORMAT}}"
    except (ValueError, OverflowError):
        return newest


def _digest(marks: Iterable[str]) -> str:
    return digest_of(sorted(marks))[:_MARK_CHARACTERS]
