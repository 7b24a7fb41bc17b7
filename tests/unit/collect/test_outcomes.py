from __future__ import annotations

from datetime import datetime, timezone

import pytest

from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.outcomes import (
    MAX_PROBLEMS_TOLD,
    OUTCOMES,
    Outcome,
    absence_outcome,
    as_met,
    coverage_row,
    dataset_outcome,
    failure_outcome,
    worst_of,
)
from meta_pipeline.collect.tables import COVERAGE
from meta_pipeline.collect.warehouse import Dataset, Kind, Problem, SystemTable
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    CollectionError,
    ConfigurationError,
    DestinationForbiddenError,
    DestinationLockedError,
    DestinationUnreachableError,
)

PG = DestinationSettings("pg")
NAMES: dict[Kind, str] = {"loads": "_dlt_loads", "versions": "_dlt_version", "states": "_dlt_pipeline_state"}


def dataset(*left_out: Kind, name: str = "crm", forbidden: tuple[Kind, ...] = ()) -> Dataset:
    tables = {kind: SystemTable(table, {}, kind not in forbidden) for kind, table in NAMES.items()}
    return Dataset(name, {kind: table for kind, table in tables.items() if kind not in left_out})


def test_a_dataset_without_problems_is_complete() -> None:
    assert dataset_outcome(dataset(), PG, []) == Outcome("complete")


@pytest.mark.parametrize(
    ("given", "problems", "outcome", "words"),
    [
        (dataset("versions"), [], "partial", ["crm of pg", "_dlt_version", "schemas are not known"]),
        (dataset("states"), [], "partial", ["_dlt_pipeline_state", "cannot be attributed"]),
        (dataset(), ["state 3 does not decode"], "partial", ["crm of pg", "state 3 does not decode", "delete it"]),
        (dataset(forbidden=("states",)), [], "forbidden", ["crm of pg", "_dlt_pipeline_state", "Grant"]),
        (dataset(name="crm_20260101120000"), [], "dev_mode", ["dev_mode=True"]),
    ],
)
def test_what_is_wrong_with_a_dataset_is_told(
    given: Dataset, problems: list[str], outcome: str, words: list[str]
) -> None:
    found = dataset_outcome(given, PG, problems)

    assert found.outcome == outcome
    assert [word for word in words if word not in str(found.error)] == []


def test_many_problems_are_counted_rather_than_told() -> None:
    found = dataset_outcome(dataset(), PG, [f"problem {number}" for number in range(10)])

    assert str(found.error).count("problem ") == MAX_PROBLEMS_TOLD
    assert "(and 7 more). Mend" in str(found.error)


def test_a_dataset_that_vanished_is_missing_unless_it_is_left_out_on_purpose() -> None:
    assert absence_outcome("crm", PG).outcome == "missing"
    assert absence_outcome("crm", DestinationSettings("pg", exclude_datasets=("crm",))).outcome == "excluded"
    assert absence_outcome("crm", DestinationSettings("pg", datasets=("erp",))).outcome == "excluded"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DestinationUnreachableError("x"), "unreachable"),
        (CollectionError("x"), "unreachable"),
        (DestinationLockedError("x"), "locked"),
        (DestinationForbiddenError("x"), "forbidden"),
        (ConfigurationError("x"), "misconfigured"),
    ],
)
def test_a_failure_names_the_destination(error: Exception, outcome: str) -> None:
    assert failure_outcome(error, PG) == Outcome(outcome, "pg: x")


def test_the_worst_outcome_stands_for_the_destination() -> None:
    assert worst_of([]) == "complete"
    assert worst_of([Outcome("complete"), Outcome("partial"), Outcome("dev_mode")]) == "partial"


def test_every_outcome_is_described_in_the_raw_table() -> None:
    (column,) = [column for column in COVERAGE.columns if column.name == "outcome"]

    assert [outcome for outcome in OUTCOMES if f"`{outcome}`" not in column.description] == []


def test_a_row_of_the_destination_as_a_whole_has_no_dataset() -> None:
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    cursor = DatasetCursor(schemas_seen=3).continued("locked", moment)

    row = coverage_row("pg", "postgres", "", Outcome("locked", "busy"), cursor)

    assert row["dataset_name"] is None
    assert row["schemas_seen"] is None, "what could not be read has no number of schemas"
    assert row["since"] == moment


@pytest.mark.parametrize(
    ("problem", "outcome", "words"),
    [
        (Problem("crm", "loads", "m", "gone"), "missing", "is not there any more"),
        (Problem("crm", "versions", "m", "gone"), "partial", "has no table _dlt_version"),
        (Problem("crm", "states", "m", "forbidden"), "forbidden", "no right to read _dlt_pipeline_state"),
    ],
)
def test_a_dataset_is_as_it_was_met_and_not_as_it_was_listed(problem: Problem, outcome: str, words: str) -> None:
    found = dataset_outcome(as_met(dataset(), [problem]), PG, [])

    assert found.outcome == outcome
    assert words in str(found.error)


def test_a_broken_record_leaves_a_dataset_as_it_was_listed() -> None:
    assert as_met(dataset(), [Problem("crm", "states", "does not decode")]) == dataset()
