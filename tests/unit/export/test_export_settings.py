from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.export.settings import _KEYS, checked_url, parse_export_settings, read_export_settings
from tests.fixtures.command import write_configuration

DOCUMENTATION = (Path(__file__).parents[3] / "docs" / "export.md").read_text(encoding="utf-8")


def test_without_settings_nothing_is_sent_anywhere() -> None:
    settings = parse_export_settings({})

    assert (settings.url, settings.token, settings.namespace, settings.namespaces) == (None, None, "meta-pipeline", {})


def test_settings_come_from_both_files_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"url": "https://lineage.example", "namespaces": {"warehouse": "duckdb://warehouse", "lake": "s3://lake"}}
    write_configuration(tmp_path, {"export": {"openlineage": config}}, {"export": {"openlineage": {"token": "old"}}})
    monkeypatch.setenv("EXPORT__OPENLINEAGE__TOKEN", "hunter2")
    monkeypatch.setenv("EXPORT__OPENLINEAGE__NAMESPACE", "fleet")
    monkeypatch.setenv("EXPORT__OPENLINEAGE__NAMESPACES__WAREHOUSE", "duckdb://other")
    monkeypatch.setenv("EXPORT__OPENLINEAGE__URL", "")

    settings = read_export_settings(tmp_path)

    assert (settings.url, settings.token, settings.namespace) == ("https://lineage.example", "hunter2", "fleet")
    assert settings.namespaces == {"warehouse": "duckdb://other", "lake": "s3://lake"}
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"urll": "x"}, "Did you mean 'url'"),
        ({"url": "lineage.example"}, "must begin with https://"),
        ({"url": "ftp://lineage.example"}, "must begin with https://"),
        ({"url": "https://hunter2 lineage.example"}, "must begin with https://"),
        ({"url": "https://[hunter2"}, "must begin with https://"),
        ({"url": "https://hunter2:hunter2@lineage.example"}, "Write what the receiver asks for as token"),
        ({"url": "https://lineage.example/?key=hunter2"}, "Write what the receiver asks for as token"),
        ({"token": 5}, "token in [export.openlineage] must be a text"),
        ({"namespace": ""}, "namespace in [export.openlineage] must be a text"),
        ({"namespaces": ["hunter2"]}, "must be a table of texts by destination"),
        ({"namespaces": {"pg": 5}}, "must be a table of texts by destination"),
        (
            {"namespaces": {"pg": "postgres://u:hunter2@db:5432"}},
            "'pg' of namespaces in [export.openlineage] must have",
        ),
        ({"namespaces": {"pg": "postgres://hunter2@db:5432"}}, "no user, password or query string: it is sent"),
        ({"namespaces": {"lake": "abfss://c:hunter2@store.example"}}, "no user, password or query string"),
    ],
)
def test_a_wrong_setting_is_told_without_what_may_be_a_secret(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_export_settings(raw)

    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_container_of_azure_is_no_user() -> None:
    namespace = "abfss://lake@store.dfs.core.windows.net"

    assert parse_export_settings({"namespaces": {"lake": namespace}}).namespaces == {"lake": namespace}


def test_a_url_of_the_command_line_is_named_as_it_is_written_there() -> None:
    with pytest.raises(ConfigurationError, match="--url must begin with"):
        checked_url("lineage.example", "--url")


@pytest.mark.parametrize("key", _KEYS)
def test_every_setting_is_documented(key: str) -> None:
    assert f"`{key}`" in DOCUMENTATION
