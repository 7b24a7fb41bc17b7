"""The connection to PostgreSQL: what comes through it, and what happens when it does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg2
import pyarrow as pa
import pytest

from meta_pipeline.collect import postgres as postgres_module
from meta_pipeline.collect.postgres import PostgresConnection
from meta_pipeline.exceptions import (
    CollectionError,
    DestinationForbiddenError,
    DestinationInterruptedError,
    DestinationLockedError,
    DestinationUnreachableError,
)

TEXT = pa.schema({"name": pa.string(), "value": pa.string()})


def credentials(url: str, **query: Any) -> Any:
    """Returns as much of dlt's resolved credentials as the connection asks for."""
    return SimpleNamespace(
        host="127.0.0.1",
        port=1,
        database="postgres",
        username="postgres",
        to_native_representation=lambda: url,
        get_query=lambda: query,
    )


@pytest.fixture
def connection(postgres_url: str) -> Iterator[PostgresConnection]:
    with closing(PostgresConnection(credentials(postgres_url))) as opened:
        yield opened


@pytest.fixture
def superuser(postgres_url: str) -> Iterator[Any]:
    with closing(psycopg2.connect(postgres_url)) as opened:
        opened.autocommit = True
        with opened.cursor() as cursor:
            yield cursor


def read(connection: PostgresConnection, sql: str, schema: pa.Schema = TEXT) -> list[dict[str, Any]]:
    return [row for batch in connection.arrow(sql, schema) for row in batch.to_pylist()]


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def end_copies(superuser: Any) -> int:
    """Ends the sessions that copy, and returns how many there were."""
    superuser.execute("select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy (%'")
    return len(superuser.fetchall())


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "two\nlines",
        "carriage\r\nreturn",
        'say "hi"',
        "one, two",
        "back\\slash \\N \\.",
        "\\.",
        "Größe 日本 🦆",
        "tab\there",
        " spaces ",
        "'",
        "%s",
        "NULL",
        "null",
        "x" * 100_000,
        "",
        None,
    ],
)
def test_text_comes_through_unchanged(connection: PostgresConnection, superuser: Any, value: str | None) -> None:
    literal = superuser.mogrify("%s", (value,)).decode()

    assert read(connection, f"select 'a' as name, {literal}::text as value") == [{"name": "a", "value": value}]


def test_types_come_through(connection: PostgresConnection) -> None:
    schema = pa.schema(
        {"at": pa.timestamp("us", "UTC"), "number": pa.int64(), "flag": pa.bool_(), "missing": pa.int64()}
    )
    sql = "select timestamptz '2026-01-01 02:00:00.000001+02' as at, 9223372036854775807 as number, true as flag, null"

    (row,) = read(connection, sql, schema)

    assert row["at"].isoformat() == "2026-01-01T00:00:00.000001+00:00"
    assert (row["number"], row["flag"], row["missing"]) == (2**63 - 1, True, None)


def test_an_empty_result_has_no_batch(connection: PostgresConnection) -> None:
    assert list(connection.arrow("select 'a', 'b' where false", TEXT)) == []
    assert list(connection.rows("select 1 where false")) == []


def test_many_rows_come_in_batches(connection: PostgresConnection) -> None:
    sql = "select number::text, repeat('x', 100) from generate_series(1, 200000) as number"

    batches = list(connection.arrow(sql, TEXT))

    assert sum(batch.num_rows for batch in batches) == 200_000
    assert len(batches) > 1


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 'a', nothing from nowhere", 'relation "nowhere" does not exist'),
        ("selec", "syntax error"),
        ("select 'a', (1 / (number - 100000))::text from generate_series(1, 200000) as number", "division by zero"),
    ],
)
def test_a_query_that_fails_says_why_and_the_next_one_works(
    connection: PostgresConnection, sql: str, words: str
) -> None:
    for reading in (lambda: read(connection, sql), lambda: list(connection.rows(sql))):
        with pytest.raises(CollectionError, match=words):
            reading()

    assert read(connection, "select 'a', 'b'") == [{"name": "a", "value": "b"}]


def test_a_value_of_another_type_is_told_rather_than_lost(connection: PostgresConnection) -> None:
    schema = pa.schema({"at": pa.timestamp("us", "UTC"), "value": pa.int64()})

    with pytest.raises(CollectionError, match="not of the type"):
        read(connection, "select 'infinity'::timestamptz, 1", schema)
    with pytest.raises(CollectionError, match="not of the type"):
        read(
            connection,
            "select now(), case when n = 150000 then 'x' else '1' end from generate_series(1, 200000) n",
            schema,
        )

    assert read(connection, "select 'a', 'b'") == [{"name": "a", "value": "b"}]


def test_whoever_stops_reading_leaves_nothing_behind(connection: PostgresConnection, superuser: Any) -> None:
    list(connection.arrow("select 'a', 'b'", TEXT))
    files = open_files()
    endless = "select 'a', repeat('x', 1000) from (select generate_series(1, 1000000000)) as numbers"
    started = time.monotonic()
    for reading in (connection.arrow(endless, TEXT), connection.rows(endless)):
        next(reading)
        reading.close()  # type: ignore[attr-defined]

    assert time.monotonic() - started < 20
    assert read(connection, "select 'a', 'b'") == [{"name": "a", "value": "b"}]
    assert open_files() == files
    copying = "select count(*) from pg_stat_activity where query like 'copy (%' and state = 'active'"
    while superuser.execute(copying) or superuser.fetchall() != [(0,)]:
        assert time.monotonic() - started < 30
        time.sleep(0.1)


