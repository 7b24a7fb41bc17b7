"""Runs that write take turns: one at a time holds a home.

A DuckDB home has a lock file beside it and PostgreSQL an advisory lock; both are free again when the process that held
them is gone. Snowflake and BigQuery have no lock that outlives a statement, so there a row of a table says who holds
the home and until when.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from meta_pipeline.exceptions import HomeError
from meta_pipeline.home import EMBEDDED, RAW_DATASET, Home

if TYPE_CHECKING:
    from meta_pipeline.home.server import ServerSession

LOCK_TABLE = "run_lock"
# The longest that hosted runners let a job last; after it the holder is taken for dead.
EXPIRY_SECONDS = 6 * 3600

# One lock of each database; any number will do that others do not use.
_ADVISORY_LOCK = 0x6D65746170697065
_HOLDER_OF_ADVISORY_LOCK = f"""
    select activity.application_name, activity.backend_start
    from pg_locks as locks
    inner join pg_stat_activity as activity on activity.pid = locks.pid
    where locks.locktype = 'advisory'
        and locks.granted
        and locks.database = (select oid from pg_database where datname = current_database())
        and locks.classid = {_ADVISORY_LOCK >> 32}
        and locks.objid = {_ADVISORY_LOCK & 0xFFFFFFFF}
"""


@contextmanager
def my_turn(home: Home) -> Iterator[None]:
    """Holds the home for this run.

    Args:
        home: The home.

    Yields:
        Nothing; no other run writes to the home meanwhile.

    Raises:
        ConfigurationError: The credentials are not usable.
        HomeError: Another run holds the home, or it cannot be reached.
    """
    with _lock(home):
        yield


def _lock(home: Home) -> AbstractContextManager[None]:
    if home.destination_type == EMBEDDED:
        return _locked_file(home)
    return _advisory_lock(home) if home.destination_type == "postgres" else _locked_row(home)


@contextmanager
def _locked_file(home: Home) -> Iterator[None]:
    from filelock import FileLock, Timeout  # noqa: PLC0415

    file = Path(f"{home.database}.lock")
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        with suppress(OSError):
            raise _taken(home, file.read_text(encoding="utf-8") or "another run") from None
        raise _taken(home, "another run") from None
    except OSError as error:
        raise HomeError(f"{file} could not be written: {error.strerror}. Give the user that right there") from None
    try:
        file.write_text(f"{_myself()} since {_time(time.time())}", encoding="utf-8")
        yield
    finally:
        lock.release()


@contextmanager
def _advisory_lock(home: Home) -> Iterator[None]:
    from meta_pipeline.home.server import open_server  # noqa: PLC0415

    with open_server(home) as session:
        session.rows("select set_config('application_name', %s, false)", _myself())
        if not session.rows(f"select pg_try_advisory_lock({_ADVISORY_LOCK})")[0][0]:
            holders = session.rows(_HOLDER_OF_ADVISORY_LOCK)
            told = [f"{name} since {_time(started.timestamp())}" for name, started in holders if started]
            raise _taken(home, "".join(told[:1]) or "another run")
        yield


@contextmanager
def _locked_row(home: Home) -> Iterator[None]:
    from meta_pipeline.home.server import open_server  # noqa: PLC0415

    holder = f"{_myself()} ({uuid4().hex[:8]})"
    with open_server(home) as session:
        try:
            _take_row(session, holder)
        except HomeError:
            with suppress(HomeError):
                _free_row(session, holder)
            raise
    try:
        with _interrupted_by_termination():
            yield
    finally:
        # Not the same connection: its token may have expired during a long run.
        with open_server(home) as session:
            _free_row(session, holder)


@contextmanager
def _interrupted_by_termination() -> Iterator[None]:
    """Lets SIGTERM, by which schedulers and containers stop a run, end it like Ctrl-C, so that it cleans up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _take_row(session: ServerSession, holder: str) -> None:
    table = session.relation(RAW_DATASET, LOCK_TABLE)
    if not session.has(RAW_DATASET, LOCK_TABLE):
        _create_row(session, table)
    now, refused = int(time.time()), None
    try:
        session.rows(
            f"update {table} set holder = %s, held_since = %s, held_until = %s where held_until < %s",
            *(holder, now, now + EXPIRY_SECONDS, now),
        )
    except HomeError as error:
        # Of two that try at once, a warehouse may refuse one instead of letting it wait.
        refused = error
    rows = session.rows(f"select holder, held_since, held_until from {table}")
    for other, since, until in rows:
        if other != holder and until >= now:
            advice = f" If that run is dead, wait until {_time(until)} or run: drop table {table}"
            raise _taken(session.home, f"{other} since {_time(since)}", advice)
    if holder not in {row[0] for row in rows}:
        raise refused or _taken(session.home, "another run")


def _free_row(session: ServerSession, holder: str) -> None:
    table = session.relation(RAW_DATASET, LOCK_TABLE)
    session.rows(f"update {table} set held_until = 0 where holder = %s", holder)


def _create_row(session: ServerSession, table: str) -> None:
    """Creates the table; should two do so at once there may be two rows, of which a run must hold both."""
    session.create_dataset()
    session.rows(f"create table if not exists {table} (holder string, held_since bigint, held_until bigint)")
    session.rows(
        f"insert into {table} (holder, held_since, held_until) "
        f"select '', 0, 0 from (select count(*) as row_count from {table}) as known where known.row_count = 0"
    )


def _taken(home: Home, holder: str, advice: str = "") -> HomeError:
    return HomeError(
        f"{home.database} is in use: {holder}. Only one run at a time writes to it. Nothing was changed; run again "
        f"when the other has finished.{advice}"
    )


def _myself() -> str:
    return f"meta-pipeline on {socket.gethostname()[:30]}, process {os.getpid()}"


def _time(unix_time: float) -> str:
    return f"{datetime.fromtimestamp(unix_time, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
