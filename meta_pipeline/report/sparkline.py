"""A row of bars in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
NOTHING = "·"


def sparkline(values: Sequence[float | None]) -> str:
    """Returns a bar for each value, the highest for the largest; a dot where there is none.

    Args:
        values: The values, from 0 up.
    """
    largest = max((value for value in values if value is not None), default=0)
    return "".join(
        NOTHING if value is None else BARS[round(value / largest * (len(BARS) - 1)) if largest else 0]
        for value in values
    )
