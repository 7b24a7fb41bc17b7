"""Where events go: a folder, or whatever fsspec can write to."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit


class Inbox(Protocol):
    """Takes files."""

    def put(self, name: str, content: bytes) -> None:
        """Writes a file whole or not at all.

        Args:
            name: Its name.
            content: Its content.

        Raises:
            Exception: It cannot be written.
        """


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, or one that is mounted.

    Args:
        path: The folder; it is made where its parent is there.
    """

    path: Path

    def put(self, name: str, content: bytes) -> None:
        """Writes a file and then gives it its name, so that nobody reads half of it.

        Args:
            name: Its name.
            content: Its content.

        Raises:
            OSError: It cannot be written.
        """
        self.path.mkdir(exist_ok=True)
        unfinished = self.path / f".{name}.{os.getpid()}.{threading.get_ident()}"
        try:
            unfinished.write_bytes(content)
            unfinished.replace(self.path / name)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise


@dataclass(frozen=True)
class Remote:
    """A place that fsspec writes to; object stores show an object when it is whole.

    Args:
        url: The URL.
    """

    url: str

    def put(self, name: str, content: bytes) -> None:
        """Writes an object.

        Args:
            name: Its name.
            content: Its content.

        Raises:
            Exception: Whatever the store's library raises.
        """
        from fsspec.core import url_to_fs  # noqa: PLC0415

        filesystem, path = url_to_fs(self.url)
        filesystem.pipe_file(f"{path.rstrip('/')}/{name}", content)


def open_inbox(address: str) -> Inbox:
    """Returns the inbox at an address; nothing is reached yet.

    Args:
        address: A folder or a URL.
    """
    if "://" not in address:
        return Folder(Path(address).absolute())
    if address.startswith("file://"):
        return Folder(Path(unquote(urlsplit(address).path)))
    import fsspec  # noqa: PLC0415

    # What it needs is imported before a deadline runs; whether that is there tells the first writing.
    with suppress(ImportError, ValueError):
        fsspec.get_filesystem_class(urlsplit(address).scheme)
    return Remote(address)
