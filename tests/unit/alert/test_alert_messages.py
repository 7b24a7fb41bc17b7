from __future__ import annotations

import json
from typing import Any

import pytest

from meta_pipeline.alert.channels import BODY_LENGTH, plain_body
from meta_pipeline.alert.findings import ALERT_TYPES, Finding
from meta_pipeline.alert.lifecycle import Notice
from meta_pipeline.alert.messages import _TITLES, MOST_MESSAGES, Message, messages_of, plain, web_address
from meta_pipeline.alert.slack import slack_payload
from tests.fixtures.findings import HOSTILE, at, finding


def new(item: Finding, **columns: Any) -> Notice:
    return Notice(**{"kind": "new", "finding": item, "episode_at": at(1), **columns})


def only(*notices: Notice, **states: str) -> Message:
    (message,) = messages_of(notices, states)
    return message


def test_every_type_has_its_title() -> None:
    assert set(_TITLES) == set(ALERT_TYPES)


def test_a_message_says_what_where_since_when_and_who_looks_after_it() -> None:
    message = only(new(finding(owner="data team", run_url="https://ci.example/1")))

    assert message.title == "Late: pipeline k"
    assert plain_body(message, "https://page.example") == (
        "pipeline k: no load for 6 h\n"
        "warehouse.crm · warning · since 2026-01-01 06:00 UTC · for data team\n"
        "Run: https://ci.example/1\n"
        "\n"
        "Page: https://page.example"
    )


def test_what_has_one_cause_is_one_message() -> None:
    down = [
        finding(
            str(number),
            alert_type="unreachable",
            severity="critical",
            pipeline_id=None,
            pipeline_name=None,
            subject=f"warehouse.d{number}",
            dataset_name=f"d{number}",
            summary="could not be read: no answer",
            cause_key="warehouse is down",
        )
        for number in range(10, 50)
    ]

    message = only(*map(new, down))

    assert message.title == "Not readable: warehouse (40 datasets)"
    assert message.sections[0].lines == (
        "warehouse.d10, warehouse.d11, warehouse.d12, warehouse.d13, warehouse.d14 and 35 more: "
        "could not be read: no answer",
    )
    assert len(message.notices) == 40
    assert message.mood == "critical"


def test_what_a_pipeline_has_is_one_message_the_worst_first() -> None:
    late = finding("late", cause_key="p")
    volume = finding("v", alert_type="volume", cause_key="p", severity="critical", subject="orders", summary="no rows")

    message = only(new(late), new(volume))

    assert message.title == "Unusual volume: orders (pipeline v)"
    assert message.sections[0].lines == ("orders: no rows", "pipeline late: no load for 6 h")


def test_what_is_over_says_how_the_pipeline_is_now() -> None:
    message = only(new(finding(), kind="over", ended_at=at(2)), **{"id of k": "healthy: last load 5 min ago"})

    assert (message.title, message.mood) == ("Over: late: pipeline k", "over")
    assert message.sections[0].lines == ("pipeline k: healthy: last load 5 min ago",)


def test_two_statuses_that_are_over_are_said_once() -> None:
    failing = finding("f", alert_type="failing", subject="pipeline k", pipeline_id="id of k", cause_key="id of k")

    message = only(
        new(finding(), kind="over", ended_at=at(2)),
        new(failing, kind="over", ended_at=at(2)),
        **{"id of k": "healthy: fine"},
    )

    assert message.sections[0].lines == ("pipeline k: healthy: fine",)


def test_what_is_watched_no_more_says_so() -> None:
    message = only(new(finding(), kind="over", ended_at=at(2)))

    assert message.sections[0].lines == ("pipeline k: it is not watched any more",)


def test_what_could_not_be_told_in_time_says_so() -> None:
    message = only(new(finding(), kind="missed", ended_at=at(2)))

    assert message.title == "Was, and is over: late: pipeline k"
    assert "no load for 6 h (this could not be told when it began; over since 2026-01-02 12:00 UTC)" in str(message)


def test_reminders_share_one_message() -> None:
    told = messages_of([new(finding(key), kind="still") for key in "abc"] + [new(finding("d"))], {})

    assert [message.title for message in told] == ["Late: pipeline d", "3 findings still open"]
    assert [section.title for section in told[1].sections] == [f"Late: pipeline {key}" for key in "abc"]


