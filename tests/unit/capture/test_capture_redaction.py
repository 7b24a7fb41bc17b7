from __future__ import annotations

import base64
import json
import random
import string

import pytest

from meta_pipeline_capture.redaction import (
    MAX_EXAMINED_CHARACTERS,
    MAX_MESSAGE_CHARACTERS,
    looks_random,
    redact,
    redact_location,
    secret_parts,
    secrets_by_name,
)


def jwt() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': 'ann'})}.c2lnbmF0dXJl"


# The shapes are put together here, so that no scanner of this repository takes them for real ones.
KEY_BLOCK = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE " + "KEY-----"
SECRETS = {
    "a password in a URL": ("postgresql://loader:hunter2@db.example.com/crm", "hunter2"),
    "a password with an at sign": ("mysql+pymysql://loader:p@ss/w0rd@db.example.com/crm", "p@ss/w0rd"),
    "a token for a user": ("https://abcdef@git.example.com/repo.git", "abcdef"),
    "a query string": ("GET https://api.example.com/v1/orders?key=hunter2&page=3 failed", "hunter2"),
    "a fragment": ("https://example.com/callback#access_token=hunter2", "hunter2"),
    "an Azure SAS": ("https://acme.blob.core.windows.net/in?sv=2024-01-01&sig=aGVsbG8%3D", "aGVsbG8"),
    "an Azure account key": ("AccountName=acme;AccountKey=aGVsbG8gd29ybGQ=;EndpointSuffix=x", "aGVsbG8gd29ybGQ="),
    "an Azure client secret": ("client " + "abc" + "8Q~" + "d" * 34, "8Q~"),
    "an AWS key id": ("AKIA" + "IOSFODNN7EXAMPLE is not valid", "IOSFODNN7EXAMPLE"),
    "an AWS secret key": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    "a GitHub token": ("ghp_" + "a1B2" * 9, "a1B2"),
    "a fine-grained GitHub token": ("github_pat_" + "a1B2" * 9, "a1B2"),
    "a GitLab token": ("glpat-" + "a1B2" * 5, "a1B2"),
    "a Slack token": ("xoxb-" + "123456789012-abcdef", "123456789012"),
    "a Slack web hook": ("https://hooks.slack.com/" + "services/T000/B000/XXXX", "T000"),
    "a Google key": ("AIza" + "SyA" * 12, "SyASyA"),
    "a Google token": ("ya29." + "a0AfH6SMBx", "a0AfH6SMBx"),
    "a JSON Web Token": (jwt(), jwt().split(".")[1]),
    "a private key": (f"cannot read\n{KEY_BLOCK}\nas a key", "MIIEow"),
    "a private key that is cut": (KEY_BLOCK[:50], "MIIEow"),
    "a bearer": ("Bearer abcdefghijkl was refused", "abcdefghijkl"),
    "a header": ("headers: Authorization: Basic bG9hZGVyOmh1bnRlcjI=", "bG9hZGVyOmh1bnRlcjI="),
    "a header with words": ("authorization: Token hunter2", "hunter2"),
    "a password by its name": ("connect failed: host=db password=hunter2 user=loader", "hunter2"),
    "a token by its name": ("refused (api_token: hunter2)", "hunter2"),
    "a quoted password": ('{"password": "correct horse", "n": 1}', "correct horse"),
    "a password in SQL": ("ALTER USER loader WITH PASSWORD 'correct horse'", "correct horse"),
    "an ODBC password": ("DRIVER=x;UID=sa;PWD=hunter2;SERVER=db", "hunter2"),
    "an e-mail address": ("no account of ann.smith+crm@mail.example.com", "ann.smith"),
    "an e-mail address in a path": ("/users/ann.smith%40example.com/orders", "ann.smith"),
    "a random word": ("refused " + "k3J9" + "xQ2vT8mZ5bWp", "xQ2vT8mZ5bWp"),
    "a Square secret": ("sq0csp-" + "abcdefghijklmnop_qrst", "ghijklmnop"),
    "an Artifactory key": ("AKCp" + "abcdefghijkl", "abcdefghijkl"),
    "a Stripe key": ("sk_live_" + "abcdefghij", "abcdefghij"),
}
ROWS = {
    "PostgreSQL's detail": ("duplicate key\nDETAIL:  Key (name)=(Ann Smith) already exists.", "Ann"),
    "the statement's line": ("syntax error\nLINE 1: INSERT INTO t SELECT Ann\n              ^", "Ann"),
    "values of a statement": ("cannot run INSERT INTO people VALUES (1, 'Ann'),\n(2, 'Bob')", "Ann"),
    "SQLAlchemy's parameters": ("IntegrityError\n[SQL: INSERT INTO t]\n[parameters: (1, 'Ann')]", "Ann"),
    "pydantic's input": ("1 validation error\n  Input should be an int [type=int, input_value='Ann', x]", "Ann"),
    "a value that is not a number": ("invalid literal for int() with base 10: 'Ann'", "Ann"),
    "a value for PostgreSQL": ('invalid input syntax for type integer: "Ann"', "Ann"),
    "a value for DuckDB": ("Conversion Error: Could not convert string 'Ann' to INT32", "Ann"),
    "a dictionary": ("cannot load {'name': 'Ann', 'orders': [{'id': 1}]} now", "Ann"),
    "a tuple": ("bad row (1, 'Ann', None)", "Ann"),
    "a list of rows": ("bad rows [(1, 'Ann'), (2, 'Bob')]", "Bob"),
    "source text in a traceback": (
        'Traceback (most recent call last):\n  File "/home/ann/x.py", line 1, in f\n    g("hunter")\nValueError: no',
        "hunter",
    ),
}
KEPT = (
    "Pipeline execution failed at `step=load` when processing package `load_id=1795401171.8351407`:",
    "<class 'dlt.extract.exceptions.ResourceExtractionError'>",
    "In processing pipe `orders`: extraction of resource `orders` in `generator` `orders` caused an exception: no",
    "Catalog Error: Table with name fact_orders_daily_snapshot_2026_11_23 does not exist!",
    "Read timed out after 30.0 s: https://api.example.com/v1/orders",
    "events_2026_11_23_backfill_v2 and DestinationTerminalException",
)


