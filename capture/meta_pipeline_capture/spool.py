"""Keeps what could not be sent, for the next run to send."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from meta_pipeline_capture.inbox import Folder

MAX_FILES = 1_000
MAX_BYTES = 20 * 10**6


@dataclass(frozen=True)
class Spool:
    """A folder of events for one inbox: what is meant for one must not reach another.

    Args:
        folder: The folder.
    """

    folder: Path

    @classmethod
    def of_inbox(cls, root: Path, inbox: str) -> Spool:
        """Returns an inbox's spool.

        Args:
            root: Folder of all spools.
            inbox: The inbox's address, of which the folder's name tells nothing.
        """
        return cls(root / hashlib.sha256(inbox.encode()).hexdigest()[:16])

    def keep(self, name: str, content: bytes) -> None:
        """Keeps an event; the oldest make room.

        Args:
            name: Name of its file.
            content: Its content.

        Raises:
            OSError: It cannot be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        Folder(self.folder).put(name, content)
        self._make_room()

    def events(self) -> Iterator[tuple[str, bytes]]:
        """Yields what is kept, the oldest first; what another process has sent meanwhile is left out."""
        for file in self._files():
            try:
                content = file.read_bytes()
            except FileNotFoundError:
                continue
            yield file.name, content

    def forget(self, name: str) -> None:
        """Removes an event that was sent.

        Args:
            name: Name of its file.
        """
        (self.folder / name).unlink(missing_ok=True)

    def _make_room(self) -> None:
        left_files, left_bytes = MAX_FILES, MAX_BYTES
        for file in reversed(self._files()):
            try:
                left_bytes -= file.stat().st_size
            except FileNotFoundError:
                continue
            left_files -= 1
            if left_files < 0 or left_bytes < 0:
                self.forget(file.name)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[!.]*.json"))
