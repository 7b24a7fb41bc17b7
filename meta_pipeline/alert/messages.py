"""From notices to messages: one for each cause, in plain words of bounded length."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from meta_pipeline.alert.findings import STATUS_TYPES, Finding
from meta_pipeline.alert.lifecycle import Notice, NoticeKind
from meta_pipeline.severity import SEVERITIES, Severity

MOST_MESSAGES = 10
"""How many messages a channel gets at once; where there would be more, several causes share one."""
CAUSES_A_MESSAGE = 15
NAME_LENGTH = 100
SUMMARY_LENGTH = 400
LINES_A_CAUSE = 8
NAMES_A_LINE = 5
URL_LENGTH = 500

Mood = Literal["critical", "warning", "info", "over"]

_TITLES: Mapping[str, str] = {
    "late": "Late",
    "failing": "Failing",
    "stalled": "Stalled",
    "partial": "Loaded in part",
    "unreachable": "Not readable",
    "volume": "Unusual volume",
    "schema_change": "Schema changed",
    "orphaned_load": "Orphaned load",
    "stuck_cursor": "Cursor stuck",
    "regressed_cursor": "Cursor went back",
}
_KINDS: tuple[NoticeKind, ...] = ("new", "again", "still", "missed", "over")
# Names that wake everybody up where a program looks for them in plain text.
_CALLS = re.compile(r"@(?=\w|&)")


@dataclass(frozen=True)
class Section:
    """What a message says of one cause.

    Args:
        mood: How bad it is, or that it is over.
        title: What happened to whom.
        lines: What is said of it.
        facts: Where, since when, who looks after it.
        run_url: Page of the run; None where none is known.
        notices: What it tells.
    """

    mood: Mood
    title: str
    lines: tuple[str, ...]
    facts: str
    run_url: str | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class Message:
    """A message for a channel.

    Args:
        title: Its first line.
        sections: What it says, one section for each cause.
    """

    title: str
    sections: tuple[Section, ...]

    @property
    def mood(self) -> Mood:
        """Returns how bad the worst of its causes is."""
        return max((section.mood for section in self.sections), key=_badness)

    @property
    def notices(self) -> list[Notice]:
        """Returns all that it tells."""
        return [notice for section in self.sections for notice in section.notices]


def messages_of(notices: Sequence[Notice], states: Mapping[str, str]) -> list[Message]:
    """Returns the messages that tell some notices.

    Args:
        notices: What a channel is to be told.
        states: How each pipeline is by now, by its key.

    Returns:
        A message for each cause, the worst first; reminders share one.
    """
    news = _by_cause(notice for notice in notices if notice.kind != "still")
    sections = sorted((_section(group, states) for group in news), key=lambda item: (-_badness(item.mood), item.title))
    reminders = [_section(group, states) for group in _by_cause(notice for notice in notices if notice.kind == "still")]
    if len(sections) <= MOST_MESSAGES:
        told = [Message(section.title, (section,)) for section in sections]
    else:
        told = [Message(_count(part, "to look at"), part) for part in _parts(sections)]
    return told + [Message(_count(part, "still open"), part) for part in _parts(reminders)]


def plain(text: str, length: int) -> str:
    """Returns a text that says what it says and does nothing: one line, no control characters, of bounded length.

    Args:
        text: The text, which may come from anybody.
        length: How many characters it may have.
    """
    visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 4 * length])
    line = " ".join(visible.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def uncalling(text: str) -> str:
    """Returns a text in which no name calls anybody.

    Args:
        text: The text.
    """
    return _CALLS.sub("@\N{ZERO WIDTH SPACE}", text)


def web_address(url: str | None) -> str | None:
    """Returns a URL that can be a link; None where it is none, or could end the link early.

    Args:
        url: The URL, which may come from anybody.
    """
    if not url or len(url) > URL_LENGTH or not re.fullmatch(r"https?://[^\s<>|\"'`\\^{}\x00-\x20\x7f-\xa0]+", url):
        return None
    return url if plain(url, URL_LENGTH) == url else None


def _by_cause(notices: Iterable[Notice]) -> list[list[Notice]]:
    groups: dict[str, list[Notice]] = {}
    for notice in notices:
        groups.setdefault(notice.finding.cause_key, []).append(notice)
    return [sorted(group, key=_importance) for group in groups.values()]


def _importance(notice: Notice) -> tuple[int, int, str]:
    rank = SEVERITIES.index(notice.finding.severity)
    return _KINDS.index(notice.kind), -rank, notice.finding.subject


def _section(notices: Sequence[Notice], states: Mapping[str, str]) -> Section:
    first = notices[0]
    open_ones = [notice.finding.severity for notice in notices if notice.ended_at is None]
    return Section(
        mood=max(open_ones, key=SEVERITIES.index) if open_ones else "over",
        title=_title(notices),
        lines=_lines(notices, states),
        facts=_facts([notice.finding for notice in notices], first),
        run_url=web_address(next((notice.finding.run_url for notice in notices if notice.finding.run_url), None)),
        notices=tuple(notices),
    )


def _title(notices: Sequence[Notice]) -> str:
    first = notices[0]
    alike = {notice.finding.subject for notice in notices if notice.kind == first.kind}
    what = _TITLES.get(first.finding.alert_type, first.finding.alert_type)
    before = {"again": "Again: ", "over": "Over: ", "missed": "Was, and is over: "}.get(first.kind, "")
    what = what if not before else what[0].lower() + what[1:]
    return f"{before}{what}: {_name(first.finding, len(alike))}"


def _name(finding: Finding, count: int) -> str:
    if count > 1 and finding.alert_type == "unreachable":
        return f"{plain(finding.destination_name, NAME_LENGTH)} ({count} datasets)"
    if finding.pipeline_name in (None, finding.subject):
        return plain(finding.subject, NAME_LENGTH)
    half = NAME_LENGTH // 2
    return f"{plain(finding.subject, half)} ({plain(str(finding.pipeline_name), half)})"


def _lines(notices: Sequence[Notice], states: Mapping[str, str]) -> tuple[str, ...]:
    """Returns what is said; what is the same of several is said once, with their names."""
    names: dict[str, list[str]] = {}
    for notice in notices:
        names.setdefault(_words(notice, states), []).append(plain(notice.finding.subject, NAME_LENGTH))
    lines = [f"{_joined(list(dict.fromkeys(subjects)))}: {words}" for words, subjects in names.items()]
    more = len(lines) - LINES_A_CAUSE
    return (*lines[:LINES_A_CAUSE], *([f"and {more} more, in the mart alerts"] if more > 0 else []))


def _joined(names: Sequence[str]) -> str:
    more = len(names) - NAMES_A_LINE
    return ", ".join(names[:NAMES_A_LINE]) + (f" and {more} more" if more > 0 else "")


def _words(notice: Notice, states: Mapping[str, str]) -> str:
    finding = notice.finding
    summary = plain(finding.summary, SUMMARY_LENGTH)
    if notice.kind == "missed" and notice.ended_at:
        return f"{summary} (this could not be told when it began; over since {minute(notice.ended_at)})"
    if notice.kind != "over":
        return summary
    if finding.pipeline_id and finding.alert_type in STATUS_TYPES:
        return plain(states.get(finding.pipeline_id, "it is not watched any more"), SUMMARY_LENGTH)
    return {
        "unreachable": "can be read again, or is left out on purpose",
        "volume": "is not unusual any more",
        "stuck_cursor": "moves again",
    }.get(finding.alert_type, "is over")


def _facts(findings: Sequence[Finding], first: Notice) -> str:
    places = {f"{item.destination_name}{f'.{item.dataset_name}' if item.dataset_name else ''}" for item in findings}
    owners = sorted({plain(item.owner, NAME_LENGTH) for item in findings if item.owner})
    parts = [
        _joined([plain(place, NAME_LENGTH) for place in sorted(places)]),
        first.finding.severity,
        f"since {minute(min(item.opened_at for item in findings))}",
        *([f"for {_joined(owners)}"] if owners else []),
    ]
    return " · ".join(parts)


def minute(moment: datetime) -> str:
    """Returns a moment as the marts write it.

    Args:
        moment: The moment, in UTC.
    """
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _count(sections: Sequence[Section], words: str) -> str:
    count = sum(len(section.notices) for section in sections)
    return f"{count} {'finding' if count == 1 else 'findings'} {words}"


def _parts(sections: Sequence[Section]) -> list[tuple[Section, ...]]:
    starts = range(0, len(sections), CAUSES_A_MESSAGE)
    return [tuple(sections[start : start + CAUSES_A_MESSAGE]) for start in starts]


def _badness(mood: Mood) -> int:
    order: tuple[Mood | Severity, ...] = ("over", *SEVERITIES)
    return order.index(mood)
