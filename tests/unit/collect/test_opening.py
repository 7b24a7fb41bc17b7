from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.collect import opening
from meta_pipeline.collect.duckdb import opening_error
from meta_pipeline.collect.opening import destination_type, open_destination
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    ConfigurationError,
    DestinationForbiddenError,
    DestinationLockedError,
    DestinationUnreachableError,
    MetaPipelineError,
)


@pytest.mark.parametrize(
    ("name", "configured", "expected"),
    [
        ("finance", "postgres", "postgres"),
        ("finance", "dlt.destinations.postgres", "postgres"),
        ("finance", None, None),
        ("duckdb", None, "duckdb"),
        ("snowflake", None, "snowflake"),
        ("duckdb", "postgres", "postgres"),
        ("path_utils", None, None),
    ],
)
def test_the_type_is_what_is_configured_or_what_the_name_says(
    monkeypatch: pytest.MonkeyPatch, name: str, configured: str | None, expected: str | None
) -> None:
    if configured:
        monkeypatch.setenv(f"DESTINATION__{name}__DESTINATION_TYPE".upper(), configured)

    assert destination_type(name) == expected


def test_a_misspelt_type_is_answered_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__SHOP__DESTINATION_TYPE", "duckdbb")

    with pytest.raises(ConfigurationError, match="Did you mean 'duckdb'"):
        open_destination(DestinationSettings("shop"))


@pytest.mark.parametrize(
    ("raised", "expected", "words"),
    [
        (PermissionError(13, "Permission denied", "/data/x.duckdb"), DestinationForbiddenError, "/data/x.duckdb"),
        (OSError(5, "Input/output error"), DestinationUnreachableError, "Input/output error"),
        (TimeoutError(), DestinationUnreachableError, "no answer"),
        (ValueError("hunter2"), ConfigurationError, "not usable (ValueError)"),
        (DestinationLockedError("as it is"), DestinationLockedError, "as it is"),
    ],
)
def test_what_keeps_a_destination_from_being_opened_is_told_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: type[MetaPipelineError], words: str
) -> None:
    def connect(*_: Any) -> None:
        raise raised

    monkeypatch.setattr(opening, "_connect", connect)

    with pytest.raises(expected) as told:
        open_destination(DestinationSettings("duckdb"))

    assert words in str(told.value)
    assert "hunter2" not in str(told.value)


def test_a_name_that_is_not_configured_is_told_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match=r"there is no \[destination.finance\] with a destination_type"):
        open_destination(DestinationSettings("finance"))


@pytest.mark.parametrize(
    ("said", "expected", "words"),
    [
        (
            'IO Error: Could not set lock on file "x.duckdb": Conflicting lock is held in python3 (PID 7) by user',
            DestinationLockedError,
            "run again when it has finished",
        ),
        (
            "Connection Error: Can't open a connection to same database file with a different configuration",
            DestinationLockedError,
            "run again when it has finished",
        ),
        (
            "IO Error: Trying to read a database file with version number 99, but we can only read versions up to 67",
            DestinationUnreachableError,
            "pip install --upgrade duckdb",
        ),
        ("IO Error: The file is not a valid DuckDB database file!", DestinationUnreachableError, "could not be opened"),
    ],
)
def test_what_duckdb_says_becomes_what_to_do(said: str, expected: type[Exception], words: str) -> None:
    error = opening_error("x.duckdb", said)

    assert type(error) is expected
    assert words in str(error)
    assert str(error).startswith("x.duckdb ")


def test_a_budget_in_bytes_that_a_destination_cannot_keep_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="does not bill by bytes"):
        open_destination(DestinationSettings("duckdb", maximum_bytes_billed=1))
