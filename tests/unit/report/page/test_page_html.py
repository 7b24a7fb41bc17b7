from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from datetime import datetime, timezone

import pytest

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.report.page import html
from meta_pipeline.report.page.html import DataFile, render_page
from meta_pipeline.report.page.views import View

NOW = datetime(2026, 1, 21, 12, tzinfo=timezone.utc)
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _short_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts something in the place of the chart library that ends a script, as code may hold such text."""
    monkeypatch.setattr(html, "_chart_library", lambda: f'"{HOSTILE}"; "<!--"')


def page(governance: dict[str, object] | None = None) -> str:
    fleet = {"pipelines": {"status": ["late", "healthy", "late"], "name": [HOSTILE] * 3}}
    view = View(fleet, {"nodes": {}}, [[{"runs": {}}]], governance or {})
    return render_page(view, NOW, [DataFile(HOSTILE, "1,000")], None)


def test_no_name_stands_in_the_page_as_markup() -> None:
    text = page()

    assert HOSTILE not in text
    # three parts of data, the chart library and ours
    assert text.count("</script>") == 5
    assert "<!--" not in text


def test_the_policy_names_every_script_and_style_and_nothing_else() -> None:
    text = page()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    hashes = set(re.findall(r"sha256-[^&' ]+", policy[1].replace("&#39;", "'")))

    inline = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", text, flags=re.DOTALL)
    expected = {f"sha256-{base64.b64encode(hashlib.sha256(item.encode()).digest()).decode()}" for item in inline}
    assert hashes == expected
    assert "unsafe" not in policy[1]
    assert "default-src &#39;none&#39;" in policy[1] or "default-src 'none'" in policy[1]


def test_data_are_packed_in_parts() -> None:
    packed = re.search(r'id="part-fleet">([^<]+)<', page())
    assert packed

    fleet = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    assert fleet["pipelines"]["name"] == [HOSTILE] * 3
    assert fleet["madeAt"] == NOW.timestamp()


def test_governance_has_a_view_only_where_it_is_shown() -> None:
    assert 'href="#/governance"' not in page()
    assert 'href="#/governance"' in page({"pii_columns": {"column_name": ["email"]}})


def test_without_scripts_the_page_still_counts() -> None:
    noscript = re.search(r"<noscript>(.*?)</noscript>", page(), flags=re.DOTALL)

    assert noscript
    assert "3 pipelines: 1 healthy, 2 late." in noscript[1]


def test_a_missing_chart_library_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    html._chart_library.cache_clear()

    with pytest.raises(ConfigurationError, match="pip install 'meta-pipeline\\[report\\]'"):
        html._chart_library()


def test_nothing_in_the_page_writes_markup() -> None:
    scripts = html._application()

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", scripts)
