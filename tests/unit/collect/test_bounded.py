from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from meta_pipeline.collect.bounded import BoundedReading
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.reading import Reading
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import BudgetExceededError
from tests.unit.collect.test_exports import MONDAY

BEFORE = {"crm": DatasetCursor(counted_to="1", outcome="complete", since=MONDAY.isoformat())}


def reading(connect: Any, seconds: int = 60) -> BoundedReading:
    settings = DestinationSettings("pg", timeout_seconds=seconds)
    return BoundedReading(Reading(settings, BEFORE, MONDAY, connect, "postgres"))


def rows(bounded: BoundedReading) -> dict[str, list[dict[str, Any]]]:
    return {batch.table.name: batch.rows.to_pylist() for batch in bounded}


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """What a server waits for that does not answer."""
    event = threading.Event()
    yield event
    event.set()


def test_a_destination_that_never_answers_is_given_up(answer: threading.Event) -> None:
    bounded = reading(lambda _: answer.wait(), seconds=1)

    found = rows(bounded)

    (coverage,) = found["coverage"]
    assert (coverage["dataset_name"], coverage["outcome"]) == ("crm", "unreachable")
    assert coverage["error"].startswith("pg: could not be read within 1 s and was given up. Raise timeout_seconds")
    assert bounded.cursors["crm"].counted_to == "1", "it is read from where it was next time"


def test_what_answers_in_time_comes_through() -> None:
    def refuse(_: DestinationSettings) -> Any:
        raise BudgetExceededError("spent")

    found = rows(reading(refuse))

    assert [row["outcome"] for row in found["coverage"]] == ["over_budget"]
    assert [row["outcome"] for row in found["collections"]] == ["over_budget"]


def test_whoever_stops_reading_leaves_no_thread_behind() -> None:
    before = threading.active_count()

    def refuse(_: DestinationSettings) -> Any:
        raise BudgetExceededError("spent")

    batches = iter(reading(refuse))
    next(batches)
    batches.close()  # type: ignore[attr-defined]

    assert threading.active_count() == before
