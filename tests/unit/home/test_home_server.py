from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from meta_pipeline.home import Home
from meta_pipeline.home.server import home_error

CREDENTIALS = SimpleNamespace(database="finance", password="hunter2", token="", private_key=None)


def told(kind: str, error: BaseException) -> str:
    return str(home_error(Home(kind, f"the home on {kind}", Path()), CREDENTIALS, error))


def test_the_driver_is_quoted_rather_than_what_was_said_about_it() -> None:
    try:
        try:
            raise OSError("no route to host\nIs it on?\nRow: (1, Jane)")
        except OSError as cause:
            raise RuntimeError("If you are running several pipelines ...") from cause
    except RuntimeError as error:
        text = told("postgres", error)

    assert text == (
        "the home on postgres could not be used: no route to host Is it on. Check that it is running, and "
        "[destination.observability] in .dlt/config.toml and .dlt/secrets.toml"
    )


def test_a_secret_that_a_driver_quotes_is_taken_out() -> None:
    assert "invalid dsn u:***@h" in told("postgres", ValueError("invalid dsn u:hunter2@h"))


def test_an_error_without_words_is_named() -> None:
    assert "could not be used: TimeoutError. Check" in told("bigquery", TimeoutError())


@pytest.mark.parametrize(
    ("kind", "words", "right"),
    [
        ("postgres", "permission denied for database finance", "grant create on database finance to <user>"),
        ("snowflake", "Insufficient privileges to operate on database", "create schema on database finance to role"),
        (
            "bigquery",
            "403 Access Denied: Project finance",
            "bigquery.dataEditor and bigquery.jobUser in project finance",
        ),
    ],
)
def test_a_missing_right_is_told_with_what_grants_it(kind: str, words: str, right: str) -> None:
    assert right in told(kind, ValueError(words))
