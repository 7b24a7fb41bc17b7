"""Takes the picture of the dashboard in docs/images: `make superset-picture` runs it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from bi.superset.build import CHARTS  # noqa: E402
from tests.fixtures.superset_server import look, running_superset  # noqa: E402

PICTURE = CHECKOUT / "docs" / "images" / "superset.png"
# Below stand tables that name folders of this machine.
HEIGHT = 1775


def main(marts: str) -> None:
    """Takes it, and makes it small."""
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_superset(marts, Path(folder)) as superset:
        look(superset, len(CHARTS), PICTURE)
    with Image.open(PICTURE) as picture:
        upper = picture.crop((0, 0, picture.width, HEIGHT))
        upper.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
