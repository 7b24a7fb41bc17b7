"""A user's folder that observes a fleet, and what meta-pipeline stored in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import duckdb

HOME_FILE = "meta_pipeline.duckdb"
CONTENT_TABLES = ("schema_version_tables", "schema_tables", "schema_columns")
COUNTED_TABLES = ("loads", "schema_versions", "pipeline_states", "schema_changes", *CONTENT_TABLES)

CONFIG = """\
[sources.dlt_metadata]
destinations = ["fleet"]
datasets = {datasets}

[destination.fleet]
destination_type = "postgres"
"""
SECRETS = """\
[destination.fleet]
credentials = {url}
"""


@dataclass(frozen=True)
class Collected:
    """What a first collection and one after it left behind.

    Args:
        datasets: Datasets that were read.
        first_queries: Queries that the first collection sent.
        repeated_queries: Queries that the last one sent, which found nothing new.
        rows: Rows in the raw tables, by table.
    """

    datasets: int
    first_queries: int
    repeated_queries: int
    rows: Mapping[str, int]


def write_user_folder(folder: Path, url: str, datasets: Sequence[str] = ("*",)) -> None:
    """Writes the configuration of somebody who observes the fleet, and nothing else.

    Args:
        folder: The folder.
        url: The fleet's database.
        datasets: Globs of the datasets to read.
    """
    settings = folder / ".dlt"
    settings.mkdir(parents=True)
    (settings / "config.toml").write_text(CONFIG.format(datasets=json.dumps(list(datasets))), encoding="utf-8")
    (settings / "secrets.toml").write_text(SECRETS.format(url=json.dumps(url)), encoding="utf-8")


def add_inbox(folder: Path) -> Path:
    """Configures an inbox where none is yet.

    Args:
        folder: A user's folder.

    Returns:
        The inbox, which is not there yet.
    """
    config = folder / ".dlt" / "config.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("datasets =", 'inbox = "inbox"\ndatasets =', 1), encoding="utf-8")
    return folder / "inbox"


def last_loads(folder: Path, each: int) -> list[list[tuple[str, str]]]:
    """Returns datasets with their last loads: one list of all datasets for each load back, the newest at the end.

    Args:
        folder: A user's folder in which the fleet was collected.
        each: How many loads of each dataset.
    """
    with duckdb.connect(str(folder / HOME_FILE), read_only=True) as home:
        rows = home.execute(
            "select dataset_name, load_id, row_number() over (partition by dataset_name order by load_id desc) as back"
            " from observability.loads qualify back <= ? order by back desc, dataset_name",
            [each],
        ).fetchall()
    return [[(name, load_id) for name, load_id, _ in group] for _, group in groupby(rows, key=itemgetter(2))]


def meta_pipeline(command: str) -> list[str]:
    """Returns a command of the program that is installed beside this Python."""
    return [str(Path(sys.executable).with_name("meta-pipeline")), command]


def read_collected(folder: Path) -> Collected:
    """Reads what the collections of a folder stored.

    Args:
        folder: A user's folder in which at least one collection ran.
    """
    with duckdb.connect(str(folder / HOME_FILE), read_only=True) as home:
        collections = home.execute(
            "select dataset_count, query_count from observability.collections where destination_name = 'fleet' "
            "order by collected_at"
        ).fetchall()
        rows = {table: count_rows(home, "observability", table) for table in COUNTED_TABLES}
    (datasets, first), (_, repeated) = collections[0], collections[-1]
    return Collected(datasets, first, repeated, rows)


def count_rows(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> int:
    """Returns the number of a table's rows."""
    found = connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
    return int(found[0]) if found else 0
