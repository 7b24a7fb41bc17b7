"""Which of the datasets that were found are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from meta_pipeline.config import DestinationSettings
from meta_pipeline.home import RAW_DATASET

# dlt appends "_%Y%m%d%I%M%S" to the dataset's name with dev_mode=True.
_DEV_MODE = re.compile(r"_20\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(0\d|1\d|2[0-3])([0-5]\d){2}$")


def is_selected(name: str, settings: DestinationSettings) -> bool:
    """Tells whether the configuration asks for a dataset.

    Args:
        name: The dataset's name.
        settings: Settings of its destination.
    """
    is_asked_for = _matches(name, settings.datasets) and not _matches(name, settings.exclude_datasets)
    return is_asked_for and not is_own(name, settings)


def is_own(name: str, settings: DestinationSettings) -> bool:
    """Tells whether a dataset is an observability dataset: to observe it would give every collection something new.

    Args:
        name: The dataset's name.
        settings: Settings of its destination; a dataset that they name in full is read all the same.
    """
    return name.lower() == RAW_DATASET and name not in settings.datasets


def is_dev_mode(name: str, settings: DestinationSettings) -> bool:
    """Tells whether a dataset is a leftover of ``dev_mode=True``: its name ends in a time stamp.

    Args:
        name: The dataset's name.
        settings: Settings of its destination; a dataset that they name in full is read whatever its name looks like.
    """
    return bool(_DEV_MODE.search(name)) and name not in settings.datasets


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
