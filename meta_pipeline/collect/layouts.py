"""Where dlt puts a table's files in a bucket: the ``layout`` of its filesystem destination, read backwards."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_LAYOUT = "{table_name}/{load_id}.{file_id}.{ext}"

_PLACEHOLDER = re.compile(r"\{(.*?)\}")
_PATTERNS = {
    "table_name": r"[^/]+?",
    "schema_name": r"[^/]+?",
    "load_id": r"\d{9,11}\.\d+",
    "file_id": r"[^/.]+",
    # Older versions of dlt compress files without saying so in their name.
    "ext": r"[a-z]+(?:\.gz)?",
}


@dataclass(frozen=True)
class Place:
    """What the path of a data file says.

    Args:
        table_name: The table.
        load_id: The load that brought it; None where the layout does not say.
    """

    table_name: str
    load_id: str | None


@dataclass(frozen=True)
class Layout:
    """A layout that paths can be compared with.

    Args:
        file: Matches the path of a data file within its dataset.
        folder: Matches the folder of a table; None where tables have no folder of their own.
    """

    file: re.Pattern[str]
    folder: re.Pattern[str] | None

    def place(self, path: str) -> Place | None:
        """Returns what the path of a data file says; None where it does not fit the layout.

        Args:
            path: The path within the dataset.
        """
        found = self.file.fullmatch(path)
        return Place(found["table_name"], found.groupdict().get("load_id")) if found else None

    def table_of(self, folder: str) -> str | None:
        """Returns the table whose folder it is; None where it does not fit the layout.

        Args:
            folder: The folder's path within the dataset.
        """
        found = self.folder.fullmatch(folder) if self.folder else None
        return found["table_name"] if found else None


def parse_layout(text: str) -> Layout | None:
    """Reads a layout.

    Args:
        text: The layout as it is configured for dlt.

    Returns:
        The layout; None where a path does not tell the table's name from the schema's, as in
        ``{schema_name}_{table_name}``.
    """
    text = text if "{ext}" in text else f"{text}.{{ext}}"
    named = text.partition("{table_name}")
    if any("{schema_name}" in part and "{table_name}" in part for part in text.split("/")) or not named[1]:
        return None
    has_folder = named[2].startswith("/")
    return Layout(re.compile(_pattern(text)), re.compile(_pattern(named[0] + named[1])) if has_folder else None)


def _pattern(text: str) -> str:
    """Returns a regular expression for a layout; a placeholder that comes again must say the same again."""
    parts: list[str] = []
    seen: set[str] = set()
    for number, part in enumerate(_PLACEHOLDER.split(text)):
        if number % 2 == 0:
            parts.append(re.escape(part))
        elif part in seen:
            parts.append(f"(?P={part})")
        elif part in _PATTERNS:
            parts.append(f"(?P<{part}>{_PATTERNS[part]})")
            seen.add(part)
        else:
            parts.append(".+?")
    return "".join(parts)
