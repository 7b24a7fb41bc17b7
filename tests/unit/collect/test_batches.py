"""Batches on their way into the raw tables."""

from __future__ import annotations

import pyarrow as pa
import pytest

from meta_pipeline.collect import batches


def _numbers(start: int, stop: int) -> pa.Table:
    return pa.table({"number": pa.array(range(start, stop), pa.int64())})


@pytest.mark.parametrize(
    ("stops", "sizes"),
    [
        ([], []),
        ([2], [2]),
        ([1, 3, 5], [4, 1]),
        ([9], [4, 4, 1]),
        ([4, 8], [4, 4]),
    ],
    ids=["nothing", "too few", "across tables", "one large table", "just as many"],
)
def test_tables_are_cut_into_row_groups_without_losing_a_row(
    stops: list[int], sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ROW_GROUP_ROWS", 4)
    tables = [_numbers(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]

    groups = list(batches.in_row_groups(tables))

    assert [group.num_rows for group in groups] == sizes
    assert [row["number"] for group in groups for row in group.to_pylist()] == list(range(stops[-1] if stops else 0))
