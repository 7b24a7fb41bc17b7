"""The real command, on a home with findings of every severity and names of every kind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from meta_pipeline.home import Home
from meta_pipeline.report.status import read_status
from meta_pipeline.transform import transform
from tests.fixtures.command import Done, run
from tests.fixtures.findings import HOSTILE
from tests.fixtures.raw_dataset import RawDataset, coverage, let_marts_show, load, state
from tests.fixtures.webhook import Webhook, running_webhook

DAYS = [f"2026-01-{day:02d} 06:00" for day in range(1, 11)]
NAMES = [text or "nothing" for text in HOSTILE.values()]
COLLECTED = "2026-01-12 12:00"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with marts: pipelines of hostile names that are late, and a destination that could not be read."""
    folder = tmp_path_factory.mktemp("built")
    raw = RawDataset(folder / "meta_pipeline.duckdb").create()
    for number, name in enumerate(NAMES):
        of = {"dataset_name": f"d{number}", "schema_name": name, "collected_at": COLLECTED}
        named = {key: value for key, value in of.items() if key != "schema_name"}
        raw.write(
            loads=[load(at, **of) for at in DAYS],
            pipeline_states=[state(name, at, **named) for at in DAYS],
            coverage=[coverage(f"d{number}", "2026-01-01 12:00", COLLECTED)],
        )
    away = {"destination_name": "away", "error": "away: no answer"}
    raw.write(coverage=[coverage(None, "2026-01-01 12:00", COLLECTED, "unreachable", **away)])
    for destination in ("warehouse", "away"):
        raw.finish_collection(COLLECTED, destination=destination)
    transform(Home("duckdb", str(raw.path), folder / ".meta_pipeline"))
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    shutil.copy(built / "meta_pipeline.duckdb", tmp_path)
    return tmp_path


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running_webhook() as running:
        yield running


def alert(folder: Path, webhook: Webhook, *options: str, **more: str) -> Done:
    return run(folder, "alert", *options, **{"ALERT__CHANNELS__OPS": webhook.url, **more})


def events(folder: Path) -> list[tuple[str, str | None, int]]:
    with duckdb.connect(str(folder / "meta_pipeline.duckdb"), read_only=True) as connection:
        return connection.execute(
            "select event_type, channel, count(*) from observability.alert_events group by all order by all"
        ).fetchall()


def test_findings_are_told_once(folder: Path, webhook: Webhook) -> None:
    first, second = alert(folder, webhook), alert(folder, webhook)

    assert (first.code, second.code) == (1, 1), "a destination that cannot be read is critical, told or not"
    assert events(folder) == [("notified", "ops", len(NAMES) + 1), ("opened", None, len(NAMES) + 1)]
    assert "1 channel" in first.err
    assert "Told" not in second.err
    assert f"{len(NAMES) + 1} findings open." in second.err
    assert len(webhook.told) == 1, "so many at once share a message"


def test_hostile_names_arrive_as_plain_text(folder: Path, webhook: Webhook) -> None:
    alert(folder, webhook)

    (message,) = webhook.told
    blocks = [block["text"] for block in message["blocks"] if "text" in block]
    blocks += [element for block in message["blocks"] for element in block.get("elements", ())]
    assert {block["type"] for block in blocks} == {"plain_text"}
    assert max(len(block["text"]) for block in blocks) <= 3_000
    text = "\n".join(block["text"] for block in blocks)
    assert "&lt;!channel&gt; &lt;!here&gt;" in text
    assert "*bold* _under_" in text
    assert not {"<", ">", "\u202e", "\x1b"} & set(text)


def test_a_dry_run_prints_what_would_be_told_and_writes_nothing(folder: Path, webhook: Webhook) -> None:
    done = alert(folder, webhook, "--dry-run")

    assert done.code == 1
    assert "[ops] " in done.out
    assert "away: could not be read (unreachable) since 2026-01-01 12:00 UTC: away: no answer" in done.out
    assert (webhook.calls, events(folder)) == ([], [])


