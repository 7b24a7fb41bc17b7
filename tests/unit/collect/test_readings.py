from __future__ import annotations

import subprocess
import sys

from meta_pipeline.collect.batches import Batch, batch_of_rows
from meta_pipeline.collect.readings import (
    _CONTENT_KEYS,
    _SharedContent,
)
from meta_pipeline.collect.runs import RUN_TABLES
from meta_pipeline.collect.tables import (
    CAPTURED_FILES,
    COVERAGE,
    DBT_ARTIFACTS,
    DBT_NODES,
    EXPORTED_SCHEMAS,
    LOADS,
    RAW_TABLES,
    SCHEMA_COLUMNS,
)
from tests.unit.collect.test_exports import MONDAY


def columns(*table_hashes: str) -> Batch:
    rows = [{"table_hash": table_hash, "column_name": name} for table_hash in table_hashes for name in ("a", "b")]
    return batch_of_rows(SCHEMA_COLUMNS, rows, MONDAY)


def test_content_that_two_destinations_hold_passes_once_and_whole() -> None:
    shared = _SharedContent()

    passed = [shared.once(batch) for batch in (columns("x", "y"), columns("y", "z"), columns("x"))]

    assert [[row["table_hash"] for row in batch.rows.to_pylist()] for batch in passed] == [
        ["x", "x", "y", "y"],
        ["z", "z"],
        [],
    ]


def test_rows_of_a_destination_of_its_own_pass_always() -> None:
    shared = _SharedContent()
    load = batch_of_rows(LOADS, [{"destination_name": "d", "dataset_name": "s", "load_id": "1"}], MONDAY)

    assert [shared.once(load).rows.num_rows for _ in range(2)] == [1, 1]


def test_every_table_without_a_destination_in_its_key_holds_shared_content() -> None:
    shared = {table for table in RAW_TABLES if "destination_name" not in table.key}
    of_one_place = {EXPORTED_SCHEMAS, COVERAGE, CAPTURED_FILES, DBT_ARTIFACTS, DBT_NODES, *RUN_TABLES}

    assert {table.name for table in shared - of_one_place} == set(_CONTENT_KEYS)


def test_where_no_capture_is_configured_nothing_that_reads_them_is_imported() -> None:
    program = (
        "import sys, meta_pipeline.collect.stage\n"
        "own = {name.rpartition('.')[2] for name in sys.modules if name.startswith('meta_pipeline.collect.')}\n"
        "found = {'inbox', 'kept', 'runs', 'seen', 'working_folder', 'trace_pickle', 'dbt_artifacts', 'stored'} & own\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
