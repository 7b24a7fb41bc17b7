"""Filesystems and buckets: dlt writes its system tables there as one small JSON file per row.

Only files that are new, by the modification time that the listing gives, are opened. Rows of a load are counted in the
files that carry its load id in their name, as dlt's default layout has it; other layouts are not counted.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import orjson
import pyarrow as pa
from pyarrow import csv, parquet

from meta_pipeline.collect.warehouse import (
    COUNT_RESULT,
    LOAD_RESULT,
    REQUIRED_COLUMNS,
    STATISTICS_RESULT,
    SYSTEM_TABLES,
    Boundaries,
    Dataset,
    Kind,
    Problem,
    StoredState,
    StoredVersion,
    Summary,
    SystemTable,
)
from meta_pipeline.exceptions import DestinationForbiddenError, DestinationUnreachableError

READ_AT_ONCE = 1_000
_LOAD_ID = re.compile(r"(?:^|[^0-9])(\d{9,11}\.\d+)(?:\D|$)")
_MOMENT: Mapping[Kind, str] = {"loads": "inserted_at", "versions": "inserted_at", "states": "created_at"}
_INTEGERS = ("status", "version", "engine_version")


@dataclass(frozen=True)
class _File:
    path: str
    size: int
    modified_at: datetime


class FilesystemWarehouse:
    """A folder or bucket that dlt loads into.

    Args:
        files: The fsspec file system.
        root: Path of the bucket or folder in it.
        modified_at: Reads the modification time from an entry of a listing.

    Raises:
        DestinationUnreachableError: The folder is not there, or the store does not answer.
    """

    destination_type = "filesystem"

    def __init__(self, files: Any, root: str, modified_at: Callable[[dict[str, Any]], datetime | None]) -> None:
        self._files = files
        self._root = root.rstrip("/")
        self._modified_at = modified_at
        self._contents: dict[tuple[str, str], str | None] = {}
        self._distinct_contents: dict[str, str] = {}
        self._listings: dict[str, list[_File]] = {}
        self.query_count = 0
        self.problems: list[Problem] = []

    def discover(self) -> list[Dataset]:
        """Returns every folder that holds a loads table, or may not be listed, sorted by name."""
        found = (self._dataset(entry["name"]) for entry in self._ls(self._root) if entry["type"] == "directory")
        return sorted((dataset for dataset in found if "loads" in dataset.tables), key=lambda dataset: dataset.name)

    def summarize(
        self, kind: Kind, datasets: Sequence[Dataset], boundaries: Boundaries, next_boundaries: Boundaries
    ) -> dict[str, Summary]:
        """Returns by dataset how many files a system table has, and when the latest was written."""
        summaries = {}
        for dataset in datasets:
            if kind in dataset.tables:
                times = [file.modified_at for file in self._list(dataset, kind)]
                summaries[dataset.name] = Summary(
                    len(times),
                    max(times, default=None),
                    settled_rows=_count_before(boundaries.get(dataset.name), times),
                    next_settled_rows=_count_before(next_boundaries.get(dataset.name), times),
                )
        return summaries

    def loads(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[pa.Table]:
        """Yields loads, each load id once per dataset."""
        rows = {
            (dataset.name, row["load_id"]): {**row, "dataset_name": dataset.name}
            for dataset, row in self._rows("loads", datasets, boundaries)
        }
        yield _table(list(rows.values()), LOAD_RESULT)

    def versions(self, datasets: Sequence[Dataset]) -> Iterator[StoredVersion]:
        """Yields the stored schema versions; their contents are kept for ``contents``."""
        oldest: dict[tuple[str, str, str], StoredVersion] = {}
        for dataset, row in self._rows("versions", datasets, {}):
            key = (dataset.name, row["schema_name"], row["version_hash"])
            version = StoredVersion(*key, row["version"], row["engine_version"], row["inserted_at"])
            content = row["schema"]
            self._contents[key[0], key[2]] = self._distinct_contents.setdefault(content, content) if content else None
            if key not in oldest or row["inserted_at"] < oldest[key].inserted_at:
                oldest[key] = version
        yield from oldest.values()

    def contents(
        self,
        datasets: Sequence[Dataset],  # noqa: ARG002
        wanted: Mapping[str, Sequence[str]],
    ) -> Iterator[tuple[str, str | None]]:
        """Yields version hash and stored schema of the versions wanted by dataset."""
        for dataset_name, hashes in wanted.items():
            for version_hash in hashes:
                if (dataset_name, version_hash) in self._contents:
                    yield version_hash, self._contents[dataset_name, version_hash]

    def states(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> Iterator[StoredState]:
        """Yields stored states."""
        for dataset, row in self._rows("states", datasets, boundaries):
            yield StoredState(
                dataset.name,
                row["pipeline_name"],
                # dlt called the column dlt_load_id in files until 0.5.
                row.get("_dlt_load_id") or row.get("dlt_load_id"),
                row["version"],
                row["engine_version"],
                row.get("version_hash"),
                row["created_at"],
                row["state"],
            )

    def statistics(self, datasets: Sequence[Dataset]) -> pa.Table:
        """Returns the bytes of each table's files; how many rows they hold is not known without reading them."""
        rows = [
            {"dataset_name": dataset.name, "table_name": table, "byte_count": sum(file.size for file in files)}
            for dataset in datasets
            for table, files in self._data_files(dataset).items()
        ]
        return _table([{**row, "is_estimate": False} for row in rows], STATISTICS_RESULT)

    def load_ids(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yields dataset and load id of the loads from the given load id on, by the names of their files."""
        for dataset in datasets:
            for file in self._list(dataset, "loads"):
                load_id = _load_id(file)
                if load_id and load_id >= since[dataset.name]:
                    yield dataset.name, load_id

    def forbidden_tables(self) -> dict[str, list[str]]:
        """Returns nothing: whoever may list a folder is taken to be allowed to read it."""
        return {}

    def count_rows(self, datasets: Sequence[Dataset], since: Mapping[str, str]) -> Iterator[pa.Table]:
        """Yields rows by load id, from the files whose name carries it."""
        counts: dict[tuple[str, str, str], int] = {}
        for dataset in datasets:
            for table, files in self._data_files(dataset).items():
                for file in files:
                    load_id = _load_id(file)
                    if load_id and load_id >= since[dataset.name] and (rows := self._count(dataset, file)) is not None:
                        key = (dataset.name, table, load_id)
                        counts[key] = counts.get(key, 0) + rows
        names = ("dataset_name", "table_name", "load_id")
        yield _table([dict(zip(names, key, strict=True), row_count=rows) for key, rows in counts.items()], COUNT_RESULT)

    def close(self) -> None:
        """Does nothing: a file system holds no connection."""

    def _dataset(self, path: str) -> Dataset:
        name = PurePosixPath(path.rstrip("/")).name
        try:
            names = [PurePosixPath(entry["name"].rstrip("/")).name for entry in self._ls(path)]
        except DestinationForbiddenError:
            # Nobody can tell whether it holds loads: better told of in vain than missed.
            return Dataset(name, {"loads": SystemTable(SYSTEM_TABLES["loads"], {}, is_readable=False)})
        kinds = {table: kind for kind, table in SYSTEM_TABLES.items()}
        found = {kinds[table.lower()]: table for table in names if table.lower() in kinds}
        return Dataset(name, {kind: self._system_table(kind, table) for kind, table in found.items()})

    @staticmethod
    def _system_table(kind: Kind, name: str) -> SystemTable:
        # Columns are keys of JSON objects here; each file is looked at for itself.
        return SystemTable(name, {column: column for column in REQUIRED_COLUMNS[kind]})

    def _list(self, dataset: Dataset, kind: Kind) -> list[_File]:
        path = f"{self._root}/{dataset.name}/{dataset.tables[kind].name}"
        if path not in self._listings:
            self._listings[path] = self._listed(dataset, kind, path)
        return self._listings[path]

    def _listed(self, dataset: Dataset, kind: Kind, path: str) -> list[_File]:
        try:
            entries = self._ls(path)
        except DestinationForbiddenError as error:
            self.problems.append(Problem(dataset.name, kind, str(error)))
            return []
        return [self._file(entry) for entry in entries if entry["type"] == "file" and ".jsonl" in entry["name"]]

    def _rows(
        self, kind: Kind, datasets: Sequence[Dataset], boundaries: Boundaries
    ) -> Iterator[tuple[Dataset, dict[str, Any]]]:
        """Yields the rows of a system table; a file that is not what dlt writes becomes a problem."""
        for dataset in datasets:
            if kind not in dataset.tables:
                continue
            boundary = boundaries.get(dataset.name)
            paths = [file.path for file in self._list(dataset, kind) if not boundary or file.modified_at >= boundary]
            for path, content in self._cat(paths):
                row = _row(kind, content)
                if row is None:
                    name = PurePosixPath(path).name
                    message = f"file {SYSTEM_TABLES[kind]}/{name} is not what dlt writes there"
                    self.problems.append(Problem(dataset.name, kind, message))
                else:
                    yield dataset, row

    def _cat(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for start in range(0, len(paths), READ_AT_ONCE):
            chunk = list(paths[start : start + READ_AT_ONCE])
            self.query_count += len(chunk)
            yield from (
                self._files.cat(chunk, recursive=False).items()
                if len(chunk) > 1
                else [(path, self._files.cat_file(path)) for path in chunk]
            )

    def _ls(self, path: str) -> list[dict[str, Any]]:
        self.query_count += 1
        try:
            entries: list[dict[str, Any]] = self._files.ls(path, detail=True, refresh=True)
        except FileNotFoundError:
            raise DestinationUnreachableError(
                f"there is no folder {path}. Check bucket_url in .dlt/config.toml; a relative one counts from the "
                "working folder"
            ) from None
        except PermissionError:
            raise DestinationForbiddenError(f"{path} may not be listed. Grant the right to list and read it") from None
        # Object stores list a folder's own marker among its entries.
        return [entry for entry in entries if entry["name"].rstrip("/") != path.rstrip("/")]

    def _data_files(self, dataset: Dataset) -> dict[str, list[_File]]:
        root = f"{self._root}/{dataset.name}/"
        if root not in self._listings:
            self.query_count += 1
            found = self._files.find(root, detail=True)
            self._listings[root] = [self._file(entry) for entry in found.values()]
        tables: dict[str, list[_File]] = {}
        for file in self._listings[root]:
            parts = PurePosixPath(file.path.split(root.lstrip("/"), 1)[-1]).parts
            if len(parts) > 1 and not parts[0].lower().startswith("_dlt_"):
                tables.setdefault(parts[0], []).append(file)
        return tables

    def _file(self, entry: dict[str, Any]) -> _File:
        return _File(entry["name"], entry.get("size") or 0, self._modified_at(entry) or datetime.now(timezone.utc))

    def _count(self, dataset: Dataset, file: _File) -> int | None:
        """Returns the rows of a data file; None where its format is not one that dlt writes, or where it is broken."""
        count = next(
            (count for suffix, count in _COUNTERS.items() if file.path.endswith((suffix, f"{suffix}.gz"))), None
        )
        if count is None:
            return None
        self.query_count += 1
        try:
            with self._files.open(file.path, "rb") as stream:
                return count(stream)
        except (OSError, EOFError, pa.ArrowException):
            message = f"the rows of file {PurePosixPath(file.path).name} could not be counted"
            self.problems.append(Problem(dataset.name, None, message))
            return None


def connect(config: Any) -> FilesystemWarehouse:
    """Opens a filesystem destination for reading.

    Args:
        config: dlt's resolved filesystem configuration.

    Returns:
        The open warehouse.

    Raises:
        DestinationUnreachableError: The store does not answer.
    """
    from dlt.common.storages.fsspec_filesystem import MTIME_DISPATCH, fsspec_from_config  # noqa: PLC0415

    files, root = fsspec_from_config(config)
    # fsspec hands out one object per store and process, with the listings of last time.
    files.invalidate_cache()
    return FilesystemWarehouse(files, root, MTIME_DISPATCH.get(config.protocol, MTIME_DISPATCH["file"]))


def _count_before(boundary: datetime | None, times: Sequence[datetime]) -> int:
    return sum(time < boundary for time in times) if boundary else 0


def _load_id(file: _File) -> str | None:
    found = _LOAD_ID.search(PurePosixPath(file.path).name)
    return found.group(1) if found else None


def _row(kind: Kind, content: bytes) -> dict[str, Any] | None:
    """Returns the row that a file holds, its time stamp parsed; None where it is not what dlt writes."""
    try:
        row = orjson.loads(content)
        if not isinstance(row, dict) or not row.keys() >= REQUIRED_COLUMNS[kind]:
            return None
        row[_MOMENT[kind]] = _moment(row[_MOMENT[kind]])
    except ValueError:
        return None
    texts = REQUIRED_COLUMNS[kind] - {_MOMENT[kind], *_INTEGERS}
    is_typed = all(isinstance(row[name], str) for name in texts) and all(
        isinstance(row.get(name, 0), int) for name in _INTEGERS
    )
    return row if is_typed else None


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table([[row.get(name) for row in rows] for name in schema.names], schema=schema)


def _unpacked(stream: BinaryIO) -> BinaryIO:
    is_gzip = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    return cast(BinaryIO, gzip.open(stream)) if is_gzip else stream


def _count_lines(stream: BinaryIO) -> int:
    return sum(1 for line in _unpacked(stream) if line.strip())


def _count_csv_rows(stream: BinaryIO) -> int:
    options = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(pa.PythonFile(_unpacked(stream)), parse_options=options) as reader:
        return sum(batch.num_rows for batch in reader)


def _count_parquet_rows(stream: BinaryIO) -> int:
    return int(parquet.ParquetFile(stream).metadata.num_rows)


_COUNTERS: Mapping[str, Callable[[BinaryIO], int]] = {
    ".parquet": _count_parquet_rows,
    ".jsonl": _count_lines,
    ".csv": _count_csv_rows,
}
