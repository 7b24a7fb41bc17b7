"""The marts' contracts, as the dbt project states them: columns and types that are the same on every warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import yaml

_TYPES = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}
_TYPES_BY_VARIABLE = {
    "timestamp_type": pa.timestamp("us", tz="UTC"),
    "number_type": pa.float64(),
}


def read_contracts(project: Path) -> Mapping[str, pa.Schema]:
    """Reads the contracts of all marts.

    Args:
        project: Folder of the dbt project.

    Returns:
        Names and types of each mart's columns.
    """
    return dict(_contracts(project / "models" / "marts"))


def _contracts(folder: Path) -> Iterator[tuple[str, pa.Schema]]:
    for file in sorted(folder.rglob("*.yml")):
        if file.name.endswith(".unit.yml"):
            continue
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", ()):
            yield model["name"], pa.schema([(column["name"], _type(column)) for column in model["columns"]])


def _type(column: Mapping[str, str]) -> pa.DataType:
    declared = column["data_type"]
    by_variable = (data_type for name, data_type in _TYPES_BY_VARIABLE.items() if name in declared)
    return _TYPES.get(declared) or next(by_variable)