@pytest.mark.parametrize("way", ["arrow", "rows"])
def test_a_server_that_goes_away_in_the_middle_is_told(postgres_url: str, superuser: Any, way: str) -> None:
    connection = PostgresConnection(credentials(postgres_url))
    pid = next(iter(connection.rows("select pg_backend_pid()")))[0]
    endless = "select 'a', repeat('x', 1000) from (select generate_series(1, 1000000000)) as numbers"
    reading = connection.arrow(endless, TEXT) if way == "arrow" else connection.rows(endless)
    next(reading)

    if way == "arrow":
        assert end_copies(superuser) == 1
    else:
        superuser.execute(f"select pg_terminate_backend({pid})")
    with pytest.raises(DestinationInterruptedError):
        for _ in reading:
            pass

    assert read(connection, "select 'a', 'b'") == [{"name": "a", "value": "b"}]
    assert list(connection.rows("select 1")) == [(1,)]
    connection.close()


def test_nothing_can_be_written(connection: PostgresConnection, superuser: Any) -> None:
    superuser.execute("create sequence if not exists numbers")

    for reading in (
        lambda: list(connection.rows("select nextval('numbers')")),
        lambda: read(connection, "select 'a', nextval('numbers')::text"),
    ):
        with pytest.raises(CollectionError, match="read-only transaction"):
            reading()


def test_the_session_speaks_utf8_and_utc_and_keeps_ones_own_options(postgres_url: str) -> None:
    own = credentials(postgres_url, options="-c search_path=elsewhere", keepalives_idle=7)
    with closing(PostgresConnection(own)) as connection:
        settings = {
            name: next(iter(connection.rows(f"select current_setting('{name}')")))[0]
            for name in ("search_path", "timezone", "client_encoding", "lock_timeout", "default_transaction_read_only")
        }

    assert settings == {
        "search_path": "elsewhere",
        "timezone": "UTC",
        "client_encoding": "UTF8",
        "lock_timeout": "30s",
        "default_transaction_read_only": "on",
    }


def test_a_database_in_another_encoding_is_read(superuser: Any, postgres_url: str) -> None:
    superuser.execute("create database latin encoding 'LATIN1' template template0")
    with closing(PostgresConnection(credentials(postgres_url.rsplit("/", 1)[0] + "/latin"))) as connection:
        assert read(connection, "select 'ä', chr(228)") == [{"name": "ä", "value": "ä"}]
        assert list(connection.rows("select chr(228)")) == [("ä",)]


def test_a_lock_that_is_held_too_long_is_told(
    superuser: Any, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        postgres_module, "SESSION_SETTINGS", {**postgres_module.SESSION_SETTINGS, "lock_timeout": "100ms"}
    )
    superuser.execute("create table if not exists busy (x int)")
    with closing(psycopg2.connect(postgres_url)) as holder, holder.cursor() as cursor:
        cursor.execute("lock table busy in access exclusive mode")
        with closing(PostgresConnection(credentials(postgres_url))) as connection:
            for reading in (
                lambda: list(connection.rows("select * from busy")),
                lambda: read(connection, "table busy"),
            ):
                with pytest.raises(DestinationLockedError, match="Run again"):
                    reading()


def test_a_missing_right_is_told(superuser: Any, postgres_url: str) -> None:
    superuser.execute("create table if not exists hidden (x int)")
    superuser.execute("create role guest login password 'guest'")
    url = postgres_url.replace(postgres_url.split("//")[1].split("@", maxsplit=1)[0], "guest:guest")
    with closing(PostgresConnection(credentials(url))) as connection:
        for reading in (
            lambda: list(connection.rows("select * from hidden")),
            lambda: read(connection, "table hidden"),
        ):
            with pytest.raises(DestinationForbiddenError, match="permission denied for table hidden"):
                reading()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://postgres:hunter2@127.0.0.1:1/postgres", "Connection refused"),
        ("postgresql://postgres:hunter2@nowhere.invalid:5432/postgres", "could not translate host name"),
        ("{wrong_password}", "password authentication failed"),
        ("{wrong_database}", 'database "nowhere" does not exist'),
    ],
)
def test_a_server_that_cannot_be_reached_is_told_without_the_password(postgres_url: str, url: str, words: str) -> None:
    password = postgres_url.split("//postgres:")[1].split("@", maxsplit=1)[0]
    url = url.format(
        wrong_password=postgres_url.replace(password, "hunter2"),
        wrong_database=postgres_url.rsplit("/", 1)[0] + "/nowhere",
    )

    with pytest.raises(DestinationUnreachableError) as raised:
        PostgresConnection(credentials(url))

    assert words in str(raised.value)
    assert "Check that the server runs" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert password not in str(raised.value)
    assert raised.value.__cause__ is None


def test_partitions_are_not_counted_beside_their_table(superuser: Any, postgres_url: str, tmp_path: Path) -> None:
    superuser.execute("create schema parted")
    superuser.execute("create table parted.events (_dlt_load_id text, _dlt_id text) partition by list (_dlt_load_id)")
    superuser.execute("create table parted.events_1 partition of parted.events for values in ('1')")

    with closing(PostgresConnection(credentials(postgres_url))) as connection:
        tables = {row[1] for row in connection.rows(postgres_module.CATALOGUE.user_columns) if row[0] == "parted"}

    assert tables == {"events"}