@pytest.mark.parametrize(("text", "secret"), [*SECRETS.values(), *ROWS.values()], ids=[*SECRETS, *ROWS])
def test_what_must_not_leave_is_taken_out(text: str, secret: str) -> None:
    assert secret in text
    redacted = redact(text)

    assert secret not in redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize("text", KEPT)
def test_what_helps_stays(text: str) -> None:
    assert redact(text) == text


def test_the_rest_of_a_message_stays() -> None:
    assert (
        redact("cannot connect to postgresql://loader:hunter2@db.example.com/crm: refused")
        == "cannot connect to postgresql://***@db.example.com/crm: refused"
    )
    assert (
        redact('Traceback (most recent call last):\n  File "x.py", line 1, in f\n    g()\nValueError: no\nreally')
        == "ValueError: no\nreally"
    )


def test_known_secrets_are_taken_out_whatever_they_look_like() -> None:
    assert redact("open sesame, said Ali", {"sesame", "open sesame"}) == "***, said Ali"


def test_random_words_are_told_from_names() -> None:
    source = random.Random(4)
    alphabets = (string.ascii_letters + string.digits, string.digits + "abcdef")
    keys = ["".join(source.choices(alphabet, k=length)) for alphabet in alphabets for length in (32, 40, 64)] * 20
    names = ["customer_orders_by_region", "SqlMergeFollowupJobGenerator", "dlt.destinations.impl.postgres"]

    assert all(looks_random(key) for key in keys)
    assert not any(looks_random(name) for name in names)


def test_a_message_is_cut_to_its_bound() -> None:
    assert len(redact("no " * 5_000)) == MAX_MESSAGE_CHARACTERS


def test_a_secret_at_the_end_of_what_is_examined_is_not_cut_in_half() -> None:
    padding = (
        "-----BEGIN PRIVATE " + "KEY-----" + "x " * ((MAX_EXAMINED_CHARACTERS - 80) // 2) + "-----END PRIVATE KEY----- "
    )
    text = padding + "loader " * 4 + "password=hunter2" * 10

    assert "hunter2" not in redact(text)


def test_long_messages_without_a_space_take_no_more_steps_than_they_have_characters() -> None:
    for text in ("a" * 100_000, "a." * 50_000, "a@" * 50_000, "('" * 50_000, "{a:" * 50_000, "password" * 20_000):
        assert len(redact(text)) <= MAX_MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    ("location", "redacted"),
    [
        ("postgresql://loader:hunter2@db.example.com:5432", "postgresql://db.example.com:5432"),
        ("https://api.example.com/v1?key=hunter2", "https://api.example.com/v1"),
        ("s3://bucket/folder/k3J9xQ2vT8mZ5bWp", "s3://bucket/folder/k3J9xQ2vT8mZ5bWp"),
        ("/data/warehouse.duckdb", "/data/warehouse.duckdb"),
        ("snowflake://acme-eu", "snowflake://acme-eu"),
        ("https://hooks.slack.com/services/T000/B000/XXXX", "https://hooks.slack.com/***"),
        ("https://api.example.com/open sesame", "https://api.example.com/***"),
    ],
)
def test_locations_keep_what_lineage_needs(location: str, redacted: str) -> None:
    assert redact_location(location, {"open sesame"}) == redacted


def test_variables_are_secrets_by_their_name() -> None:
    variables = {
        "CRM_API_KEY": "open sesame",
        "DESTINATION__FINANCE__CREDENTIALS": "postgresql://loader:p%40ssword@db/crm",
        "HOME": "/home/loader",
        "SHORT_TOKEN": "1",
        "token_count": 1_000_000,
    }

    assert secrets_by_name(variables) == {
        "open sesame",
        "postgresql://loader:p%40ssword@db/crm",
        "postgresql://loader:p@ssword@db/crm",
        "p%40ssword",
        "p@ssword",
    }


def test_the_file_of_an_embedded_database_is_no_secret() -> None:
    assert secret_parts("/data/warehouse.duckdb") == frozenset()
