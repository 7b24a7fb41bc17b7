"""Messages in Slack's blocks. Names stand in blocks of plain text, escaped, within Slack's limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from meta_pipeline.alert.messages import Message, Mood, Section, uncalling, web_address

HEADER_LENGTH = 150
BLOCK_LENGTH = 3_000

SIGNS: Mapping[Mood, str] = MappingProxyType(
    {
        "critical": "\N{LARGE RED CIRCLE}",
        "warning": "\N{LARGE ORANGE CIRCLE}",
        "info": "\N{LARGE BLUE CIRCLE}",
        "over": "\N{WHITE HEAVY CHECK MARK}",
    }
)


def slack_payload(message: Message, page_url: str | None) -> dict[str, Any]:
    """Returns what Slack's incoming webhook takes.

    Args:
        message: The message.
        page_url: Where people look further; None where there is no such page.
    """
    title = f"{SIGNS[message.mood]} {message.title}"
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain_text(title, HEADER_LENGTH)}]
    for section in message.sections:
        blocks += _section_blocks(section, page_url, is_alone=len(message.sections) == 1)
    # What a phone shows on its locked screen; without markup, for Slack would read it as such.
    return {
        "text": _bounded([title], BLOCK_LENGTH),
        "mrkdwn": False,
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _section_blocks(section: Section, page_url: str | None, *, is_alone: bool) -> list[dict[str, Any]]:
    lines = section.lines if is_alone else (f"{SIGNS[section.mood]} {section.title}", *section.lines)
    links = {"Run": section.run_url, "Page": web_address(page_url)}
    linked = "  ".join(f"<{_escaped(url)}|{word}>" for word, url in links.items() if url)
    elements = [_plain_text(section.facts, BLOCK_LENGTH)]
    if linked:
        elements.append({"type": "mrkdwn", "text": linked})
    text = {"type": "plain_text", "text": _bounded(lines, BLOCK_LENGTH), "emoji": False}
    return [{"type": "section", "text": text}, {"type": "context", "elements": elements}]


def _plain_text(text: str, length: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _bounded([text], length), "emoji": False}


def _bounded(lines: Iterable[str], length: int) -> str:
    """Returns escaped lines, cut between two characters so that they are within the bound all the same."""
    parts, used = [], 0
    for char in uncalling("\n".join(lines)):
        escaped = _escaped(char)
        if used + len(escaped) > length - 1:
            parts.append("…")
            break
        parts.append(escaped)
        used += len(escaped)
    return "".join(parts)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
