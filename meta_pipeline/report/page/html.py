"""Puts everything into one file that asks nobody for anything: style, scripts, charts, and what they show, packed."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from meta_pipeline import __version__
from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.report.page.views import View

_PACKAGE = "meta_pipeline.report.page"
# In the order in which they are read; each uses what stands before it, and the last one starts.
_SCRIPTS = (
    "dom.js",
    "format.js",
    "data.js",
    "table.js",
    "charts.js",
    "fleet.js",
    "pipelines.js",
    "pipeline.js",
    "changes.js",
    "layout.js",
    "lineage.js",
    "governance.js",
    "app.js",
)
_VIEWS = (("fleet", "Fleet"), ("pipelines", "Pipelines"), ("changes", "Schema changes"), ("lineage", "Lineage"))
_GOVERNANCE = ("governance", "Governance")


@dataclass(frozen=True)
class DataFile:
    """A mart's file beside the page.

    Args:
        name: The mart.
        rows: How many rows it has.
    """

    name: str
    rows: str


def render_page(view: View, made_at: datetime, files_beside: Sequence[DataFile], docs: str | None) -> str:
    """Renders the page.

    Args:
        view: What it shows.
        made_at: Now.
        files_beside: The marts' files beside it.
        docs: Address of dbt's documentation, from the page; None where there is none.

    Raises:
        ConfigurationError: A package that the page needs is not installed.
    """
    environment = Environment(
        loader=PackageLoader(_PACKAGE, "assets"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    style = _asset("page.css")
    scripts = [_inlined(_chart_library()), _inlined(_application())]
    return environment.get_template("page.html.jinja").render(
        version=__version__,
        made=f"{made_at:%Y-%m-%d %H:%M} UTC",
        style=style,
        style_hash=_hash(style),
        scripts=scripts,
        script_hashes=" ".join(map(_hash, scripts)),
        views=(*_VIEWS, _GOVERNANCE) if view.governance else _VIEWS,
        parts=list(_packed(view, made_at)),
        files=files_beside,
        docs=docs,
        summary=_summary(view.fleet["pipelines"]["status"]),
    )


def _packed(view: View, made_at: datetime) -> Iterator[tuple[str, str]]:
    yield "fleet", _pack({**view.fleet, "madeAt": int(made_at.timestamp())})
    yield "lineage", _pack(view.lineage)
    if view.governance:
        yield "governance", _pack(view.governance)
    for number, pipelines in enumerate(view.pipelines):
        yield f"pipelines-{number}", _pack(pipelines)


def _pack(value: Any) -> str:
    """Returns a value as JSON, compressed, in letters that mean nothing to HTML."""
    return base64.b64encode(gzip.compress(orjson.dumps(value, default=str), mtime=0)).decode("ascii")


@cache
def _chart_library() -> str:
    try:
        import vl_convert  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigurationError(
            "vl-convert-python is not installed, which the page's charts need: pip install 'meta-pipeline[report]'"
        ) from None
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _application() -> str:
    return "\n".join(('"use strict";', "(() => {", *map(_asset, _SCRIPTS), "})();"))


def _inlined(script: str) -> str:
    """Returns a script in which nothing ends, or hides, the element that it stands in."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _asset(name: str) -> str:
    return (files(_PACKAGE) / "assets" / name).read_text(encoding="utf-8")


def _summary(statuses: Sequence[str]) -> str:
    counts: Mapping[str, int] = {status: statuses.count(status) for status in sorted(set(statuses))}
    return f"{len(statuses)} pipelines: " + ", ".join(f"{count} {status}" for status, count in counts.items()) + "."
