"""The home: the warehouse that holds the observability dataset and its marts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RAW_DATASET = "observability"
MODELS_DATASET = "observability_models"
MARTS_DATASET = "observability_marts"


@dataclass(frozen=True)
class Home:
    """Where the observability dataset lives.

    Args:
        destination_type: dlt's type of the warehouse; ``duckdb`` is the embedded default.
        database: For DuckDB the absolute path of the file; for a server its connection URL.
        work_folder: Folder for what may be thrown away: dlt's working files, dbt's target and logs.
    """

    destination_type: str
    database: str
    work_folder: Path
