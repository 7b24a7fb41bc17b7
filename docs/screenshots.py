"""Makes the pictures in docs/images: every view of the demo's page, light and dark, as wide as a desk and a phone.

`make screenshots` runs it. The pictures have few colours, which keeps them small.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from PIL import Image

CHECKOUT = Path(__file__).parents[1]
sys.path.insert(0, str(CHECKOUT))

from tests.fixtures.browser import Opened, Scheme, find_browser, opened, running_browser  # noqa: E402

PAGE = CHECKOUT / "demo-fleet" / "site" / "index.html"
IMAGES = CHECKOUT / "docs" / "images"
WIDTHS = (1280, 390)
HEIGHT = 1000
COLOURS = 200
# Of the demo's pipelines one with flagged volume and one that the lineage leads through.
PIPELINE, TABLE = "jfk_departures", "rotations"


def main() -> None:
    """Makes all pictures."""
    path = find_browser()
    if path is None:
        sys.exit("No Chromium is installed; make browser says how to get one.")
    IMAGES.mkdir(exist_ok=True)
    with running_browser(path) as browser:
        for scheme in get_args(Scheme):
            for width in WIDTHS:
                with opened(browser, PAGE, width=width, scheme=scheme) as page:
                    for name, view in list(_views(page)):
                        page.page.mouse.move(0, 0)
                        page.go(view)
                        _wait_for_charts(page)
                        _save(
                            page.page.screenshot(clip=_clip(page, width), full_page=True),
                            IMAGES / f"{name}-{width}-{scheme}.png",
                        )
    total = sum(file.stat().st_size for file in IMAGES.glob("*.png"))
    print(f"{len(list(IMAGES.glob('*.png')))} pictures, {total / 1e6:.1f} MB")  # noqa: T201


def _views(page: Opened) -> Iterator[tuple[str, str]]:
    """Yields name and address of each view."""
    page.go("pipelines")
    pipeline = page.page.locator("main tbody a", has_text=PIPELINE).first.get_attribute("href")
    page.go("lineage")
    page.page.fill("input[type=search]", TABLE)
    page.page.click(".results button >> nth=0")
    lineage = page.page.evaluate("location.hash")
    yield "fleet", "fleet"
    yield "pipelines", "pipelines"
    yield "calendar", "pipelines?view=calendar"
    yield "pipeline", str(pipeline).removeprefix("#/")
    yield "changes", "changes"
    yield "lineage", str(lineage).removeprefix("#/")


def _wait_for_charts(page: Opened) -> None:
    if page.page.locator(".chart").count():
        page.page.wait_for_selector(".chart[data-drawn] svg")


def _clip(page: Opened, width: int) -> dict[str, float]:
    height = page.page.evaluate("document.documentElement.scrollHeight")
    return {"x": 0, "y": 0, "width": width, "height": min(height, HEIGHT)}


def _save(picture: bytes, file: Path) -> None:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    main()
