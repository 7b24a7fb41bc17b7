from __future__ import annotations

from collections.abc import Sequence

import pytest

from meta_pipeline.report.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([0, 50, 100], "▁▅█"),
        ([None, 7, None], "·█·"),
        ([0, 0], "▁▁"),
        ([None], "·"),
        ([], ""),
        ([1e12, 1], "█▁"),
    ],
)
def test_the_largest_value_is_the_highest_bar(values: Sequence[float | None], bars: str) -> None:
    assert sparkline(values) == bars
