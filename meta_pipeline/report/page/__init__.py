"""The page: one file that shows the marts to people, with the marts as files beside it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.home import Home
from meta_pipeline.report.page.contracts import read_contracts
from meta_pipeline.report.page.extract import read_extract
from meta_pipeline.report.page.html import DataFile, render_page
from meta_pipeline.report.page.views import OwnerOf, make_view

PAGE_FILE = "index.html"
DATA_FOLDER = "data"


@dataclass(frozen=True)
class PageResult:
    """What was written.

    Args:
        page: The page.
        bytes: How large it is.
        row_counts: How many rows of each mart are in a file beside it.
        with_details: Whether governance and the words of errors are shown.
        seconds: How long it took.
    """

    page: str
    bytes: int
    row_counts: Mapping[str, int]
    with_details: bool
    seconds: float


def write_page(
    home: Home, folder: Path, project: Path, owner_of: OwnerOf, *, docs: str | None = None, with_details: bool = False
) -> PageResult:
    """Writes the page and its data.

    Args:
        home: Where the marts live.
        folder: Where the page goes; it is made where it is missing, and files of others in it are left alone.
        project: The dbt project, whose contracts say what the marts are.
        owner_of: Who looks after a pipeline, by its name, destination and dataset.
        docs: Name of dbt's documentation in the folder; None where there is none.
        with_details: Whether governance and the words of errors are shown too, so that the page is not for everybody.

    Raises:
        ConfigurationError: The folder cannot be written, or a package is missing.
        HomeError: The marts are not there yet, or the home cannot be opened.
    """
    started = time.monotonic()
    contracts = read_contracts(project)
    extract = read_extract(home, contracts, with_details=with_details)
    view = make_view(extract, owner_of)
    files = [DataFile(name, f"{count:,}") for name, count in sorted(extract.row_counts.items())]
    text = render_page(view, datetime.now(timezone.utc), files, docs).encode()
    try:
        extract.write_files(folder / DATA_FOLDER, contracts)
        # Whoever opens the page meanwhile sees the one before.
        part = folder / f"{PAGE_FILE}.part"
        part.write_bytes(text)
        part.replace(folder / PAGE_FILE)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written: {error.strerror}. Name another folder: meta-pipeline report --out FOLDER"
        ) from None
    return PageResult(
        page=str(folder / PAGE_FILE),
        bytes=len(text),
        row_counts=extract.row_counts,
        with_details=with_details,
        seconds=time.monotonic() - started,
    )
