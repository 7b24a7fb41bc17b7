"""Names that people write: a part of a dotted name is enough, and one that nothing has is answered with near ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

MAX_CANDIDATES = 10


def is_named(name: str, written: str) -> bool:
    """Tells whether a dotted name is meant by what somebody wrote: the name itself, or its last parts.

    Args:
        name: The name in full.
        written: What was written, in any case.
    """
    return bool(written) and f".{name.lower()}".endswith(f".{written.lower()}")


def spellings(names: Iterable[str]) -> dict[str, str]:
    """Returns all that could be written for dotted names, in lower case, each with the name in full.

    Args:
        names: The names in full.
    """
    parts = {name: name.split(".") for name in names}
    return {".".join(parts[name][start:]).lower(): name for name in parts for start in range(len(parts[name]))}


def suggestion(written: str, places: Mapping[str, str]) -> str:
    """Returns a sentence that names what was probably meant; nothing where nothing is near.

    Args:
        written: What was written.
        places: What could be written, in lower case, each with the name in full.
    """
    near = difflib.get_close_matches(written.lower(), places, n=3)
    names = list(dict.fromkeys(places[spelling] for spelling in near))
    return f" Did you mean {' or '.join(names)}?" if names else ""


def ambiguity(written: str, labels: Sequence[str]) -> str:
    """Says that a name has several meanings, and what to write instead.

    Args:
        written: What was written.
        labels: What it may mean.
    """
    more = f" and {len(labels) - MAX_CANDIDATES} more" if len(labels) > MAX_CANDIDATES else ""
    shown = ", ".join(sorted(labels)[:MAX_CANDIDATES])
    return f"{written!r} may be {shown}{more}. Write more of its name, as it stands here"
