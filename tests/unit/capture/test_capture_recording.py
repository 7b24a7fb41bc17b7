from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dlt.common.pipeline import LoadInfo
from dlt.pipeline.trace import PipelineStepTrace, PipelineTrace

from meta_pipeline_capture import recording
from meta_pipeline_capture.content import cut_trace, outcome_of
from meta_pipeline_capture.recording import secrets_in_frames, trace_dict, with_interruption
from meta_pipeline_capture.tracking import INBOX_VARIABLE, Tracker

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
PIPELINE: Any = SimpleNamespace(pipeline_name="orders", destination=None, dataset_name=None)


def trace(*steps: PipelineStepTrace) -> PipelineTrace:
    return PipelineTrace("a1", "orders", cast(Any, {}), NOON, list(steps), NOON, [])


def step(name: str = "extract", **more: Any) -> PipelineStepTrace:
    return PipelineStepTrace("s1", cast(Any, name), NOON, NOON, **more)


def broken_off_load() -> LoadInfo:
    """A load that could not connect: its package has no metrics yet."""
    texts = ("postgres", "", "postgres", "", "", "", "", "", "shop")
    return LoadInfo(PIPELINE, {"1795401161.4": []}, *texts, ["1795401161.4"], [], False)


def log_in(password: str) -> None:
    raise PermissionError(f"refused {password}")


def caught(function: Any, *arguments: Any) -> BaseException:
    with pytest.raises(BaseException) as found:  # noqa: PT011
        function(*arguments)
    return found.value


def test_a_load_that_broke_off_before_it_measured_anything_is_told() -> None:
    load = step("load", step_info=broken_off_load())
    with pytest.raises(AssertionError):
        trace(load).asdict()

    assert cut_trace(trace_dict(trace(load)))["steps"][0]["load_ids"] == ["1795401161.4"]


def test_what_ends_a_run_is_added_where_dlt_does_not_tell_it() -> None:
    def leave() -> None:
        raise SystemExit(3)

    told = cut_trace(with_interruption(trace_dict(trace(step())), caught(leave)))

    assert outcome_of(told) == "interrupted"
    (exception,) = told["steps"][0]["exceptions"]
    assert (exception["type"], exception["message"]) == ("SystemExit", "3")
    assert exception["frames"][-1].startswith("test_capture_recording:leave:")


def test_what_dlt_tells_itself_is_not_added() -> None:
    failed = trace_dict(trace(step(exception_traces=[{"message": "no"}])))

    assert with_interruption(failed, ValueError("no")) == failed
    assert with_interruption(trace_dict(trace(step())), None) == trace_dict(trace(step()))


def test_an_interruption_before_the_first_step_is_told() -> None:
    assert outcome_of(cut_trace(with_interruption(trace_dict(trace()), KeyboardInterrupt()))) == "interrupted"


def test_arguments_named_as_secrets_are_found_in_the_causes_of_an_exception() -> None:
    def load() -> None:
        try:
            log_in("open sesame")
        except PermissionError as error:
            raise RuntimeError("no") from error

    assert "open sesame" in set(secrets_in_frames(caught(load)))


def test_causes_that_go_round_in_circles_come_to_an_end() -> None:
    error = caught(log_in, "open sesame")
    error.__cause__ = RuntimeError()
    error.__cause__.__cause__ = error

    assert "open sesame" in set(secrets_in_frames(error))


def test_whatever_goes_wrong_inside_stays_inside(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("open sesame")

    monkeypatch.setattr(recording, "leave", fail)
    monkeypatch.setenv(INBOX_VARIABLE, "inbox")
    caplog.set_level("DEBUG", "meta_pipeline_capture")
    tracker = Tracker()
    tracker.on_start_trace(trace(), "run", PIPELINE)
    tracker.on_end_trace(trace(step()), PIPELINE, False)

    assert [record.getMessage() for record in caplog.records] == [
        "The start of a run was not captured: RuntimeError",
        "The end of a run was not captured: RuntimeError",
    ]


def test_an_exception_that_was_there_before_the_run_is_not_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException | None] = []
    monkeypatch.setattr(recording, "leave", lambda *arguments: raised.append(arguments[-1]))
    monkeypatch.setenv(INBOX_VARIABLE, "inbox")
    tracker = Tracker()
    try:
        log_in("open sesame")
    except PermissionError:
        tracker.on_start_trace(trace(), "run", PIPELINE)
        tracker.on_end_trace(trace(step()), PIPELINE, False)

    assert raised == [None, None]
