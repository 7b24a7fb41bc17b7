from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.governance import FINDINGS, read_governance
from meta_pipeline.transform.project import project_folder
from tests.fixtures.collected import clear_environment

DOCUMENT = (Path(__file__).parents[2] / "docs" / "governance.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clear_environment(monkeypatch)
    (tmp_path / ".dlt").mkdir()
    return tmp_path


def write(folder: Path, *lines: str) -> Path:
    (folder / ".dlt" / "config.toml").write_text("\n".join(["[governance]", *lines]), encoding="utf-8")
    return folder


def test_what_is_not_set_is_left_to_the_project(folder: Path) -> None:
    assert read_governance(folder) == {}


def test_settings_become_variables_of_the_project(folder: Path) -> None:
    write(
        folder,
        'pii_hints = ["x-private"]',
        'pii_meta = ["owner=legal"]',
        "pii_tags = []",
        'names = { loyalty_card = "payment" }',
        'skip_names = ["location"]',
        'exceptions = [{ finding = "untagged", columns = "crm.*.email", reason = "test data" }]',
    )

    assert read_governance(folder) == {
        "pii_hints": ["x-private"],
        "pii_meta": ["owner=legal"],
        "pii_tags": [],
        "pii_names": {"loyalty_card": "payment"},
        "pii_skip_names": ["location"],
        "governance_exceptions": [{"finding": "untagged", "columns": "crm.*.email", "reason": "test data"}],
    }


def test_settings_may_stand_in_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVERNANCE__PII_TAGS", json.dumps(["private"]))

    assert read_governance(folder) == {"pii_tags": ["private"]}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('pii_tag = ["pii"]', "Did you mean 'pii_tags'?"),
        ('pii_hints = "x-private"', "pii_hints in [governance] must be a list of texts, not 'x-private'"),
        ("pii_tags = [1]", "pii_tags in [governance] must be a list of texts"),
        ('names = ["loyalty_card"]', "names in [governance] must be a table of categories by name"),
        ("names = { loyalty_card = 1 }", "names in [governance] must be a table of categories by name"),
        ('exceptions = "untagged"', "exceptions in [governance] must be a list of tables"),
        ('exceptions = ["untagged"]', "exceptions in [governance] must be a list of tables"),
        ('exceptions = [{ finding = "untagged" }]', "It lacks reason."),
        ('exceptions = [{ reason = "because" }]', "It lacks finding."),
        ('exceptions = [{ finding = "untaged", reason = "because" }]', "Did you mean 'untagged'?"),
        ('exceptions = [{ finding = "untagged", column = "x", reason = "because" }]', "Did you mean 'columns'?"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, line: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_governance(write(folder, line))

    assert words in str(raised.value)


def test_findings_are_those_of_the_mart_and_described() -> None:
    (model,) = yaml.safe_load(
        (project_folder() / "models" / "marts" / "governance" / "governance_findings.yml").read_text(encoding="utf-8")
    )["models"]
    (values,) = (
        test["accepted_values"]["arguments"]["values"]
        for column in model["columns"]
        if column["name"] == "finding_type"
        for test in column["data_tests"]
        if isinstance(test, dict)
    )

    assert tuple(values) == FINDINGS
    assert re.findall(r"^\| `(\w+)` \| (?:warning|info)", DOCUMENT, flags=re.MULTILINE) == list(FINDINGS)


@pytest.mark.parametrize("setting", ["pii_hints", "pii_meta", "pii_tags", "names", "skip_names", "exceptions"])
def test_every_setting_is_described(setting: str) -> None:
    assert f"| `{setting}` |" in DOCUMENT
