"""Files of traces that pipelines load into a filesystem.

Which tables those may be is told by the names of their files. Of these, only the files of new loads are opened.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import parquet

from meta_pipeline.collect.moments import as_moment
from meta_pipeline.collect.warehouse import NESTED_IN_KEPT, Dataset, KeptRow, KeptTable, kept_names
from meta_pipeline.exceptions import RecordUnreadableError

GZIP_MAGIC = b"\x1f\x8b"
_PROBED = ("", "__steps")
"""What is looked at of a table to know its shape: itself, and what is nested in it under this name."""

Row = Mapping[str, Any]
Files = Mapping[str, Mapping[str, Sequence[str]]]
"""By table the paths of its files by load id."""


class KeptFiles:
    """The files of new loads that may hold kept traces.

    Args:
        read: Yields path and content of files, None for what may not be read.
        tell: Is told of a dataset, a path in it, and what is wrong with it.
    """

    def __init__(
        self,
        read: Callable[[Sequence[str]], Iterable[tuple[str, bytes | None]]],
        tell: Callable[[Dataset, str, str], None],
    ) -> None:
        self._read = read
        self._tell = tell
        self._files: dict[tuple[str, str], Mapping[str, Sequence[str]]] = {}
        self._probed: dict[str, list[Row]] = {}
        self._loads: dict[str, str] = {}

    def tables(self, dataset: Dataset, files: Files) -> list[KeptTable]:
        """Returns the tables that may hold kept traces, with the columns of those that tell it.

        Args:
            dataset: The dataset.
            files: Its files of new loads.
        """
        names = kept_names(files.keys())
        self._files.update({(dataset.name, name): files[name] for name in names})
        roots = [name for name in names if any(f"{name}{nested}" in files for nested in NESTED_IN_KEPT)]
        probed = {f"{root}{nested}" for root in roots for nested in _PROBED}
        return [KeptTable(dataset, name, self._columns(dataset, name) if name in probed else {}) for name in names]

    def rows(
        self, tables: Sequence[KeptTable], columns: Sequence[str], ids: Mapping[KeptTable, Sequence[str]] | None
    ) -> Iterator[KeptRow]:
        """Yields rows of tables.

        Args:
            tables: The tables.
            columns: What is asked of each row.
            ids: By table the ids of the rows above; all rows where nothing is given.
        """
        above = {row_id for listed in (ids or {}).values() for row_id in listed}
        loads = {row_id: self._loads.pop(row_id) for row_id in above & self._loads.keys()}
        for table in tables:
            files = self._files[table.dataset.name, table.name]
            parents = set(ids[table]) if ids is not None else None
            wanted = files.keys() if parents is None else {loads[row_id] for row_id in parents & loads.keys()}
            for load_id in sorted(wanted & files.keys()):
                yield from self._rows_of_load(table, load_id, columns, parents)

    def _rows_of_load(
        self, table: KeptTable, load_id: str, columns: Sequence[str], parents: Collection[str] | None
    ) -> Iterator[KeptRow]:
        has_nested = any(name.startswith(f"{table.name}__") for _, name in self._files)
        for path, row in self._rows(table.dataset, self._files[table.dataset.name, table.name][load_id]):
            if parents is None or row.get("_dlt_parent_id") in parents:
                try:
                    kept = _kept_row(table, row, columns)
                except ValueError:
                    self._tell(table.dataset, path, _BROKEN)
                    continue
                if has_nested:
                    self._loads[kept.row_id] = load_id
                yield kept

    def _columns(self, dataset: Dataset, name: str) -> Mapping[str, str]:
        path = next(path for paths in self._files[dataset.name, name].values() for path in paths)
        # Of a first look the rows are kept, so that no file is opened twice.
        self._probed[path] = [row for _, row in self._rows(dataset, [path])]
        return {column: column for row in self._probed[path] for column in row}

    def _rows(self, dataset: Dataset, paths: Sequence[str]) -> Iterator[tuple[str, Row]]:
        known = {path: self._probed.pop(path) for path in paths if path in self._probed}
        yield from ((path, row) for path, rows in known.items() for row in rows)
        for path, content in self._read([path for path in paths if path not in known]):
            try:
                yield from ((path, row) for row in _rows_of_file(path, content))
            except RecordUnreadableError as error:
                self._tell(dataset, path, str(error))


def can_read(path: str) -> bool:
    """Tells whether a file's format is one that is read.

    Args:
        path: Path of the file.
    """
    return _parser(path) is not None


def _kept_row(table: KeptTable, row: Row, columns: Sequence[str]) -> KeptRow:
    values = {name: _value(name, row.get(name)) for name in columns}
    position = int(row.get("_dlt_list_idx") or 0)
    return KeptRow(
        table, str(row.get("_dlt_id")), str(row.get("_dlt_parent_id")), row.get("_dlt_load_id"), position, values
    )


def _value(name: str, value: Any) -> Any:
    """Returns a time stamp as such and all else as text."""
    if value is None or value == "":
        return None
    if name.endswith("_at"):
        return as_moment(value if isinstance(value, datetime) else str(value))
    return str(value)


def _rows_of_file(path: str, content: bytes | None) -> list[Row]:
    parse = _parser(path)
    if content is None or parse is None:
        raise RecordUnreadableError("may not be read")
    try:
        rows = parse(gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content)
        return [{name.lower(): value for name, value in row.items()} for row in rows]
    except (ValueError, AttributeError, OSError, EOFError, csv.Error, pa.ArrowException):
        raise RecordUnreadableError(_BROKEN) from None


def _parser(path: str) -> Callable[[bytes], list[Any]] | None:
    return next((parse for suffix, parse in _PARSERS.items() if path.endswith((suffix, f"{suffix}.gz"))), None)


def _jsonl_rows(content: bytes) -> list[Any]:
    return [orjson.loads(line) for line in content.splitlines() if line.strip()]


def _csv_rows(content: bytes) -> list[Any]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def _parquet_rows(content: bytes) -> list[Any]:
    rows: list[Any] = parquet.read_table(pa.BufferReader(content)).to_pylist()
    return rows


_BROKEN = "is not what dlt writes there"
_PARSERS: Mapping[str, Callable[[bytes], list[Any]]] = {
    ".jsonl": _jsonl_rows,
    ".csv": _csv_rows,
    ".parquet": _parquet_rows,
}
