from __future__ import annotations

import pytest

from meta_pipeline.collect.selection import is_dev_mode, is_selected
from meta_pipeline.config import DestinationSettings


@pytest.mark.parametrize(
    ("name", "datasets", "exclude_datasets", "expected"),
    [
        ("crm", ("*",), (), True),
        ("crm", ("crm",), (), True),
        ("crm_eu", ("crm_*",), (), True),
        ("crm", ("crm_*",), (), False),
        ("crm", ("erp", "cr?"), (), True),
        ("crm_eu", ("crm_*",), ("*_eu",), False),
        ("crm", ("*",), ("crm",), False),
        ("CRM", ("crm",), (), False),
        ("Größe", ("Grö*",), (), True),
        ("[odd]", ("[[]odd]",), (), True),
        ("crm", (), (), False),
        ("observability", ("*",), (), False),
        ("OBSERVABILITY", ("OBS*",), (), False),
        ("observability", ("observability",), (), True),
        ("observability_eu", ("*",), (), True),
    ],
)
def test_globs_say_which_datasets_are_read(
    name: str, datasets: tuple[str, ...], exclude_datasets: tuple[str, ...], expected: bool
) -> None:
    settings = DestinationSettings("pg", datasets=datasets, exclude_datasets=exclude_datasets)

    assert is_selected(name, settings) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("crm_20260131115959", True),
        ("crm_20261231235959", True),
        ("_20260131115959", True),
        ("crm", False),
        ("crm_2026", False),
        ("crm_20260131", False),
        ("crm_20261331115959", False),
        ("crm_20260132115959", False),
        ("crm_20260131245959", False),
        ("crm_20260131116059", False),
        ("crm20260131115959", False),
        ("crm_20260131115959_staging", False),
        ("crm_19991231235959", False),
    ],
)
def test_a_time_stamp_at_the_end_marks_a_leftover_of_dev_mode(name: str, expected: bool) -> None:
    assert is_dev_mode(name, DestinationSettings("pg")) is expected


def test_a_dataset_named_in_full_is_read_whatever_its_name_looks_like() -> None:
    named = DestinationSettings("pg", datasets=("crm_20260131115959",))
    matched = DestinationSettings("pg", datasets=("crm_*",))

    assert not is_dev_mode("crm_20260131115959", named)
    assert is_dev_mode("crm_20260131115959", matched)
