"""Makes one site of the pages in this folder and those that stand elsewhere in the repository.

Links are written as GitHub follows them; here they are turned to the pages of the site, or to GitHub where they lead to
files that are no pages.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).resolve().parents[1]
_GITHUB = "https://github.com/meta-pipeline/meta-pipeline/blob/main"

# Pages of the site by where they stand in the repository.
_ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "DECISIONS.md": "decisions.md",
    "benchmarks/README.md": "benchmarks.md",
    "dbt_project/README.md": "dbt_project.md",
}
_STANDS_AT = {page: source for source, page in _ELSEWHERE.items()}
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that stand elsewhere.

    Args:
        files: The files of this folder.
        config: mkdocs' configuration.
    """
    for source, page in _ELSEWHERE.items():
        files.append(File.generated(config, page, content=(_ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turns links within the repository to where the site has what they lead to.

    Args:
        markdown: The page's text.
        page: The page.
    """
    name = page.file.src_uri
    return with_links_of_the_site(markdown, _STANDS_AT.get(name, f"docs/{name}"))


def with_links_of_the_site(markdown: str, stands_at: str) -> str:
    """Returns a text with its links turned.

    Args:
        markdown: The text.
        stands_at: Where it stands in the repository.
    """
    folder = posixpath.dirname(stands_at)

    def turned(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        if target in _ELSEWHERE:
            return _ELSEWHERE[target]
        if target.startswith("docs/"):
            return target.removeprefix("docs/")
        return f"{_GITHUB}/{target}"

    return _LINK.sub(turned, markdown)
