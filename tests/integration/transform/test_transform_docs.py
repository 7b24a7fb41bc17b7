"""The queries that the documentation gives are answered by the marts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.transform.fleet import FleetHome

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _queries() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
            for statement in re.sub(r"^\s*--.*$", "", block, flags=re.MULTILINE).split(";"):
                if re.match(r"\s*(select|with)\b", statement) and "observability_marts." in statement:
                    yield page.name, statement.strip()


@pytest.mark.parametrize(("page", "query"), list(_queries()))
def test_the_marts_answer_it(fleet_home: FleetHome, page: str, query: str) -> None:
    assert fleet_home.restore("second transform").query(query) is not None


def test_the_notebook_shows_what_the_marts_hold(
    fleet_home: FleetHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "bi.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    shutil.copy(fleet_home.saved("second transform"), tmp_path / "meta_pipeline.duckdb")
    monkeypatch.chdir(tmp_path)
    exec(code)
    assert "crm_daily" in capsys.readouterr().out


def test_there_are_some_for_every_page_that_has_marts_to_ask() -> None:
    assert {"README.md", "marts.md", "bi.md", "alerts.md"} <= {page for page, _ in _queries()}
