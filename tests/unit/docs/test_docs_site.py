"""The documentation as a site: complete, with links that lead somewhere, and without a request to anywhere else."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from meta_pipeline.cli import main
from meta_pipeline.config import SOURCE_KEYS, DestinationSettings

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted((ROOT / "docs").glob("*.md"))
ELSEWHERE = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "DECISIONS.md")]
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
FETCHED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^\"'\s>]+")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_a_reader_asks_nobody_else_for_anything(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    found = {link for page in pages for link in FETCHED.findall(page.read_text(encoding="utf-8"))}
    # where search engines find the page
    assert {link for link in found if "canonical" not in link} == set()


def test_every_command_and_option_is_there(site: Path) -> None:
    page = html.unescape((site / "commands" / "index.html").read_text(encoding="utf-8"))
    for name, command in main.commands.items():
        assert f"meta-pipeline {name}" in page
        for option in command.params:
            if isinstance(option, click.Option):
                assert max(option.opts, key=len) in page, (name, option.name)


def test_links_of_the_repository_become_links_of_the_site(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="configuration/#the-home"' in page
    assert 'href="https://github.com/meta-pipeline/meta-pipeline/blob/main/.dlt/config.toml"' in page
    assert 'href="../decisions/"' in (site / "architecture" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, *ELSEWHERE], ids=lambda page: page.name)
def test_links_lead_to_files_of_the_repository(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_setting_is_explained() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(\w+)`", page, flags=re.MULTILINE))
    settings = {*SOURCE_KEYS, *DestinationSettings.__dataclass_fields__} - {"name"}
    assert settings <= explained


def test_the_page_on_marts_has_every_mart_and_a_query_of_it() -> None:
    page = (ROOT / "docs" / "marts.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"\w+", " ".join(re.findall(r"^## (.*)$", page, flags=re.MULTILINE))))
    queries = " ".join(re.findall(r"```sql\n(.*?)```", page, flags=re.DOTALL))
    marts = {path.stem for path in (ROOT / "dbt_project" / "models" / "marts").rglob("*.sql")}
    assert marts - headings == set()
    assert {mart for mart in marts if not re.search(rf"observability_marts\.{mart}\b", queries)} == set()


def test_the_readme_names_every_mart() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", page, flags=re.MULTILINE))))
    assert {path.stem for path in (ROOT / "dbt_project" / "models" / "marts").rglob("*.sql")} - rows == set()