def test_without_a_channel_a_dry_run_prints_what_one_would_be_told(folder: Path) -> None:
    done = run(folder, "alert", "--dry-run")

    assert "No channel is configured in [alert.channels]" in done.err
    assert "away: could not be read" in done.out


def test_findings_and_messages_can_be_read_by_programs(folder: Path, webhook: Webhook) -> None:
    found = alert(folder, webhook, "--json", ALERT__RULES='[{"types": ["late"], "owner": "us", "mute": true}]').json

    assert {(item["owner"], item["is_muted"]) for item in found["findings"]} == {("us", True), (None, False)}
    assert [(item["channel"], item["title"], item["is_told"]) for item in found["messages"]] == [
        ("ops", "Not readable: away", True)
    ]
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("rules", "fail_on", "code"),
    [
        ("[]", "critical", 1),
        ("[]", "never", 0),
        ('[{"types": ["unreachable"], "severity": "warning"}]', "critical", 0),
        ('[{"types": ["unreachable"], "severity": "warning"}]', "warning", 1),
        ('[{"types": ["unreachable"], "mute": true}]', "critical", 0),
        ('[{"mute": true}]', "warning", 0),
    ],
)
def test_the_exit_code_follows_the_rules(folder: Path, rules: str, fail_on: str, code: int) -> None:
    assert run(folder, "alert", "--fail-on", fail_on, ALERT__RULES=rules).code == code


def test_a_channel_that_is_down_is_named_and_the_others_are_told(folder: Path, webhook: Webhook) -> None:
    down = {"ALERT__CHANNELS__DOWN": "http://127.0.0.1:1/hunter2"}

    first = alert(folder, webhook, **down)
    assert first.code == 2
    assert "Problem: channel 'down' could not be reached" in first.err
    assert len(webhook.told) == 1
    assert ("undelivered", "down", len(NAMES) + 1) in events(folder)

    second = alert(folder, webhook, ALERT__CHANNELS__DOWN=webhook.url)
    assert second.code == 1
    assert len(webhook.told) == 2


def test_urls_stand_nowhere(folder: Path, webhook: Webhook) -> None:
    webhook.status = 404
    secrets = {"ALERT__CHANNELS__APPRISE": "json://hunter2:hunter2@127.0.0.1:1", "ALERT__HEARTBEAT_URL": webhook.url}

    done = [alert(folder, webhook, **secrets), alert(folder, webhook, "--json", **secrets)]
    done.append(run(folder, "--verbose", "alert", ALERT__CHANNELS__OPS=webhook.url, **secrets))

    assert [item.code for item in done] == [2, 2, 2]
    assert not any("hunter2" in item.out + item.err for item in done)
    with duckdb.connect(str(folder / "meta_pipeline.duckdb"), read_only=True) as connection:
        rows = connection.execute("select * from observability.alert_events").fetchall()
    assert rows
    assert "hunter2" not in str(rows)


def test_of_the_past_nobody_is_told(folder: Path, webhook: Webhook) -> None:
    let_marts_show(folder / "meta_pipeline.duckdb", datetime(2026, 1, 11, tzinfo=timezone.utc))

    for options in ((), ("--dry-run",)):
        done = alert(folder, webhook, *options)
        assert done.code == 2
        assert "The marts show the past, 2026-01-11 00:00 UTC, of which nobody is told" in done.err
        assert "meta-pipeline transform" in done.err
    assert webhook.calls == []


def test_findings_are_as_bad_as_the_status_says(folder: Path, webhook: Webhook) -> None:
    found = alert(folder, webhook, "--json").json["findings"]

    fleet = read_status(Home("duckdb", str(folder / "meta_pipeline.duckdb"), folder / ".meta_pipeline"))
    told = {(item["alert_type"], item["severity"]) for item in found}
    assert told == {(item.status, item.severity) for item in fleet.pipelines} | {("unreachable", "critical")}
    assert {item.severity for item in fleet.uncovered} == {"critical"}
