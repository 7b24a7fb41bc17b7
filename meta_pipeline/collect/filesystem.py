"""Filesystems and buckets: dlt writes its system tables there as one small JSON file per row.

That is so whatever format the data is in. Only files that are new, by the modification time that the listing gives, are
opened. Rows of a load are counted in the files that carry its load id in their path, as the destination's layout has
it; Delta and Iceberg tables are counted by their own logs.

A collection lists the root, each dataset and its three system tables. Where loads are new, one more listing goes
through all files of the dataset: a request for every thousand of them in an object store.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any, BinaryIO, TypeVar, cast

import orjson
import pyarrow as pa
from pyarrow import csv, parquet

from meta_pipeline.collect.kept_files import GZIP_MAGIC, KeptFiles, can_read
from meta_pipeline.collect.layouts import DEFAULT_LAYOUT, parse_layout
from meta_pipeline.collect.moments import as_moment
from meta_pipeline.collect.open_tables import OpenTable, count_by_load, extent_of, find_open_tables, link_rows
from meta_pipeline.collect.warehouse import (
    COUNT_RESULT,
    LOAD_RESULT,
    REQUIRED_COLUMNS,
    STATISTICS_RESULT,
    SYSTEM_TABLES,
    Boundaries,
    Cost,
    Dataset,
    KeptRow,
    KeptTable,
    Kind,
    Problem,
    StoredState,
    StoredVersion,
    Summary,
    SystemTable,
)
from meta_pipeline.exceptions import CollectionError, DestinationForbiddenError, DestinationUnreachableError

READ_AT_ONCE = 1_000
# What is larger is no trace.
MAX_KEPT_BYTES = 64 << 20
_Answer = TypeVar("_Answer")
_LOAD_ID = re.compile(r"(?:^|[^0-9])(\d{9,11}\.\d+)(?:\D|$)")
_MOMENT: Mapping[Kind, str] = {"loads": "inserted_at", "versions": "inserted_at", "states": "created_at"}
_INTEGERS = ("status", "version", "engine_version")
# Until 0.4, a load was an empty file of this name beside the tables' folders.
_LOAD_MARK = re.compile(r"(?P<schema_name>.+)\._dlt_loads\.(?P<load_id>\d{9,11}\.\d+)")
# botocore's own are a minute and five attempts, and s3fs makes each of them five times.
_S3_BOUNDS: Mapping[str, Any] = {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 0}}


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
        config: dlt's resolved filesystem configuration.
    """

    destination_type = "filesystem"
    reads_at_once = False

    def __init__(
        self, files: Any, root: str, modified_at: Callable[[dict[str, Any]], datetime | None], config: Any
    ) -> None:
        self._files = files
        self._root = root.rstrip("/")
        self._modified_at = modified_at
        self._config = config
        self._layout = parse_layout(config.layout or DEFAULT_LAYOUT)
        self._load_marks: dict[str, list[_File]] = {}
        self._contents: dict[tuple[str, str], str | None] = {}
        self._distinct_contents: dict[str, str] = {}
        self._listings: dict[str, list[_File]] = {}
        self._kept = KeptFiles(self._cat, self._tell_of_kept)
        self.query_count = 0
        self.problems: list[Problem] = []

    def discover(self) -> list[Dataset]:
        """Returns every folder that holds a loads table, or may not be listed, sorted by name."""
        try:
            entries = self._ls(self._root)
        except FileNotFoundError:
            raise DestinationUnreachableError(
                f"there is no folder {self._root}. Check bucket_url in .dlt/config.toml; a relative one counts from "
                "the working folder"
            ) from None
        found = (self._dataset(entry["name"]) for entry in entries if entry["type"] == "directory")
        return sorted((dataset for dataset in found if "loads" in dataset.tables), key=lambda dataset: dataset.name)

    def describe(self, kind: Kind, datasets: Sequence[Dataset]) -> Sequence[Dataset]:  # noqa: ARG002
        """Returns the datasets as they are."""
        return datasets

    def probe(self, kind: Kind, datasets: Sequence[Dataset]) -> None:
        """Tries whether a system table may be listed, and its newest file be read."""
        for dataset in datasets:
            if kind in dataset.tables:
                files = sorted(self._list(dataset, kind), key=lambda file: file.modified_at)
                list(self._rows_of(kind, dataset, files[-1:]))

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
        """Returns the bytes of each table's files, and of Delta and Iceberg tables the rows too."""
        rows: list[tuple[Any, ...]] = []
        for dataset in datasets:
            sizes: dict[str, int] = {}
            for table, _, file in self._data_files(dataset):
                sizes[table] = sizes.get(table, 0) + file.size
            rows += [(dataset.name, table, None, size, False) for table, size in sizes.items()]
            for table, open_table in self._open_tables(dataset).items():
                extent = self._asked(dataset, table, open_table, lambda item: extent_of(item, self._config))
                if extent:
                    rows.append((dataset.name, table, extent.row_count, extent.byte_count, False))
        return pa.table([*zip(*rows, strict=True)] or [()] * len(STATISTICS_RESULT), schema=STATISTICS_RESULT)

    def kept_tables(self, datasets: Sequence[Dataset], boundaries: Boundaries) -> list[KeptTable]:
        """Returns tables with new files that have some columns of kept traces, and those that are nested in them."""
        return [
            table
            for dataset in datasets
            for table in self._kept.tables(dataset, self._new_files(dataset, boundaries.get(dataset.name)))
        ]

    def kept_rows(
        self,
        tables: Sequence[KeptTable],
        columns: Sequence[str],
        *,
        boundaries: Boundaries | None = None,  # noqa: ARG002
        ids: Mapping[KeptTable, Sequence[str]] | None = None,
    ) -> Iterator[KeptRow]:
        """Yields rows of kept traces from the files that ``kept_tables`` found."""
        return self._kept.rows(tables, columns, ids)

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
        """Yields rows by load id, from files whose path carries it and from the logs of Delta and Iceberg tables."""
        for dataset in datasets:
            yield _table(list(self._counts(dataset, since[dataset.name])), COUNT_RESULT)
            found = {
                table: self._asked(
                    dataset,
                    table,
                    item,
                    lambda item: link_rows(item, self._config, since[dataset.name]),  # noqa: B023
                )
                for table, item in self._open_tables(dataset).items()
            }
            tables = {table: rows for table, rows in found.items() if rows is not None}
            if tables:
                yield count_by_load(dataset.name, tables, since[dataset.name])

    def cost(self) -> Cost:
        """Returns nothing: object stores bill for requests, of which ``query_count`` tells."""
        return Cost()

    def close(self) -> None:
        """Does nothing: fsspec keeps its own connections."""

    def _counts(self, dataset: Dataset, since: str) -> Iterator[dict[str, Any]]:
        counts: dict[tuple[str, str], int] = {}
        for table, load_id, file in self._data_files(dataset):
            if load_id and load_id >= since and (rows := self._count(dataset, file)) is not None:
                counts[table, load_id] = counts.get((table, load_id), 0) + rows
        for (table, load_id), rows in counts.items():
            yield {"dataset_name": dataset.name, "table_name": table, "load_id": load_id, "row_count": rows}

    def _dataset(self, path: str) -> Dataset:
        name = PurePosixPath(path.rstrip("/")).name
        try:
            entries = {PurePosixPath(entry["name"].rstrip("/")).name: entry for entry in self._ls(path)}
        except FileNotFoundError:
            return Dataset(name)
        except DestinationForbiddenError:
            # Nobody can tell whether it holds loads: better told of in vain than missed.
            return Dataset(name, {"loads": SystemTable(SYSTEM_TABLES["loads"], {}, is_readable=False)})
        kinds = {table: kind for kind, table in SYSTEM_TABLES.items()}
        found = {kinds[table.lower()]: table for table in entries if table.lower() in kinds}
        marks = [self._file(entry) for entry_name, entry in entries.items() if _LOAD_MARK.fullmatch(entry_name)]
        if marks:
            self._load_marks[name] = marks
            if "loads" not in found:
                found["loads"] = SYSTEM_TABLES["loads"]
                self._listings[f"{path.rstrip('/')}/{found['loads']}"] = marks
        return Dataset(name, {kind: self._system_table(kind, table) for kind, table in found.items()})

    @staticmethod
    def _system_table(kind: Kind, name: str) -> SystemTable:
        # Columns are keys of JSON objects here; each file is looked at for itself.
        return SystemTable(name, {column: column for column in REQUIRED_COLUMNS[kind]})

    def _list(self, dataset: Dataset, kind: Kind) -> list[_File]:
        path = f"{self._root}/{dataset.name}/{dataset.tables[kind].name}"
        if path not in self._listings:
            marks = self._load_marks.get(dataset.name, []) if kind == "loads" else []
            self._listings[path] = [*marks, *self._listed(dataset, kind, path)]
        return self._listings[path]

    def _listed(self, dataset: Dataset, kind: Kind, path: str) -> list[_File]:
        try:
            entries = self._ls(path)
        except DestinationForbiddenError as error:
            self.problems.append(Problem(dataset.name, kind, str(error), "forbidden"))
            return []
        except FileNotFoundError:
            message = f"table {SYSTEM_TABLES[kind]} was dropped while the dataset was read"
            self.problems.append(Problem(dataset.name, kind, message, "gone"))
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
            files = [file for file in self._list(dataset, kind) if not boundary or file.modified_at >= boundary]
            yield from ((dataset, row) for row in self._rows_of(kind, dataset, files))

    def _rows_of(self, kind: Kind, dataset: Dataset, files: Sequence[_File]) -> Iterator[dict[str, Any]]:
        marks = {file.path: load for file in files if kind == "loads" and (load := _marked_load(file))}
        yield from marks.values()
        for path, content in self._cat([file.path for file in files if file.path not in marks]):
            row = _row(kind, content) if content else None
            if row:
                yield row
            else:
                name = f"file {SYSTEM_TABLES[kind]}/{PurePosixPath(path).name}"
                problem = Problem(dataset.name, kind, f"{name} is not what dlt writes there")
                if content is None:
                    problem = Problem(dataset.name, kind, f"{name} may not be read", "forbidden")
                self.problems.append(problem)

    def _cat(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yields each file's content, None where it may not be read; files that are gone by now are left out."""
        for start in range(0, len(paths), READ_AT_ONCE):
            chunk = list(paths[start : start + READ_AT_ONCE])
            self.query_count += len(chunk)
            with _told(self._root):
                contents = self._files.cat(chunk, recursive=False, on_error="return")
            for path, content in contents.items():
                if isinstance(content, bytes):
                    yield path, content
                elif isinstance(content, PermissionError):
                    yield path, None
                elif not isinstance(content, FileNotFoundError):
                    with _told(path):
                        raise content

    def _ls(self, path: str) -> list[dict[str, Any]]:
        self.query_count += 1
        with _told(path):
            entries: list[dict[str, Any]] = self._files.ls(path, detail=True, refresh=True)
        # Object stores list a folder's own marker among its entries.
        return [entry for entry in entries if entry["name"].rstrip("/") != path.rstrip("/")]

    def _data_files(self, dataset: Dataset) -> Iterator[tuple[str, str | None, _File]]:
        """Yields the table, load id and file of each data file that has its place by the layout."""
        folders = tuple(f"{item.path}/" for item in self._open_tables(dataset).values())
        for file in self._all_files(dataset):
            place = self._layout.place(self._inner_path(dataset, file.path)) if self._layout else None
            if place and not place.table_name.lower().startswith("_dlt_") and not file.path.startswith(folders):
                yield place.table_name, place.load_id, file

    def _new_files(self, dataset: Dataset, boundary: datetime | None) -> dict[str, dict[str, list[str]]]:
        """Returns by table and load id the paths of the files of loads from a boundary on, as far as they are read."""
        loads = {
            _load_id(file) for file in self._list(dataset, "loads") if not boundary or file.modified_at >= boundary
        }
        found: dict[str, dict[str, list[str]]] = {}
        for table, load_id, file in self._data_files(dataset):
            if load_id in loads and load_id and file.size <= MAX_KEPT_BYTES and can_read(file.path):
                found.setdefault(table, {}).setdefault(load_id, []).append(file.path)
        return found

    def _tell_of_kept(self, dataset: Dataset, path: str, reason: str) -> None:
        file = PurePosixPath(path)
        problem = Problem(dataset.name, None, f"file {file.parent.name}/{file.name} of a kept trace {reason}")
        if problem not in self.problems:
            self.problems.append(problem)

    def _open_tables(self, dataset: Dataset) -> dict[str, OpenTable]:
        found = find_open_tables(file.path for file in self._all_files(dataset))
        named = {self._layout.table_of(self._inner_path(dataset, item.path)): item for item in found if self._layout}
        return {table: item for table, item in named.items() if table}

    def _all_files(self, dataset: Dataset) -> list[_File]:
        root = f"{self._root}/{dataset.name}/"
        if root not in self._listings:
            self.query_count += 1
            try:
                with _told(root):
                    found = self._files.find(root, detail=True)
            except (DestinationForbiddenError, FileNotFoundError):
                message = "its data files may not be listed, so nothing is known of their size"
                self.problems.append(Problem(dataset.name, None, message))
                found = {}
            self._listings[root] = [self._file(entry) for entry in found.values()]
        return self._listings[root]

    def _inner_path(self, dataset: Dataset, path: str) -> str:
        return path.split(f"{self._root}/{dataset.name}/".lstrip("/"), 1)[-1]

    def _file(self, entry: dict[str, Any]) -> _File:
        return _File(entry["name"], entry.get("size") or 0, self._modified_at(entry) or datetime.now(timezone.utc))

    def _asked(
        self, dataset: Dataset, table: str, item: OpenTable, question: Callable[[OpenTable], _Answer]
    ) -> _Answer | None:
        """Returns what a Delta or Iceberg table answers; None where it cannot be read, which becomes a problem."""
        self.query_count += 1
        try:
            return question(item)
        except ImportError:
            extra = {"delta": "deltalake", "iceberg": "pyiceberg"}[item.format]
            reason = f"needs a package that is not installed: pip install 'meta-pipeline[{extra}]'"
        except Exception as error:
            # Each format's library has errors of its own, which may quote credentials.
            reason = f"cannot be read ({type(error).__name__})"
        problem = Problem(dataset.name, None, f"{item.format.capitalize()} table {table} {reason}")
        if problem not in self.problems:
            self.problems.append(problem)
        return None

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
        except FileNotFoundError:
            # Replaced or dropped by now: its rows are no more.
            return None
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
    """
    from dlt.common.storages.fsspec_filesystem import MTIME_DISPATCH  # noqa: PLC0415

    files, root = open_files(config)
    return FilesystemWarehouse(files, root, MTIME_DISPATCH.get(config.protocol, MTIME_DISPATCH["file"]), config)


def open_files(config: Any) -> tuple[Any, str]:
    """Opens the file system behind a configuration, with bounds on how long it waits.

    Args:
        config: dlt's resolved filesystem configuration.

    Returns:
        The fsspec file system, and the path of the bucket or folder in it.
    """
    from dlt.common.storages.fsspec_filesystem import fsspec_from_config  # noqa: PLC0415

    if config.protocol in ("s3", "s3a"):
        config.config_kwargs = {**_S3_BOUNDS, **(config.config_kwargs or {})}
    files, root = fsspec_from_config(config)
    # fsspec hands out one object per store and process, with the listings of last time.
    files.invalidate_cache()
    return files, root


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turns an error of a store into one that says what went wrong; that something is not there passes."""
    try:
        yield
    except (CollectionError, FileNotFoundError):
        raise
    except PermissionError as error:
        # An object store refuses a wrong key in the same way as a missing right, but says so.
        reason = f": {error}" if isinstance(error.__cause__, Exception) else ""
        raise DestinationForbiddenError(
            f"{path} may not be listed{reason}. Grant the right to list and read it, and check the key"
        ) from None
    except Exception as error:
        # Each store has errors of its own, which may quote credentials.
        raise DestinationUnreachableError(
            f"{path} cannot be reached ({type(error).__name__}). Check bucket_url, the endpoint, the region and the "
            "credentials, and run again"
        ) from None


def _count_before(boundary: datetime | None, times: Sequence[datetime]) -> int:
    return sum(time < boundary for time in times) if boundary else 0


def _load_id(file: _File) -> str | None:
    found = _LOAD_ID.search(PurePosixPath(file.path).name)
    return found.group(1) if found else None


def _marked_load(file: _File) -> dict[str, Any] | None:
    """Returns the load that an empty file stands for, as dlt left it until 0.4; None where it is no such file."""
    found = _LOAD_MARK.fullmatch(PurePosixPath(file.path).name)
    return {**found.groupdict(), "status": 0, "inserted_at": file.modified_at} if found else None


def _row(kind: Kind, content: bytes) -> dict[str, Any] | None:
    """Returns the row that a file holds, its time stamp parsed; None where it is not what dlt writes."""
    try:
        # Until 0.4, states were written as data, which is compressed.
        row = orjson.loads(gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content)
        if not isinstance(row, dict) or not row.keys() >= REQUIRED_COLUMNS[kind]:
            return None
        row[_MOMENT[kind]] = as_moment(str(row[_MOMENT[kind]]))
    except (ValueError, OSError, EOFError):
        return None
    texts = REQUIRED_COLUMNS[kind] - {_MOMENT[kind], *_INTEGERS}
    is_typed = all(isinstance(row[name], str) for name in texts) and all(
        isinstance(row.get(name, 0), int) for name in _INTEGERS
    )
    return row if is_typed else None


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table([[row.get(name) for row in rows] for name in schema.names], schema=schema)


def _unpacked(stream: BinaryIO) -> BinaryIO:
    is_gzip = stream.read(2) == GZIP_MAGIC
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
