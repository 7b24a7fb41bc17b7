"""What a page for everybody holds, and what it does not."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

import duckdb
import pytest

from meta_pipeline.report.page.disclosure import PUBLIC_MARTS
from tests.integration.report.conftest import ADDRESS, INBOX, PERSON, SECRET_WORDS, Site

pytestmark = pytest.mark.xdist_group("page")

# Words of errors, and where things lie: of a captured run, of a place that could not be read, of a dbt project.
HIDDEN = (
    *(SECRET_WORDS, "close the other program", "no space", "dbt/manifest.json"),
    *(INBOX, ADDRESS, PERSON, "x-annotation-pii", "warehouse.example", "shop.example"),
)
# Names that stand in both.
SHOWN = ("crm_daily", "orders", "its last run, on 2026-01-21 08:00 UTC, failed in extract")


def unpacked(page: Path) -> str:
    """Returns a page with what is packed in it as text."""
    text = page.read_text(encoding="utf-8")
    parts = re.findall(r'<script type="text/plain" id="part-[^"]*">([^<]*)</script>', text)
    assert parts
    return text + "".join(gzip.decompress(base64.b64decode(part)).decode() for part in parts)


def rows_of(folder: Path) -> str:
    """Returns all rows of all files as text."""
    files = sorted((folder / "data").glob("*.parquet"))
    with duckdb.connect() as connection:
        return "".join(str(connection.execute("from read_parquet(?)", [str(file)]).fetchall()) for file in files)


def test_a_page_for_everybody_has_no_words_of_errors(site: Site) -> None:
    told = unpacked(site.public / "index.html") + rows_of(site.public)

    assert [words for words in HIDDEN if words in told] == []
    assert [words for words in SHOWN if words not in told] == []


def test_a_page_with_details_has_them(site: Site) -> None:
    page, rows = unpacked(site.detailed / "index.html"), rows_of(site.detailed)

    assert SECRET_WORDS in page
    assert [words for words in (*HIDDEN, *SHOWN) if words not in rows] == []


def test_every_public_mart_lies_beside_the_page(site: Site) -> None:
    assert {file.stem for file in (site.public / "data").iterdir()} == PUBLIC_MARTS


def test_files_of_marts_that_are_not_shown_any_more_are_removed(site: Site, tmp_path: Path) -> None:
    from meta_pipeline.report.page.extract import Clock, Extract
    from tests.integration.report.conftest import NOW

    for name in ("pii_columns.parquet", "pii_columns.parquet.part", "customers.parquet", "notes.txt"):
        (tmp_path / name).touch()
    with duckdb.connect() as connection:
        connection.execute("create table alerts as select 1 as one")
        Extract(Clock(NOW, False, []), connection, {"alerts": 1}).write_files(tmp_path, ["alerts", "pii_columns"])

    assert {file.name for file in tmp_path.iterdir()} == {"alerts.parquet", "customers.parquet", "notes.txt"}
