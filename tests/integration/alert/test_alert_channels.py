"""Channels that answer well, badly, slowly and not at all: a server on this machine stands for them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest
import requests

from meta_pipeline.alert import channels
from meta_pipeline.alert.channels import AppriseChannel, SlackChannel, beat, channel_of
from meta_pipeline.alert.lifecycle import Notice
from meta_pipeline.alert.messages import Message, messages_of
from meta_pipeline.exceptions import AlertError, MessageRefusedError
from tests.fixtures.findings import HOSTILE, at, finding
from tests.fixtures.webhook import Webhook, running_webhook

# Apprise uses a module that Python 3.13 does without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running_webhook() as running:
        yield running


def message(**columns: object) -> Message:
    (made,) = messages_of([Notice("new", finding(**columns), at(1))], {})
    return made


def problem(channel: SlackChannel | AppriseChannel) -> str:
    with pytest.raises(AlertError) as refused:
        channel.tell(message())
    return str(refused.value)


def test_a_webhook_takes_a_message(webhook: Webhook) -> None:
    channel_of("ops", webhook.url, None).tell(message())

    assert webhook.titles == ["Late: pipeline k"]
    assert webhook.calls == ["/services/hunter2"]


@pytest.mark.parametrize("status", [302, 403, 404, 410, 500, 503])
def test_a_webhook_that_refuses_is_named_and_its_url_is_not(webhook: Webhook, status: int) -> None:
    webhook.status = status
    webhook.headers = {"Location": webhook.url}

    told = problem(SlackChannel("ops", webhook.url))

    assert f"channel 'ops' answered with HTTP status {status}" in told
    assert "told at the next run" in told
    assert "hunter2" not in told
    assert len(webhook.calls) == 1, "nobody follows where it leads"


def test_a_message_that_is_not_wanted_is_told_from_a_channel_that_is_down(webhook: Webhook) -> None:
    webhook.status = 400

    with pytest.raises(MessageRefusedError, match="refused a message with HTTP status 400"):
        SlackChannel("ops", webhook.url).tell(message())


def test_a_webhook_that_does_not_answer_is_given_up(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", (0.2, 0.2))
    webhook.seconds = 5

    assert "channel 'ops' did not answer in time" in problem(SlackChannel("ops", webhook.url))


def test_a_webhook_that_is_slow_is_waited_for(webhook: Webhook) -> None:
    webhook.seconds = 0.3

    SlackChannel("ops", webhook.url).tell(message())

    assert webhook.titles == ["Late: pipeline k"]


def test_a_port_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    told = problem(SlackChannel("ops", f"http://127.0.0.1:{port}/hunter2"))

    assert "channel 'ops' could not be reached" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("url", ["http://", "http://[hunter2", "https://:99999999/hunter2"])
def test_a_url_that_is_none_is_told(url: str) -> None:
    told = problem(SlackChannel("ops", url))

    assert "channel 'ops' could not be" in told
    assert "hunter2" not in told


def test_a_rate_limit_is_kept(webhook: Webhook) -> None:
    webhook.limited, webhook.headers = 2, {"Retry-After": "7"}
    waited: list[float] = []

    SlackChannel("ops", webhook.url, sleep=waited.append).tell(message())

    assert waited == [7, 7]
    assert webhook.titles == ["Late: pipeline k"]


@pytest.mark.parametrize("after", ["600", "inf", "7"])
def test_a_rate_limit_is_kept_within_a_bound(webhook: Webhook, after: str) -> None:
    webhook.limited, webhook.headers = 1_000, {"Retry-After": after}
    waited: list[float] = []

    told = problem(SlackChannel("ops", webhook.url, sleep=waited.append))

    assert "told at the next run" in told
    assert sum(waited) <= channels.MOST_WAITING_SECONDS


@pytest.mark.parametrize("after", [None, "soon", "nan", "0", "-5"])
def test_a_rate_limit_that_tells_no_time_is_a_second(webhook: Webhook, after: str | None) -> None:
    webhook.limited, webhook.headers = 1, {"Retry-After": after} if after else {}
    waited: list[float] = []

    SlackChannel("ops", webhook.url, sleep=waited.append).tell(message())

    assert waited == [1]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_arrive(webhook: Webhook, text: str) -> None:
    SlackChannel("ops", webhook.url).tell(message(subject=text, summary=text, pipeline_name=text, owner=text))

    (arrived,) = webhook.told
    assert "<" not in str(arrived).replace("&lt;", "")


def test_every_other_service_is_told_by_apprise(webhook: Webhook) -> None:
    url = f"json://127.0.0.1:{webhook.port}/hunter2"

    channel_of("teams", url, "https://page.example").tell(message(summary="@everyone <@U1> *no load*"))

    (arrived,) = webhook.told
    assert arrived["title"].endswith("Late: pipeline k")
    assert "*no load*" in arrived["message"]
    assert "https://page.example" in arrived["message"]
    assert not {"@everyone", "<@U1>"} & set(arrived["message"].split())
    assert arrived["type"] == "warning"


def test_what_apprise_cannot_tell_is_told_without_its_url(
    webhook: Webhook, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    webhook.status = 500
    logging.getLogger("apprise").setLevel(logging.DEBUG)

    told = problem(AppriseChannel("teams", f"json://127.0.0.1:{webhook.port}/hunter2"))

    assert "channel 'teams' did not take a message" in told
    assert "hunter2" not in told + caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("url", ["nothing://hunter2", "msteams://hunter2"])
def test_a_url_that_apprise_does_not_know_is_told(url: str) -> None:
    told = problem(AppriseChannel("teams", url))

    assert "channel 'teams' has a URL that Apprise does not know" in told
    assert "hunter2" not in told


def test_without_apprise_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "apprise", None)

    assert "pip install 'meta-pipeline[alert]'" in problem(AppriseChannel("teams", "json://127.0.0.1/hunter2"))


def test_the_heartbeat_is_called(webhook: Webhook) -> None:
    beat(f"http://127.0.0.1:{webhook.port}/beat")

    assert webhook.calls == ["/beat"]


def test_a_heartbeat_that_is_refused_is_told(webhook: Webhook) -> None:
    webhook.status = 404

    with pytest.raises(AlertError) as refused:
        beat(webhook.url)

    assert "heartbeat was answered with HTTP status 404" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_no_unforeseen_error_quotes_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(url: str, **_: object) -> None:
        raise RuntimeError(f"broken at {url}")

    monkeypatch.setattr(requests, "post", broken)

    told = problem(SlackChannel("ops", "https://hooks.example/hunter2"))

    assert "RuntimeError" in told
    assert "hunter2" not in told