@pytest.mark.parametrize(("causes", "messages"), [(10, 10), (11, 1), (40, 3)])
def test_many_causes_at_once_share_messages_and_none_is_left_out(causes: int, messages: int) -> None:
    keys = [f"{number:03}" for number in range(causes)]

    told = messages_of([new(finding(key)) for key in keys], {})

    assert len(told) == messages <= MOST_MESSAGES
    assert sorted(notice.finding.alert_key for message in told for notice in message.notices) == keys
    for message in told:
        assert len(slack_payload(message, None)["blocks"]) <= 50


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain", "plain"),
        ("one\n2\r\n\tthree", "one 2 thr…"),
        ("abc\u202edef\u200f", "abc def"),
        ("a\x00\x1b[31mb", "a [31mb"),
        ("12345678901", "123456789…"),
        ("Grüße 世界 🙂", "Grüße 世界 🙂"),
    ],
)
def test_a_text_is_one_line_without_anything_that_is_not_seen(text: str, said: str) -> None:
    assert plain(text, 10) == said


def hostile(text: str) -> list[Notice]:
    everywhere = dict.fromkeys(("destination_name", "dataset_name", "pipeline_name", "table_name"), text)
    told = [finding("s", subject=text, summary=text, run_url=text, owner=text, **everywhere)]
    told += [finding(str(key), subject=f"{key}{text}", summary=f"{key}{text}", cause_key="x") for key in range(30)]
    return [new(item) for item in told]


def texts(payload: Any) -> list[str]:
    if isinstance(payload, dict):
        return [text for value in payload.values() for text in texts(value)]
    if isinstance(payload, list):
        return [text for value in payload for text in texts(value)]
    return [payload] if isinstance(payload, str) else []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_plain_text_within_slacks_limits(text: str) -> None:
    for message in messages_of(hostile(text), {}):
        payload = slack_payload(message, "https://page.example")

        for found in texts(payload):
            without_page = found.replace("<https://page.example|Page>", "")
            assert not {"<", ">", "\u202e", "\u200f", "\u2066", "\x00", "\x1b", "\r"} & set(without_page)
            assert not any(f"@{name}" in found for name in ("everyone", "channel", "here", "U1"))
            assert len(found) <= 3_000
        marked = [element for block in payload["blocks"] for element in block.get("elements", ())]
        marked = [element["text"] for element in marked if element["type"] == "mrkdwn"]
        assert set(marked) <= {"<https://page.example|Page>"}, "no name stands where markup is read"
        assert payload["mrkdwn"] is False
        assert len(payload["blocks"]) <= 50
        assert len(payload["blocks"][0]["text"]["text"]) <= 150
        assert all(block["text"]["text"] for block in payload["blocks"] if "text" in block), "no text is empty"
        assert len(json.dumps(payload)) < 100_000


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_bounded_in_plain_messages(text: str) -> None:
    for message in messages_of(hostile(text), {}):
        body = plain_body(message, None)

        assert len(body) <= BODY_LENGTH * len(message.sections)
        assert not {"\u202e", "\u200f", "\x00", "\x1b", "\r"} & set(body)


def test_an_escaped_text_is_cut_between_two_characters() -> None:
    payload = slack_payload(only(new(finding(summary="&" * 10_000, subject="&" * 10_000))), None)

    text = payload["blocks"][0]["text"]["text"]
    assert text.endswith("&amp;…")


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://github.com/acme/pipelines/actions/runs/1", True),
        ("http://airflow.example/dags/a/grid?dag_run_id=x&task=y", True),
        ("javascript:alert(1)", False),
        ("https://evil.example|click", False),
        ("https://evil.example> <!channel>", False),
        ("https://evil.example/\n<!channel>", False),
        ("https://evil.example/\u202e", False),
        ("https://example.com/" + "x" * 500, False),
        ("", False),
        (None, False),
    ],
)
def test_a_link_is_a_web_address_and_nothing_else(url: str | None, is_link: bool) -> None:
    assert web_address(url) == (url if is_link else None)


def test_links_lead_to_the_run_and_the_page() -> None:
    message = only(new(finding(run_url="https://ci.example/1?a=b&c=d")))

    elements = slack_payload(message, "https://page.example")["blocks"][-1]["elements"]

    assert elements[-1] == {
        "type": "mrkdwn",
        "text": "<https://ci.example/1?a=b&amp;c=d|Run>  <https://page.example|Page>",
    }
