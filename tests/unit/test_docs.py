"""What the documentation tells people to type exists, and what it tells them to copy is well-formed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from meta_pipeline.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SCHEDULE = ROOT / "docs" / "schedule.md"

_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```", flags=re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
# A command stands at the beginning of a line, or after what may come before one; elsewhere it is a name in a sentence.
_COMMAND = re.compile(r"""(?:^|[/"'(]|&& |: )meta-pipeline["']?,?((?: +[^\s|#;&)]+)*)""", flags=re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in _FENCED.findall(page.read_text(encoding="utf-8")) if found == language]


def commands(page: Path) -> Iterator[list[str]]:
    text = page.read_text(encoding="utf-8")
    code = [block for language, block in _FENCED.findall(text) if language in ("", "sh", "yaml", "python", "ini")]
    for snippet in [*code, *_INLINE.findall(_FENCED.sub("", text))]:
        for words in _COMMAND.findall(snippet):
            yield [word.strip("\"',[]") for word in words.split()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_with_its_options_exists(page: Path) -> None:
    unknown = []
    for words in commands(page):
        names = [word for word in words if word in main.commands]
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        if not words or words[0].startswith("-") or words[0] == "COMMAND":
            continue
        if words[0] not in main.commands:
            unknown.append(words)
            continue
        command: click.Command = main.commands[names[0]]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        unknown += [[words[0], option] for option in options - known]

    assert unknown == []


def test_every_command_is_documented() -> None:
    told = {words[0] for page in PAGES for words in commands(page) if words}

    assert set(main.commands) - told == set()


def test_the_commands_of_the_schedule_are_found() -> None:
    assert [" ".join(words) for words in commands(SCHEDULE)][:3] == [
        "run",
        "init --destination finance_pg=postgres --home postgres",
        "init --destination lake_bq=bigquery --home bigquery --oidc bigquery",
    ]
    assert sum(words[:1] == ["run"] for words in commands(SCHEDULE)) >= 5


@pytest.mark.parametrize("code", blocks(SCHEDULE, "python"))
def test_code_of_the_schedule_compiles(code: str) -> None:
    assert compile(code, "schedule.md", "exec").co_names


@pytest.mark.parametrize("text", blocks(SCHEDULE, "yaml"))
def test_manifests_of_the_schedule_parse(text: str) -> None:
    assert yaml.safe_load(text)["kind"] == "CronJob"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_accepts_its_units(tmp_path: Path) -> None:
    for text in blocks(SCHEDULE, "ini"):
        name = re.findall(r"meta-pipeline\.(?:service|timer)", text)[0]
        # The program and the user are none of this machine.
        here = text.replace("/srv/fleet/.venv/bin/meta-pipeline", "/bin/true").replace("User=observer\n", "")
        (tmp_path / name).write_text(here, encoding="utf-8")
    files = sorted(map(str, tmp_path.iterdir()))

    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)

    assert [Path(file).name for file in files] == ["meta-pipeline.service", "meta-pipeline.timer"]
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
