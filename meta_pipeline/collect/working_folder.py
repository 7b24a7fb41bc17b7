"""Reads the last traces that dlt keeps in the pipelines' working folders of this machine.

They are pickles, so a folder is only opened where nobody but the user who collects can have put one there.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dlt.pipeline.trace import TRACE_FILE_NAME

from meta_pipeline import file_places
from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.cursors import DatasetCursor
from meta_pipeline.collect.outcomes import MAX_PROBLEMS_TOLD, Outcome, coverage_row, digest_of, worst_of
from meta_pipeline.collect.runs import RUN_TABLES, Capture, event_of, rows_of, separate_calls
from meta_pipeline.collect.tables import COLLECTIONS, COVERAGE, RawTable
from meta_pipeline.collect.trace_pickle import read_trace
from meta_pipeline.exceptions import DestinationForbiddenError, RecordUnreadableError

DESTINATION_NAME = "pipelines_dirs"
DESTINATION_TYPE = file_places.WORKING_FOLDER
MAX_FILE_BYTES = 32 << 20

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass
class _Folder:
    """What was read of one configured folder."""

    seen: dict[str, list[int]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    captures: list[Capture] = field(default_factory=list)


def read_working_folders(folders: Sequence[str], state: dict[str, Any], collected_at: datetime) -> Iterator[Batch]:
    """Reads the last traces that are new.

    Args:
        folders: The configured folders; `~` is the home of the user.
        state: What was seen of each before, as JSON objects; moved when it was read.
        collected_at: Start of the collection.

    Yields:
        Batches of the captured runs, of the coverage, where each folder stands as a dataset of the destination
        ``pipelines_dirs``, and of the collections.
    """
    started, row_count = time.monotonic(), 0
    coverage, outcomes = [], []
    moved: dict[str, Any] = {}
    passed: set[str] = set()
    for path in dict.fromkeys(folders):
        before = state.get(path, {})
        folder = _Folder(refused=dict(before.get("refused", {})))
        outcome = _read_folder(Path(path).expanduser(), before.get("seen", {}), folder) or _outcome(path, folder)
        # A folder that was copied holds the same traces.
        new = {capture.capture_id: capture for capture in folder.captures if capture.capture_id not in passed}
        passed.update(new)
        for batch in _batches(new.values(), collected_at):
            row_count += batch.rows.num_rows
            yield batch
        cursor = DatasetCursor.from_state(before.get("cursor", {})).continued(outcome.outcome, collected_at)
        moved[path] = {"seen": folder.seen, "refused": folder.refused, "cursor": cursor.to_state()}
        coverage.append(coverage_row(DESTINATION_NAME, DESTINATION_TYPE, path, outcome, cursor))
        outcomes.append(outcome)
    yield batch_of_rows(COVERAGE, coverage, collected_at)
    collection = {
        "destination_name": DESTINATION_NAME,
        "destination_type": DESTINATION_TYPE,
        "outcome": worst_of(outcomes),
        "dataset_count": len(outcomes),
        "query_count": 0,
        "row_count": row_count,
        "duration_seconds": time.monotonic() - started,
    }
    yield batch_of_rows(COLLECTIONS, [collection], collected_at)
    state.update(moved)


def kept_traces(path: Path) -> list[Path]:
    """Returns the trace files in a working folder, sorted.

    Args:
        path: The folder.

    Raises:
        DestinationForbiddenError: Somebody else could have put them there.
    """
    _require_own(path)
    return sorted(file for folder in path.iterdir() if (file := folder / TRACE_FILE_NAME).is_file())


def missing_folder(path: str) -> str | None:
    """Says what is wrong with a configured folder; None where it is there."""
    is_there = Path(path).expanduser().is_dir()
    return None if is_there else f"there is no folder {path}. Check pipelines_dirs in .dlt/config.toml"


def _read_folder(path: Path, seen: Mapping[str, list[int]], folder: _Folder) -> Outcome | None:
    """Reads a folder; returns the outcome where it is not read at all."""
    if problem := missing_folder(str(path)):
        return Outcome("unreachable", f"{DESTINATION_NAME}: {problem}")
    try:
        files = kept_traces(path)
    except (DestinationForbiddenError, PermissionError) as error:
        folder.seen.update(seen)
        told = str(error) if isinstance(error, DestinationForbiddenError) else f"{path} may not be listed"
        return Outcome("forbidden", f"{DESTINATION_NAME}: {told}")
    names = {file.parent.name for file in files}
    folder.refused = {name: reason for name, reason in folder.refused.items() if name in names}
    for file in files:
        _read_file(file, seen, folder)
    return None


def _read_file(file: Path, seen: Mapping[str, list[int]], folder: _Folder) -> None:
    name = file.parent.name
    try:
        _require_own(file.parent)
        content, mark = _opened(file, seen.get(name))
        folder.seen[name] = mark
        if content is None:
            return
        folder.refused.pop(name, None)
        folder.captures += [
            Capture(digest_of([DESTINATION_TYPE, call["transaction_id"]]), DESTINATION_TYPE, event_of(call))
            for call in separate_calls(read_trace(content))
        ]
    except FileNotFoundError:
        # dlt replaces it at the end of a run.
        return
    except RecordUnreadableError as error:
        folder.refused[name] = f"{file} {error}. Run the pipeline again, or delete the file"
    except DestinationForbiddenError as error:
        folder.refused[name] = str(error)
    except OSError:
        folder.refused[name] = f"{file} may not be read"


def _opened(file: Path, mark: list[int] | None) -> tuple[bytes | None, list[int]]:
    """Returns the content of a file, None where it is the one that was read before, and what tells that."""
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        _require_own_status(file, found)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:
            raise RecordUnreadableError(f"is no file of at most {MAX_FILE_BYTES >> 20} MB")
        now = [found.st_mtime_ns, found.st_size]
        return (None if now == mark else stream.read(MAX_FILE_BYTES)), now


def _require_own(path: Path) -> None:
    _require_own_status(path, path.stat())


def _require_own_status(path: Path, found: os.stat_result) -> None:
    if not hasattr(os, "getuid"):
        raise DestinationForbiddenError(f"who may write to {path} cannot be told on this system, so it is not opened")
    if found.st_uid != os.getuid():
        raise DestinationForbiddenError(f"{path} belongs to another user, and pickles of others are not opened")
    if found.st_mode & _OTHERS_MAY_WRITE:
        raise DestinationForbiddenError(
            f"{path} may be written by others, so what is pickled there is not opened. Take that right away: "
            "chmod -R go-w"
        )


def _batches(captures: Iterable[Capture], collected_at: datetime) -> Iterator[Batch]:
    rows: dict[RawTable, list[dict[str, Any]]] = {table: [] for table in RUN_TABLES}
    for capture in captures:
        for table, made in rows_of(capture).items():
            rows[table] += made
    yield from (batch_of_rows(table, made, collected_at) for table, made in rows.items() if made)


def _outcome(path: str, folder: _Folder) -> Outcome:
    if not folder.refused:
        return Outcome("complete")
    told = "; ".join(list(folder.refused.values())[:MAX_PROBLEMS_TOLD])
    more = f" (and {len(folder.refused) - MAX_PROBLEMS_TOLD} more)" if len(folder.refused) > MAX_PROBLEMS_TOLD else ""
    return Outcome("partial", f"{DESTINATION_NAME} {path}: {told}{more}")
