from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args

import pytest
import tomlkit

from meta_pipeline.alert.findings import ALERT_TYPES, EventType
from meta_pipeline.alert.settings import _KEYS, _RULE_KEYS, parse_alert_settings, read_alert_settings
from meta_pipeline.exceptions import ConfigurationError
from tests.fixtures.command import write_configuration
from tests.fixtures.findings import finding

HOOK = "https://hooks.example/services/T0/B0/hunter2"
CHANNELS = {"ops": HOOK, "on_call": "pagerduty://hunter2@hunter2"}


def rules(*tables: Mapping[str, Any]) -> dict[str, Any]:
    return {"channels": CHANNELS, "rules": list(tables)}


def test_without_any_settings_nobody_is_told() -> None:
    settings = parse_alert_settings({})

    assert settings.route(finding()).channels == ()
    assert (settings.at_least, settings.remind_after, settings.problems) == ("warning", timedelta(hours=24), ())


def test_without_rules_all_channels_are_told_what_asks_for_attention() -> None:
    settings = parse_alert_settings({"channels": CHANNELS})

    assert settings.route(finding()).channels == ("ops", "on_call")
    assert settings.route(finding(severity="info")).channels == ()
    assert parse_alert_settings({"channels": CHANNELS, "at_least": "info"}).route(finding(severity="info")).channels
    assert not parse_alert_settings({"channels": CHANNELS, "at_least": "critical"}).route(finding()).channels


@pytest.mark.parametrize(
    ("rule", "concerns"),
    [
        ({}, True),
        ({"pipelines": ["crm_*"]}, True),
        ({"pipelines": ["CRM_*", "erp"]}, False),
        ({"destinations": ["ware*"], "datasets": ["crm"], "tables": ["ord*"]}, True),
        ({"destinations": ["ware*"], "datasets": ["erp"]}, False),
        ({"tables": ["orders"], "types": ["late"]}, False),
        ({"types": ["vol*"], "severities": ["warning", "critical"]}, True),
        ({"severities": ["critical"]}, False),
        ({"pipelines": []}, False),
    ],
)
def test_a_rule_concerns_what_fits_all_that_it_names(rule: dict[str, Any], concerns: bool) -> None:
    volume = finding(pipeline_name="crm_daily", alert_type="volume", table_name="orders")

    routed = parse_alert_settings(rules({**rule, "owner": "somebody"})).route(volume)

    assert (routed.finding.owner == "somebody") is concerns


def test_a_glob_that_names_pipelines_does_not_fit_what_has_none() -> None:
    routed = parse_alert_settings(rules({"pipelines": ["a*"], "mute": True})).route(finding(pipeline_name=None))

    assert not routed.is_muted


def test_for_each_thing_the_first_rule_that_says_it_decides() -> None:
    settings = parse_alert_settings(
        rules(
            {"pipelines": ["nothing"], "owner": "nobody"},
            {"types": ["late"], "severity": "critical"},
            {"owner": "data team", "severity": "info"},
            {"channels": ["on_call"], "owner": "others"},
        )
    )

    routed = settings.route(finding())

    assert (routed.finding.severity, routed.finding.owner, routed.channels) == ("critical", "data team", ("on_call",))


@pytest.mark.parametrize(
    ("pipeline", "destination", "owner"),
    [
        ("finance_daily", "lake", "finance"),
        ("crm", "warehouse", "whoever has the warehouse"),
        (None, "warehouse", "whoever has the warehouse"),
        ("crm", "lake", None),
    ],
)
def test_a_pipeline_has_the_owner_of_the_first_rule_that_is_of_it_as_a_whole(
    pipeline: str | None, destination: str, owner: str | None
) -> None:
    settings = parse_alert_settings(
        rules(
            {"types": ["volume"], "owner": "whoever counts"},
            {"tables": ["orders"], "owner": "whoever has orders"},
            {"severities": ["critical"], "owner": "whoever is awake"},
            {"pipelines": ["finance_*"], "mute": True},
            {"pipelines": ["finance_*"], "owner": "finance"},
            {"destinations": ["warehouse"], "owner": "whoever has the warehouse"},
        )
    )

    assert settings.owner_of(pipeline, destination, "any") == owner


def test_a_rule_may_raise_what_would_not_be_told_and_lower_what_would() -> None:
    settings = parse_alert_settings(
        rules({"types": ["schema_change"], "severity": "warning"}, {"types": ["late"], "severity": "info"})
    )

    assert settings.route(finding(alert_type="schema_change", severity="info")).channels == ("ops", "on_call")
    assert settings.route(finding()).channels == ()


