"""How the reading of a dataset ended, in a word and in a sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.selection import is_dev_mode, is_selected
from meta_pipeline.collect.warehouse import SYSTEM_TABLES, Dataset, Kind, Problem
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    BudgetExceededError,
    CollectionError,
    ConfigurationError,
    DestinationForbiddenError,
    DestinationLockedError,
)

OUTCOMES = (
    "complete",
    "dev_mode",
    "excluded",
    "missing",
    "partial",
    "forbidden",
    "locked",
    "over_budget",
    "misconfigured",
    "unreachable",
)
"""Outcomes of a dataset, from best to worst."""

INTENDED = ("complete", "dev_mode", "excluded")
"""Outcomes that nobody has to do anything about."""

MAX_PROBLEMS_TOLD = 3

_WITHOUT: Mapping[Kind, str] = {
    "versions": "its schemas are not known",
    "states": "its loads cannot be attributed to a pipeline",
}

_LET_RUN = "Let its pipeline run once more, or leave it out by exclude_datasets"
_GRANT = 'Grant select on its tables, or set row_counts to "metadata"'
_MEND = "Mend or delete it there; until then it is tried again at each collection"


@dataclass(frozen=True)
class Outcome:
    """How the reading of a dataset ended.

    Args:
        outcome: One of ``OUTCOMES``.
        error: What went wrong, where, and what to do next.
    """

    outcome: str
    error: str | None = None


def as_met(dataset: Dataset, problems: Sequence[Problem]) -> Dataset:
    """Returns a dataset as it proved to be when it was read: a table may have gone, or may be listed but not read.

    Args:
        dataset: The dataset as it was listed.
        problems: What could not be read in it.
    """
    gone = {problem.kind for problem in problems if problem.cause == "gone"}
    forbidden = {problem.kind for problem in problems if problem.cause == "forbidden"}
    return replace(
        dataset,
        tables={
            kind: replace(table, is_readable=table.is_readable and kind not in forbidden)
            for kind, table in dataset.tables.items()
            if kind not in gone
        },
    )


def dataset_outcome(
    dataset: Dataset, settings: DestinationSettings, problems: Sequence[str], uncounted: Sequence[str] = ()
) -> Outcome:
    """Returns the outcome of a dataset that was found.

    Args:
        dataset: The dataset.
        settings: Settings of its destination.
        problems: What could not be read in it.
        uncounted: User tables whose rows may not be counted though the settings ask for it.
    """
    if is_dev_mode(dataset.name, settings):
        return Outcome(
            "dev_mode",
            "looks like a leftover of dev_mode=True and is not read; name it in full in datasets to read it",
        )
    if "loads" not in dataset.tables:
        return absence_outcome(dataset.name, settings)
    if dataset.forbidden_tables:
        tables = ", ".join(dataset.forbidden_tables)
        return Outcome(
            "forbidden",
            f"no right to read {tables} in dataset {dataset.name} of {settings.name}. Grant usage on it and select on "
            "them, or leave it out by exclude_datasets",
        )
    missing = [
        f"has no table {SYSTEM_TABLES[kind]}, so {consequence}"
        for kind, consequence in _WITHOUT.items()
        if kind not in dataset.tables
    ]
    told = [*missing, *problems, *([_uncounted(uncounted)] if uncounted else [])]
    if not told:
        return Outcome("complete")
    more = f" (and {len(told) - MAX_PROBLEMS_TOLD} more)" if len(told) > MAX_PROBLEMS_TOLD else ""
    advice = _LET_RUN if missing else _MEND if problems else _GRANT
    return Outcome(
        "partial", f"dataset {dataset.name} of {settings.name}: {'; '.join(told[:MAX_PROBLEMS_TOLD])}{more}. {advice}"
    )


def _uncounted(tables: Sequence[str]) -> str:
    named = ", ".join(tables[:MAX_PROBLEMS_TOLD])
    more = f" and {len(tables) - MAX_PROBLEMS_TOLD} more" if len(tables) > MAX_PROBLEMS_TOLD else ""
    return f"no right to read {named}{more}, so no rows are counted"


def departure_outcome(place: str) -> Outcome:
    """Returns the outcome of the datasets of a place that the settings do not name any more.

    Args:
        place: A destination, an inbox or a folder, with the word for it.
    """
    return Outcome("excluded", f"{place} is not named any more; what was collected of it is kept")


def absence_outcome(name: str, settings: DestinationSettings) -> Outcome:
    """Returns the outcome of a dataset that was read before and is not among the selected ones any more.

    Args:
        name: The dataset.
        settings: Settings of its destination.
    """
    if not is_selected(name, settings):
        return Outcome("excluded", "left out by datasets or exclude_datasets; what was collected of it is kept")
    return Outcome(
        "missing",
        f"dataset {name} of {settings.name} was here before and is not there any more; what was collected of it is "
        "kept. If that is meant, leave it out by exclude_datasets",
    )


def failure_outcome(error: Exception, settings: DestinationSettings) -> Outcome:
    """Returns the outcome of all datasets of a destination that could not be read.

    Args:
        error: Why not.
        settings: Settings of the destination.
    """
    outcome = "unreachable"
    if isinstance(error, ConfigurationError):
        outcome = "misconfigured"
    elif isinstance(error, DestinationLockedError):
        outcome = "locked"
    elif isinstance(error, DestinationForbiddenError):
        outcome = "forbidden"
    elif isinstance(error, BudgetExceededError):
        outcome = "over_budget"
    return Outcome(outcome, f"{settings.name}: {error}")


def broken_off(error: Exception) -> CollectionError:
    """Returns what is told of an error that nobody foresaw; its own words may quote anything.

    Args:
        error: The error.
    """
    return CollectionError(
        f"reading broke off with an unexpected {type(error).__name__}. Run again; meta-pipeline --verbose collect "
        "shows where it happens"
    )


def worst_of(outcomes: Iterable[Outcome]) -> str:
    """Returns the worst outcome; ``complete`` where there is none."""
    return max((outcome.outcome for outcome in outcomes), key=OUTCOMES.index, default="complete")


def coverage_row(
    destination_name: str, destination_type: str | None, dataset_name: str, outcome: Outcome, cursor: DatasetCursor
) -> dict[str, Any]:
    """Returns the row of ``coverage`` for a dataset.

    Args:
        destination_name: The destination.
        destination_type: dlt's type of it, where it is known.
        dataset_name: The dataset; empty for the destination as a whole.
        outcome: How the reading ended.
        cursor: The dataset's cursor, already continued with that outcome.
    """
    is_read = outcome.outcome in ("complete", "partial")
    return {
        "coverage_id": digest_of([destination_name, dataset_name, cursor.since]),
        "destination_name": destination_name,
        "destination_type": destination_type,
        "dataset_name": dataset_name or None,
        "outcome": outcome.outcome,
        "error": outcome.error,
        "schemas_seen": (cursor.schemas_seen or 0) if is_read else None,
        "since": datetime.fromisoformat(str(cursor.since)),
    }


def digest_of(value: Any) -> str:
    """Returns a short hash of a JSON-like value."""
    return hashlib.blake2b(orjson.dumps(value, default=str), digest_size=12).hexdigest()
