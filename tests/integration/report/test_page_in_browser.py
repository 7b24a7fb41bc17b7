"""The page in a real browser: it shows what it should, asks nobody for anything, and everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from meta_pipeline.report.page.html import render_page
from meta_pipeline.report.page.views import View
from tests.fixtures.browser import Opened, Scheme, find_browser, opened, running_browser
from tests.fixtures.command import Done
from tests.integration.report.conftest import HOSTILE, NOW, SECRET_WORDS, Site

pytestmark = [
    pytest.mark.xdist_group("page"),
    # What drives the browser leaves its own loop to be closed at the end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

VIEWS = ("fleet", "pipelines", "pipelines?view=calendar", "changes", "lineage", "governance", "pipeline")


# What drives the browser keeps a loop running in its thread, which other modules may want to have of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium is installed; make browser says how to get one")
    with running_browser(path) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Opened]:
    with opened(browser, site.public / "index.html", at=NOW) as page:
        yield page
        assert page.said == []
        assert page.asked == []


def names(page: Opened) -> list[str]:
    return page.page.locator("main tbody tr td:nth-child(2) a").all_inner_texts()


def pipeline_address(page: Opened, name: str) -> str:
    page.go("pipelines")
    return str(page.page.locator("main tbody a", has_text=name).first.get_attribute("href")).removeprefix("#/")


def test_the_fleet_is_counted_by_status_worst_first(page: Opened) -> None:
    counts = page.page.locator("main .counts li").all_inner_texts()

    assert [text.split() for text in counts] == [
        ["1", "unreachable"],
        ["1", "failing"],
        ["1", "stalled"],
        ["1", "late"],
        ["1", "anomalous"],
        ["5", "new"],
    ]


def test_a_count_leads_to_its_pipelines(page: Opened) -> None:
    page.page.click("main .counts a:has-text('stalled')")
    page.page.wait_for_selector("h1:has-text('Pipelines')")

    assert names(page) == ["shop"]


def test_pipelines_are_found_by_any_word(page: Opened) -> None:
    page.go("pipelines")
    page.page.fill("input[type=search]", "SHARED web")

    assert sorted(names(page)) == ["clicks", "visits"]
    assert "2 pipelines of" in page.text("main [role=status]")

    page.page.fill("input[type=search]", "nothing is called like that")
    assert "No pipeline is like that" in page.text()


def test_what_was_searched_stands_in_the_address(page: Opened) -> None:
    page.go("pipelines?q=shop")

    assert names(page) == ["shop"]
    assert page.page.input_value("input[type=search]") == "shop"


def test_headers_sort_both_ways_and_say_so(page: Opened) -> None:
    page.go("pipelines?q=s")
    header = page.page.locator("th", has_text="Pipeline")

    header.locator("button").click()
    ascending = names(page)
    assert header.get_attribute("aria-sort") == "ascending"
    header.locator("button").click()

    assert header.get_attribute("aria-sort") == "descending"
    assert names(page) == ascending[::-1]
    assert len(ascending) > 2


def test_the_calendar_shows_gaps(page: Opened) -> None:
    page.go("pipelines?q=late_comer&view=calendar")

    label = page.page.locator("svg.days[role=img]").get_attribute("aria-label")
    assert label == "loads on 11 of 90 days, longest gap 9 days"
    page.page.click("summary:has-text('The calendar as a table')")
    assert "2026-01-13 to 2026-01-21" in page.text("main details")


def test_a_pipeline_has_its_runs_volume_changes_and_what_it_reads_and_feeds(page: Opened) -> None:
    page.go(pipeline_address(page, "shop"))
    page.page.wait_for_selector(".chart[data-drawn] svg")

    text = page.text()
    assert "orders endpoint" in text
    assert "postgres.copy" in text
    assert "ValueError" in text
    runs = page.page.locator("section:has(h2:text-is('Runs')) tbody tr")
    assert runs.first.inner_text().split()[:2] == ["2026-01-21", "05:00"]
    assert page.page.locator("svg.steps").count() > 3
    page.page.click("summary:has-text('The numbers as a table')")
    assert "2026-01-20" in page.text("section:has(h2:text-is('History')) details")


def test_schema_changes_are_searched_by_column(page: Opened) -> None:
    page.go("changes")
    page.page.fill("input[type=search]", "coupon")

    assert page.page.locator("main tbody tr").count() == 1
    assert "column added" in page.text("main tbody tr")


def test_lineage_is_followed_from_a_table_to_what_is_made_of_it(page: Opened) -> None:
    page.go("lineage")
    everything = page.page.locator("g.node").count()
    page.page.fill("input[type=search]", "crm.orders")
    page.page.click(".results button >> nth=0")

    shown = page.page.locator("g.node").all()
    assert 2 <= len(shown) < everything
    assert "sales" in page.text(".side")

    page.page.click("text=Upstream")
    assert page.page.locator("g.node", has_text="sales").count() == 0


def test_columns_are_followed_in_the_picture(page: Opened) -> None:
    page.go("lineage")
    page.page.fill("input[type=search]", "warehouse.crm.orders")
    page.page.click(".results button >> nth=0")
    page.page.click(".side button:has-text('Open its')")
    page.page.click(".side button.link:has-text('total')")

    assert "total is connected with" in page.text(".side")
    assert page.page.locator("path.of-column.on").count() == 1
    page.page.click("summary:has-text('The picture as a table')")
    told = page.page.locator("main details tr", has_text="warehouse.crm.orders.total")
    assert told.inner_text().split() == ["warehouse.crm.orders.total", "shop.main.sales.total", "aggregated"]


def test_lineage_is_walked_by_keys(page: Opened) -> None:
    page.go("lineage")
    page.page.locator("g.node[tabindex='0']").focus()
    before = page.page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.page.keyboard.press("ArrowRight")
    after = page.page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.page.keyboard.press("Enter")

    assert before != after
    assert page.page.locator("g.node.chosen").get_attribute("aria-label") == after


@pytest.mark.parametrize("name", HOSTILE, ids=["script", "right to left", "long"])
def test_hostile_names_are_text(page: Opened, name: str) -> None:
    page.go("pipelines?q=hostile")
    page.page.set_viewport_size({"width": 390, "height": 800})
    assert name in page.page.locator("main").text_content()

    page.go(pipeline_address(page, name[:40]))
    assert name in page.page.locator("h1").text_content()
    assert page.page.title() == f"{name} · meta-pipeline"
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.go("lineage")
    assert page.page.locator("main script, main img").count() == 0


def test_what_a_browser_would_run_is_no_link(browser: Browser, site: Site) -> None:
    with opened(browser, site.public / "index.html", at=NOW) as page:
        links = page.page.eval_on_selector_all("a", "links => links.map(link => link.href.split(':')[0])")

    assert set(links) <= {"file", "https", "http"}


def test_the_past_is_told(page: Opened) -> None:
    assert "This page shows the past" in page.text("#age")


@pytest.mark.parametrize(("age", "is_late"), [(timedelta(hours=1), False), (timedelta(days=30), True)])
def test_a_watcher_that_is_late_itself_is_told_in_red(
    browser: Browser, site: Site, age: timedelta, is_late: bool
) -> None:
    with opened(browser, site.late / "index.html", at=NOW + age) as page:
        assert ("The watcher itself is late" in page.text("#age")) == is_late
        assert (page.page.get_attribute("#age", "class") == "late") == is_late


def test_details_are_shown_only_where_they_were_asked_for(browser: Browser, site: Site) -> None:
    for folder, is_shown in ((site.public, False), (site.detailed, True)):
        with opened(browser, folder / "index.html", at=NOW) as page:
            page.go(pipeline_address(page, "visits"))
            assert (SECRET_WORDS in page.text()) == is_shown


def test_where_there_is_nothing_words_say_so(browser: Browser, empty: tuple[Done, Path]) -> None:
    words = {
        "fleet": ("No pipelines yet", "Nothing is wrong that is known"),
        "pipelines": ("No pipelines yet",),
        "pipelines?view=calendar": ("No pipelines yet",),
        "changes": ("No change of a schema is known",),
        "lineage": ("Nothing is known yet",),
    }
    with opened(browser, empty[1] / "site" / "index.html") as page:
        for view, said in words.items():
            page.go(view)
            assert [text for text in said if text not in page.text()] == [], view
        assert page.said == []


def test_an_address_that_leads_nowhere_says_so(page: Opened) -> None:
    page.go("pipeline/gone")
    assert "There is no such view" in page.text()
    page.go("constructor")
    assert "There is no such view" in page.text()


def test_everything_is_reached_by_keyboard(page: Opened) -> None:
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.id") == "view"
    assert page.page.evaluate("location.hash") == "#/fleet"

    page.go("changes")
    assert page.page.evaluate("document.activeElement.id") == "view"
    assert page.page.locator("nav a[aria-current=page]").inner_text() == "Schema changes"


@pytest.mark.parametrize("scheme", get_args(Scheme))
def test_no_view_keeps_anybody_out(browser: Browser, site: Site, scheme: Scheme) -> None:
    found: dict[str, Any] = {}
    for width in (1280, 390):
        with opened(browser, site.detailed / "index.html", width=width, scheme=scheme, at=NOW) as page:
            shop = pipeline_address(page, "shop")
            for view in (shop if view == "pipeline" else view for view in VIEWS):
                page.go(view)
                page.page.evaluate("for (const more of document.querySelectorAll('main details')) more.open = true")
                violations = Axe().run(page.page).response["violations"]
                found |= {f"{view} {width}": _told(violations)} if violations else {}
                assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{view} {width}"
            assert page.said == []

    assert found == {}


# Rows of the governance marts, by the columns that the view shows, as columns.
GOVERNANCE: dict[str, dict[str, list[Any]]] = {
    "governance_findings": {
        "severity": ["info", "warning"],
        "finding_type": ["untagged", "tagged_in_incremental"],
        "subject": ["crm.people.email", "sales.customers"],
        "summary": ["looks like an e-mail address", "<b>is incremental</b>"],
        "is_excepted": [True, False],
    },
    "pii_columns": {"relation": ["crm.people"], "column_name": ["email"], "status": ["declared"], "is_masked": [False]},
    "deletion_plan": {"origin_column": [], "relation": []},
}


@pytest.mark.parametrize("scheme", get_args(Scheme))
def test_governance_is_shown_worst_first_and_searched(browser: Browser, tmp_path: Path, scheme: Scheme) -> None:
    fleet = {"pipelines": {"status": []}, "collectedAt": NOW.timestamp(), "lateAfter": 3600, "isPast": False}
    page_file = tmp_path / "index.html"
    page_file.write_text(render_page(View(fleet, {}, [], GOVERNANCE), NOW, [], None), encoding="utf-8")

    with opened(browser, page_file, view="governance", scheme=scheme, at=NOW) as page:
        findings = page.page.locator("section:has(h2:text-is('Findings (2)')) tbody tr")
        assert [row.split("\t")[0].strip() for row in findings.all_inner_texts()] == ["warning", "info"]
        assert "<b>is incremental</b>" in page.text()
        assert "None." in page.text("section:has(h2:text-is('Deletion plan (0)'))")
        assert Axe().run(page.page).response["violations"] == []

        page.page.fill("input[type=search]", "people email")
        assert findings.count() == 1
        assert "email" in page.text("section:has(h2:text-is('Tagged columns (1)'))")
        assert page.said == []


def _told(violations: list[dict[str, Any]]) -> list[str]:
    return [f"{item['id']}: {[node['target'] for node in item['nodes'][:3]]}" for item in violations]