def test_what_is_muted_is_told_to_nobody_and_an_earlier_rule_may_keep_it_audible() -> None:
    settings = parse_alert_settings(rules({"pipelines": ["kept"], "mute": False}, {"mute": True}))

    assert settings.route(finding()).is_muted
    assert settings.route(finding()).channels == ()
    assert settings.route(finding(pipeline_name="kept")).channels == ("ops", "on_call")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"chanels": {}}, "Unknown key 'chanels' in [alert]: nothing reads it. Did you mean 'channels'?"),
        (rules({"pipeline": ["x"]}), "Did you mean 'pipelines'?"),
        (rules({}, {"channels": ["opps"]}), "Nothing fits 'opps' in channels of rule 2 of [alert]"),
        (rules({"types": ["latte"]}), "Did you mean 'late'?"),
        (rules({"severities": ["critcal"]}), "Did you mean 'critical'?"),
    ],
)
def test_what_nothing_reads_is_told_and_the_rest_used(raw: dict[str, Any], words: str) -> None:
    settings = parse_alert_settings(raw)

    assert len(settings.problems) == 1
    assert words in settings.problems[0]
    assert "hunter2" not in settings.problems[0]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"channels": HOOK}, "[alert.channels] must be a table"),
        ({"channels": {"ops": ["hunter2"]}}, "Channel 'ops'"),
        ({"channels": {"ops": "hunter2"}}, "Apprise URL"),
        ({"rules": {"owner": "x"}}, "[[alert.rules]]"),
        ({"rules": ["x"]}, "rule 1 of [alert] must be a table"),
        (rules({"mute": "yes"}), "mute of rule 1 of [alert] must be true or false"),
        (rules({"channels": HOOK}), "channels of rule 1 of [alert] must be a list"),
        (rules({"pipelines": [1]}), "pipelines of rule 1 of [alert] must be a list"),
        (rules({"severity": "warnin"}), "Did you mean 'warning'?"),
        (rules({"owner": ""}), "owner of rule 1 of [alert] must be a text"),
        ({"at_least": "all"}, "info, warning, critical"),
        ({"remind_after_hours": -1}, "remind_after_hours"),
        ({"remind_after_hours": True}, "remind_after_hours"),
        ({"remind_after_hours": "often"}, "remind_after_hours"),
        ({"page_url": "example.com"}, "page_url of [alert] must begin with https://"),
        ({"heartbeat_url": "ftp://hunter2"}, "heartbeat_url of [alert] must begin with https://"),
        ({"heartbeat_url": ["hunter2"]}, "heartbeat_url of [alert] must be a text"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_a_secret(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_alert_settings(raw)

    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_zero_hours_never_remind() -> None:
    assert parse_alert_settings({"remind_after_hours": 0}).remind_after is None


def test_secrets_stand_in_no_representation() -> None:
    assert "hunter2" not in repr(parse_alert_settings({"channels": CHANNELS, "heartbeat_url": HOOK}))


DOCUMENTATION = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RUNTIME__SLACK_INCOMING_HOOK", "ALERT__CHANNELS__OPS", "ALERT__PAGE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_settings_come_from_both_files_and_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"alert": {"at_least": "critical", "page_url": "https://page", "rules": [{"owner": "us"}]}}
    secrets = {"alert": {"heartbeat_url": "https://beat", "channels": {"ops": HOOK}}}
    write_configuration(folder, config, secrets)
    monkeypatch.setenv("ALERT__CHANNELS__MAIL", "mailto://hunter2")
    monkeypatch.setenv("ALERT__PAGE_URL", "https://other")

    settings = read_alert_settings(folder)

    assert settings.channels == {"ops": HOOK, "mail": "mailto://hunter2"}
    assert (settings.at_least, settings.page_url, settings.heartbeat_url) == (
        "critical",
        "https://other",
        "https://beat",
    )
    assert settings.rules[0].owner == "us"
    assert settings.problems == ()


@pytest.mark.parametrize("where", ["config", "secrets", "environment"])
def test_dlts_own_hook_is_a_channel_where_there_is_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    hook = {"runtime": {"slack_incoming_hook": HOOK}}
    write_configuration(folder, hook if where == "config" else {}, hook if where == "secrets" else {})
    if where == "environment":
        monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", HOOK)

    assert read_alert_settings(folder).channels == {"slack": HOOK}
    monkeypatch.setenv("ALERT__CHANNELS__OPS", "https://other")
    assert read_alert_settings(folder).channels == {"ops": "https://other"}


def test_a_variable_that_is_empty_says_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT__CHANNELS__OPS", "")
    monkeypatch.setenv("ALERT__PAGE_URL", "")

    assert read_alert_settings(folder) == parse_alert_settings({})


@pytest.mark.parametrize("word", [*_KEYS, *_RULE_KEYS, *ALERT_TYPES, *get_args(EventType)])
def test_every_setting_type_and_event_is_documented(word: str) -> None:
    assert f"`{word}`" in DOCUMENTATION


def test_the_settings_of_the_documentation_are_what_they_seem() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOCUMENTATION, flags=re.DOTALL)
    first, channels, rules = (tomlkit.parse(dedent(block)).unwrap()["alert"] for block in blocks)
    settings = parse_alert_settings({**channels, **rules})

    assert parse_alert_settings(first).channels.keys() == {"data_team"}
    assert settings.problems == ()
    routed = settings.route(finding(pipeline_name="finance_daily", severity="critical"))
    assert (routed.finding.owner, routed.channels) == ("finance data", ("data_team", "on_call"))
    assert settings.route(finding(pipeline_name="sandbox_x")).is_muted


def test_without_a_folder_of_dlt_there_are_no_settings(folder: Path) -> None:
    assert read_alert_settings(folder).channels == {}
