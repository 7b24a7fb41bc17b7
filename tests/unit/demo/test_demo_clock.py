from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import dlt.common.pipeline
import dlt.common.storages.load_package
import dlt.common.time
import dlt.destinations.impl.filesystem.filesystem
import dlt.destinations.job_client_impl
import pendulum
import pytest
from dlt.common.storages.load_package import create_load_id

import meta_pipeline_capture.recording
from meta_pipeline.demo.clock import Clock, dlt_goes_by

PAST = datetime(2025, 2, 8, 5, 30, tzinfo=timezone.utc)
JIFFY = timedelta(seconds=5)


def _what_dlt_reads() -> tuple[Any, ...]:
    return (
        dlt.common.time.precise_time,
        dlt.common.storages.load_package.precise_time,
        dlt.common.pipeline.precise_time,
        pendulum.now,
        dlt.destinations.job_client_impl.datetime,
        dlt.destinations.impl.filesystem.filesystem.datetime,
        meta_pipeline_capture.recording.datetime,
    )


def test_clock_goes_on_from_where_it_is_set() -> None:
    clock = Clock(PAST)
    assert PAST <= clock.now() < PAST + JIFFY
    clock.advance(3600)
    assert PAST <= clock.now() - timedelta(hours=1) < PAST + JIFFY
    clock.set(PAST)
    assert 0 <= clock.time() - PAST.timestamp() < JIFFY.total_seconds()
    first = clock.now()
    time.sleep(0.01)
    assert clock.now() > first


def test_dlt_goes_by_the_clock() -> None:
    with dlt_goes_by(Clock(PAST)):
        load_ids = [create_load_id(), create_load_id()]
        moments = [
            datetime.fromtimestamp(float(load_ids[0]), timezone.utc),
            pendulum.now(),
            pendulum.now("UTC"),
            dlt.destinations.job_client_impl.datetime.now(timezone.utc),
            dlt.destinations.impl.filesystem.filesystem.datetime.now(timezone.utc),
            meta_pipeline_capture.recording.datetime.now(timezone.utc),
        ]
    assert all(PAST <= moment < PAST + JIFFY for moment in moments)
    assert load_ids[0] < load_ids[1]


def test_a_clock_may_go_back_between_two_blocks() -> None:
    with dlt_goes_by(Clock(PAST)):
        later = float(create_load_id())
    with dlt_goes_by(Clock(PAST - timedelta(days=1))):
        assert float(create_load_id()) < later


def test_everything_is_as_before_afterwards() -> None:
    before = _what_dlt_reads()
    with dlt_goes_by(Clock(PAST)):
        assert all(old is not new for old, new in zip(before, _what_dlt_reads(), strict=True))
    assert _what_dlt_reads() == before
    assert abs(float(create_load_id()) - time.time()) < JIFFY.total_seconds()


def test_everything_is_as_before_after_an_error() -> None:
    before = _what_dlt_reads()
    with pytest.raises(ZeroDivisionError), dlt_goes_by(Clock(PAST)):
        raise ZeroDivisionError
    assert _what_dlt_reads() == before
