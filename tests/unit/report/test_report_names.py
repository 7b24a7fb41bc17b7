from __future__ import annotations

import pytest

from meta_pipeline.report.names import ambiguity, is_named, spellings, suggestion

NAMES = ["pg.crm.orders", "pg.crm.customers", "lake.weather.weather"]


@pytest.mark.parametrize(
    ("written", "is_meant"),
    [
        ("orders", True),
        ("CRM.Orders", True),
        ("pg.crm.orders", True),
        ("rders", False),
        ("crm", False),
        ("x.pg.crm.orders", False),
        ("", False),
    ],
)
def test_the_last_parts_of_a_name_are_enough(written: str, is_meant: bool) -> None:
    assert is_named("pg.crm.orders", written) == is_meant


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("odrers", " Did you mean pg.crm.orders?"),
        ("wether", " Did you mean lake.weather.weather?"),
        ("crm.order", " Did you mean pg.crm.orders?"),
        ("zzzz", ""),
    ],
)
def test_what_was_probably_meant_is_named_in_full(written: str, words: str) -> None:
    assert suggestion(written, spellings(NAMES)) == words


def test_of_many_meanings_ten_are_named() -> None:
    told = ambiguity("o", [f"d.s.o{number:02d}" for number in range(12)])

    assert told.startswith("'o' may be d.s.o00, d.s.o01, ")
    assert "d.s.o09 and 2 more." in told
    assert "d.s.o10" not in told
