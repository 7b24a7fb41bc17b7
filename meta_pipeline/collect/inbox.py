"""Reads the inbox: the files in which pipelines leave what no system table holds, as docs/capture.md describes them.

Files are never changed, moved or deleted here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from meta_pipeline import file_places
from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.outcomes import MAX_PROBLEMS_TOLD, Outcome, broken_off, coverage_row, failure_outcome
from meta_pipeline.collect.places import CONFIG_SECTIONS, OpenPlace, open_place, place_of
from meta_pipeline.collect.runs import BROKEN, RUN_TABLES, Capture, Refusal, parse_event, rows_of
from meta_pipeline.collect.seen import ListedFile, SeenFiles
from meta_pipeline.collect.tables import CAPTURED_FILES, COLLECTIONS, COVERAGE, RawTable
from meta_pipeline.config import DestinationSettings
from meta_pipeline.exceptions import (
    CollectionError,
    ConfigurationError,
    DestinationForbiddenError,
    DestinationUnreachableError,
)

DESTINATION_NAME = "inbox"
DESTINATION_TYPE = file_places.INBOX
SETTINGS = DestinationSettings(DESTINATION_NAME)

MAX_FILE_BYTES = 32 << 20
FILES_AT_ONCE = 200
BYTES_AT_ONCE = 32 << 20
MAX_REFUSED_REMEMBERED = 1_000
EVENT_SUFFIX = ".json"

PREFIX_PROTOCOLS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "azure")
"""Stores that can list only what begins with given characters."""

WHOLE_LISTING_EVERY = timedelta(hours=24)
MAX_DAYS_LISTED = 7

_TOO_LARGE = Refusal("too_large", f"has more than {MAX_FILE_BYTES >> 20} MB. Delete it there, or move it elsewhere")
_FORBIDDEN = Refusal("forbidden", "may not be read. Grant the right to read it")
_NO_EVENT = Refusal("not_a_trace", f"is no {EVENT_SUFFIX} file. Delete it there, or move it elsewhere")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class InboxFiles(OpenPlace):
    """The files of an open inbox."""

    def all(self) -> list[ListedFile]:
        """Returns all files; none where the inbox is about to be made by the first run.

        Raises:
            CollectionError: It cannot be listed.
        """
        with _told(self.place):
            try:
                entries = self.files.ls(self.root, detail=True, refresh=True)
            except FileNotFoundError:
                self._look_around()
                entries = []
            return _listed(entries)

    def of_days(self, days: Sequence[str]) -> list[ListedFile]:
        """Returns the files whose names begin with one of some days.

        Args:
            days: The days, as YYYYMMDD.

        Raises:
            CollectionError: They cannot be listed.
        """
        with _told(self.place):
            found = (self.files.find(self.root, prefix=day, detail=True) for day in days)
            return [file for entries in found for file in _listed(entries.values())]

    def contents(self, files: Sequence[ListedFile]) -> Iterator[tuple[ListedFile, bytes | None]]:
        """Yields each file with its content, None where it may not be read; files that are gone are left out.

        Args:
            files: The files, of which no more is read than was listed.

        Raises:
            CollectionError: The inbox went away.
        """
        paths = [f"{self.root}/{file.name}" for file in files]
        with _told(self.place):
            found = self.files.cat_ranges(paths, [0] * len(files), [file.size for file in files], on_error="return")
        for file, content in zip(files, found, strict=True):
            if isinstance(content, PermissionError):
                yield file, None
            elif isinstance(content, Exception):
                with _told(self.place):
                    _pass_over_gone(content)
            else:
                yield file, bytes(content)

    def _look_around(self) -> None:
        """Raises where not even the place is there in which the inbox would be made."""
        try:
            self.files.ls(str(PurePosixPath(self.root).parent), detail=False, refresh=True)
        except PermissionError:
            # Rights on the inbox alone are enough.
            return
        except FileNotFoundError:
            raise DestinationUnreachableError(
                f"there is no folder {self.place}, nor the one that it would be in. Check inbox in .dlt/config.toml; a "
                "relative one counts from the working folder"
            ) from None


@dataclass
class _Reading:
    """What was read of an inbox in this collection."""

    refused: dict[str, Refusal] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    row_count: int = 0
    request_count: int = 0


def open_inbox(url: str) -> InboxFiles:
    """Opens an inbox; nothing is read yet.

    Args:
        url: A folder, or any URL that fsspec knows.

    Raises:
        ConfigurationError: A credential or a package is missing.
    """
    return InboxFiles(**vars(open_place(url, "inbox")))


def read_inbox(url: str, inboxes: dict[str, Any], collected_at: datetime) -> Iterator[Batch]:
    """Reads what is new in the inbox.

    Args:
        url: The inbox.
        inboxes: What was seen of each inbox before, as JSON objects; moved when everything was read.
        collected_at: Start of the collection.

    Yields:
        Batches of the captured runs and files, of the coverage, where the inbox stands as a dataset of the destination
        ``inbox``, and of the collections.
    """
    started, reading, place = time.monotonic(), _Reading(), place_of(url)
    state = inboxes.get(place, {})
    try:
        moved = yield from _read_new(open_inbox(url), state, reading, collected_at)
        outcome = _outcome(moved["refused"], place)
    except (CollectionError, ConfigurationError) as error:
        moved, outcome = dict(state), failure_outcome(error, SETTINGS)
    except Exception as error:
        logger.debug("Reading the inbox broke off", exc_info=True)
        moved, outcome = dict(state), failure_outcome(broken_off(error), SETTINGS)
    logger.info("%s: %s new rows", DESTINATION_NAME, f"{reading.row_count:,}")
    if outcome.error:
        logger.warning("%s", outcome.error)
    cursor = DatasetCursor.from_state(state.get("cursor", {})).continued(outcome.outcome, collected_at)
    yield batch_of_rows(
        COVERAGE, [coverage_row(DESTINATION_NAME, DESTINATION_TYPE, place, outcome, cursor)], collected_at
    )
    collection = {
        "destination_name": DESTINATION_NAME,
        "destination_type": DESTINATION_TYPE,
        "outcome": outcome.outcome,
        "dataset_count": 1,
        "query_count": reading.request_count,
        "row_count": reading.row_count,
        "duration_seconds": time.monotonic() - started,
    }
    yield batch_of_rows(COLLECTIONS, [collection], collected_at)
    inboxes[place] = {**moved, "cursor": cursor.to_state()}


def _read_new(inbox: InboxFiles, state: Mapping[str, Any], reading: _Reading, collected_at: datetime) -> Any:
    """Yields the batches of what is new, and returns the state after that."""
    seen = SeenFiles.from_state(state.get("seen", {}))
    days = _days_to_list(inbox, seen, state.get("listed_at"), collected_at)
    listed = inbox.of_days(days) if days else inbox.all()
    reading.request_count += len(days) or 1
    new = seen.new_among(listed)
    yield from _read_files(inbox, new, reading, collected_at)
    after = seen.after(listed, reading.unread, days=days)
    before: Mapping[str, str] = state.get("refused", {})
    unchanged = {file.name for file in listed} - {file.name for file in new}
    refused = {name: reason for name, reason in before.items() if name in unchanged or (days and name[:8] not in days)}
    refused |= {name: refusal.reason for name, refusal in reading.refused.items()}
    return {
        "seen": after.to_state(),
        "refused": dict(list(refused.items())[:MAX_REFUSED_REMEMBERED]),
        "listed_at": state["listed_at"] if days else collected_at.isoformat(),
    }


def _days_to_list(inbox: InboxFiles, seen: SeenFiles, listed_at: str | None, now: datetime) -> list[str]:
    """Returns the days that are listed instead of everything; none where everything is.

    A day's listing costs what is in it. Once a day everything is listed, to find files that arrived long after the time
    in their name.
    """
    if inbox.protocol not in PREFIX_PROTOCOLS or not seen.open_from or not listed_at:
        return []
    if now - datetime.fromisoformat(listed_at) >= WHOLE_LISTING_EVERY:
        return []
    first = datetime.strptime(f"{seen.open_from[:8]}+0000", "%Y%m%d%z")
    days = (now - first).days + 2
    # A clock that is ahead names files after tomorrow.
    return [f"{first + timedelta(days=day):%Y%m%d}" for day in range(days)] if 0 < days <= MAX_DAYS_LISTED else []


def _read_files(
    inbox: InboxFiles, files: Sequence[ListedFile], reading: _Reading, collected_at: datetime
) -> Iterator[Batch]:
    """Yields the rows of files; no more than a few files are in memory at a time."""
    at_once: list[ListedFile] = []
    for file in files:
        if at_once and (len(at_once) == FILES_AT_ONCE or _size(at_once) + file.size > BYTES_AT_ONCE):
            yield from _batches(inbox, at_once, reading, collected_at)
            at_once = []
        at_once.append(file)
    if at_once:
        yield from _batches(inbox, at_once, reading, collected_at)


def _size(files: Sequence[ListedFile]) -> int:
    return sum(file.size for file in files if file.size <= MAX_FILE_BYTES)


def _batches(
    inbox: InboxFiles, files: Sequence[ListedFile], reading: _Reading, collected_at: datetime
) -> Iterator[Batch]:
    rows: dict[RawTable, list[dict[str, Any]]] = {table: [] for table in (*RUN_TABLES, CAPTURED_FILES)}
    refused = {file: refusal for file in files if (refusal := _unopened(file))}
    wanted = [file for file in files if file not in refused]
    contents = dict(inbox.contents(wanted))
    reading.request_count += len(wanted)
    reading.unread.update(file.name for file in wanted if file not in contents)
    for file, content in contents.items():
        event = parse_event(content) if content is not None else _FORBIDDEN
        if isinstance(event, Refusal):
            refused[file] = event
            continue
        rows[CAPTURED_FILES].append({"file_name": file.name, "byte_count": file.size, "outcome": "read"})
        for table, made in rows_of(Capture(file.name, str(event.get("captured_by")), event)).items():
            rows[table] += made
    for file, refusal in refused.items():
        reading.refused[file.name] = refusal
        if refusal is _FORBIDDEN:
            reading.unread.add(file.name)
        rows[CAPTURED_FILES].append(
            {
                "file_name": file.name,
                "byte_count": file.size,
                "outcome": refusal.outcome,
                "error": f"file {file.name} {refusal.reason}",
            }
        )
    for table, made in rows.items():
        reading.row_count += len(made)
        yield batch_of_rows(table, made, collected_at)


def _unopened(file: ListedFile) -> Refusal | None:
    """Returns why a file need not even be opened."""
    if not file.name.endswith(EVENT_SUFFIX):
        return _NO_EVENT
    if file.size > MAX_FILE_BYTES:
        return _TOO_LARGE
    return None if file.size else BROKEN


def _outcome(refused: Mapping[str, str], place: str) -> Outcome:
    if not refused:
        return Outcome("complete")
    told = [f"file {name} {reason}" for name, reason in list(refused.items())[:MAX_PROBLEMS_TOLD]]
    more = f" (and {len(refused) - MAX_PROBLEMS_TOLD} more)" if len(refused) > MAX_PROBLEMS_TOLD else ""
    return Outcome("partial", f"{DESTINATION_NAME} {place}: {'; '.join(told)}{more}")


def _listed(entries: Any) -> list[ListedFile]:
    """Returns the files among entries; names that begin with a dot are not finished."""
    files = ((entry["name"].rpartition("/")[2], entry) for entry in entries if entry["type"] == "file")
    return [ListedFile(name, entry.get("size") or 0) for name, entry in files if not name.startswith(".")]


def _pass_over_gone(error: Exception) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Turns an error of a store into one that says what went wrong."""
    try:
        yield
    except CollectionError:
        raise
    except PermissionError:
        raise DestinationForbiddenError(
            f"{place} may not be listed. Grant the right to list and read it, and check the key"
        ) from None
    except Exception as error:
        # Each store has errors of its own, which may quote credentials.
        raise DestinationUnreachableError(
            f"{place} cannot be reached ({type(error).__name__}). Check inbox in .dlt/config.toml and its credentials "
            f"in [{'.'.join(CONFIG_SECTIONS)}.credentials], and run again"
        ) from None
