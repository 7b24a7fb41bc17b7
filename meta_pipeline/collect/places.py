"""Opens places of files that are no destination of dlt: the inbox, and where dbt leaves its artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import MissingDependencyException
from dlt.common.storages.configuration import FilesystemConfiguration

from meta_pipeline.collect.filesystem import open_files
from meta_pipeline.config import SECTION
from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline_capture.redaction import redact_location

CONFIG_SECTIONS = (*SECTION, "filesystem")
"""Where credentials of the places are configured, as for dlt's filesystem source."""


@dataclass(frozen=True)
class OpenPlace:
    """A place of files.

    Args:
        files: The fsspec file system.
        root: Path of the place in it.
        protocol: fsspec's name of the kind of store.
        place: What the place goes by, without user and password.
    """

    files: Any
    root: str
    protocol: str
    place: str


def place_of(url: str) -> str:
    """Returns what a place goes by: its URL without user, password and query string.

    Args:
        url: The place.
    """
    return redact_location(url)


def open_place(url: str, setting: str) -> OpenPlace:
    """Opens a place; nothing is read yet.

    Args:
        url: A folder, or any URL that fsspec knows.
        setting: The setting that names it.

    Raises:
        ConfigurationError: A credential or a package is missing.
    """
    place = place_of(url)
    try:
        config = resolve_configuration(FilesystemConfiguration(bucket_url=url), sections=CONFIG_SECTIONS)
        files, root = open_files(config)
    except (ConfigurationException, MissingDependencyException, ImportError, ValueError) as error:
        # Such an error may quote the credentials.
        raise ConfigurationError(
            f"{place} is not usable ({type(error).__name__}). Check {setting} in .dlt/config.toml, that its "
            f"credentials are in [{'.'.join(CONFIG_SECTIONS)}.credentials] or in the environment variables of its "
            "store, and that the store's package is installed, such as pip install 'meta-pipeline[s3]'"
        ) from None
    return OpenPlace(files, root.rstrip("/"), config.protocol, place)
