"""A small fleet in two collections, with one of everything that a rule looks at."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

from meta_pipeline.home import Home
from tests.fixtures.captures import Rows, call, failed_job, start
from tests.fixtures.raw_dataset import RawDataset, Row, coverage, load, load_id, state

FIRST = "2026-01-15 12:00"
SECOND = "2026-01-21 12:00"
PAST = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)


class FleetHome:
    """One home for all tests, so that dbt parses the project once, and copies of what it was at each step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = RawDataset(folder / "home.duckdb")
        self.home = Home("duckdb", str(self.raw.path), folder / "work")

    def save(self, step: str) -> None:
        shutil.copy(self.raw.path, self.saved(step))

    def restore(self, step: str) -> RawDataset:
        shutil.copy(self.saved(step), self.raw.path)
        return self.raw

    def saved(self, step: str) -> Path:
        return self.folder / f"{step}.saved"


def days(first: int, last: int, hour: int = 6) -> list[str]:
    """Returns the same hour of each day of January 2026."""
    return [f"2026-01-{day:02d} {hour:02d}:00" for day in range(first, last + 1)]


def write_first(raw: RawDataset) -> None:
    """Writes what the first collection, on 15 January, found."""
    _write_crm(raw, days(1, 15), FIRST)
    _write_shared(raw, days(1, 15, 3), days(1, 14, 18), FIRST)
    _write_unclaimed(raw, days(2, 12, 9), FIRST)
    _write_schemas(raw)
    _write_captured(raw)
    _write_dbt(raw)
    raw.write(
        table_statistics=[_size("orders", 100, FIRST), _size("items", 300, FIRST)],
        coverage=[
            coverage("crm", "2026-01-14 12:00", FIRST),
            coverage("shared", "2026-01-14 12:00", FIRST),
            coverage("unclaimed", "2026-01-14 12:00", FIRST),
            coverage("shop", "2026-01-14 12:00", FIRST),
            coverage("crm_20260110093000", "2026-01-14 12:00", FIRST, "dev_mode"),
            coverage(None, "2026-01-14 12:00", FIRST, "unreachable", destination_name="lake", error="no answer"),
        ],
    )
    for destination in ("warehouse", "lake"):
        raw.finish_collection("2026-01-14 12:00", destination=destination)
        raw.finish_collection(FIRST, destination=destination)


def write_second(raw: RawDataset) -> None:
    """Writes what the second collection, on 21 January, found new."""
    _write_crm(raw, days(16, 21), SECOND, empty_from="2026-01-18 06:00")
    _write_shared(raw, days(16, 21, 3), [], SECOND)
    _write_newly_captured(raw)
    _write_new_dbt(raw)
    raw.write(
        loads=[
            # somebody's transformation advanced one, and a retry committed one late
            load("2026-01-14 06:00", status=2, schema_version_hash="v1", collected_at=SECOND),
            {**load("2026-01-16 06:00", load_id=load_id("2026-01-10 07:00")), "collected_at": SECOND},
        ],
        counted_loads=[_counted("2026-01-10 07:00", SECOND)],
        row_counts=[_rows("2026-01-10 07:00", "orders", 7, SECOND)],
        # a pipeline turns up that claims what nobody claimed
        pipeline_states=[_of("unclaimed", state("late_comer", "2026-01-20 09:00", collected_at=SECOND))],
        pipeline_schemas=[_of("unclaimed", _lists("late_comer", "2026-01-20 09:00", "old", SECOND))],
        schema_versions=[
            {
                "schema_name": "crm",
                "version_hash": "v2",
                "parent_hash": "v1",
                "version": 3,
                "parent_method": "previous_hash",
            }
            | {"inserted_at": "2026-01-17 05:59", "collected_at": SECOND}
        ],
        table_statistics=[_size("orders", 130, SECOND), _size("items", 330, SECOND)],
        coverage=[
            coverage("crm", "2026-01-14 12:00", SECOND),
            coverage("shared", SECOND, SECOND, "locked", error="close the other program"),
            coverage("unclaimed", "2026-01-14 12:00", SECOND),
            coverage("shop", "2026-01-14 12:00", SECOND),
            coverage("events", SECOND, SECOND, destination_name="lake"),
        ],
    )
    for destination in ("warehouse", "lake"):
        raw.finish_collection(SECOND, destination=destination)


def _write_crm(raw: RawDataset, times: list[str], collected: str, empty_from: str = "2026-12-31 00:00") -> None:
    """Writes one pipeline with a state, cursors and counted rows in each load; one cursor stops moving on the 10th."""
    rows = [_rows(at, "orders", 10, collected) for at in times]
    rows += [_rows(at, "items", 30, collected) for at in times if at < empty_from]
    # of a table that is replaced only the last rows are left
    rows.append(_rows(times[-1], "customers", 50, collected))
    raw.write(
        loads=[
            load(at, schema_version_hash="v2" if at >= "2026-01-17" else "v1", collected_at=collected) for at in times
        ],
        counted_loads=[_counted(at, collected) for at in times],
        row_counts=[
            *rows,
            _rows("2026-01-13 07:00", "orders", 4, collected),
            _rows(times[-1], "_dlt_loads", 1, collected),
        ],
        pipeline_states=[state("crm_daily", at, collected_at=collected) for at in times],
        pipeline_schemas=[_lists("crm_daily", at, "crm", collected) for at in times],
        pipeline_cursors=[_cursor("orders", at, at, collected) for at in times]
        + [_cursor("items", at, min(at, "2026-01-10 06:00"), collected) for at in times],
    )
    # killed before the commit: on the 13th the rows are there, on the 14th only the state
    killed = state("crm_daily", "2026-01-14 07:00", collected_at=collected)
    raw.write(
        pipeline_states=[killed],
        pipeline_cursors=[_cursor("orders", "2026-01-14 07:00", "2026-01-14 06:00", collected)],
    )


def _write_shared(raw: RawDataset, early: list[str], evening: list[str], collected: str) -> None:
    """Writes two pipelines in one schema, of which only the first loads carried a state."""
    raw.write(
        loads=[_of("shared", load(at, schema_name="web", collected_at=collected)) for at in [*early, *evening]],
        pipeline_states=[_of("shared", state(name, at, collected_at=FIRST)) for name, at in _first_states()],
        pipeline_schemas=[_of("shared", _lists(name, at, "web", FIRST)) for name, at in _first_states()],
    )


def _first_states() -> list[tuple[str, str]]:
    return [("visits", "2026-01-01 03:00"), ("clicks", "2026-01-01 18:00")]


def _write_unclaimed(raw: RawDataset, times: list[str], collected: str) -> None:
    raw.write(
        loads=[_of("unclaimed", load(at, schema_name="old", collected_at=collected)) for at in times],
        counted_loads=[_of("unclaimed", _counted(at, collected)) for at in times],
        row_counts=[_of("unclaimed", _rows(at, "events", 5, collected)) for at in times[::2]],
    )


def _write_captured(raw: RawDataset) -> None:
    """Writes a pipeline whose runs are captured from the 10th on, and one that reads its table and is not observed."""
    _write_shop_loads(raw, days(1, 15, 5), FIRST)
    raw.write(
        pipeline_states=[_of("shop", state("shop", "2026-01-01 05:00", collected_at=FIRST))],
        pipeline_schemas=[_of("shop", _lists("shop", "2026-01-01 05:00", "shop", FIRST))],
    )
    for at in days(10, 15, 5):
        raw.write(**_shop_run(at, FIRST))
    failure = ("load", "no space\nleft")
    raw.write(**call("shop", "2026-01-15 08:00", dataset="shop", outcome="failed", failure=failure, collected=FIRST))
    table = {"location_kind": "sql_database", "location": "warehouse.example", "database_schema": "shop"}
    raw.write(**call("copier", "2026-01-14 06:30", dataset="copy", counts={"orders": 3}, reads=table, collected=FIRST))
    raw.write(**call("copier", "2026-01-15 06:30", dataset="copy", outcome="empty", collected=FIRST))


def _write_dbt(raw: RawDataset) -> None:
    """Writes a dbt project: one model of a table that dlt loads, one of a table that nobody knows."""
    raw.write(
        dbt_artifacts=[{**_DBT, "since": "2026-01-10 12:00", "generated_at": "2026-01-10 12:00", "outcome": "read"}],
        dbt_nodes=[
            _dbt_node("source", "orders", "2026-01-10 12:00", schema="crm"),
            _dbt_node("model", "sales", "2026-01-10 12:00", analysis_hash="sales"),
            _dbt_node("model", "lost", "2026-01-10 12:00", analysis_hash="lost"),
        ],
        dbt_dependencies=[{"node_hash": "sales", "parent_id": "source.shop.orders"}],
        dbt_columns=[{"node_hash": "sales", "column_name": "total", "ordinal_position": 1, "data_type": "double"}],
        dbt_analyses=[{"analysis_hash": "sales"}, {"analysis_hash": "lost"}],
        dbt_output_columns=[
            {"analysis_hash": "sales", "ordinal_position": 1, "column_name": "total", "state": "traced"},
            {"analysis_hash": "lost", "ordinal_position": 1, "column_name": "*", "state": "unknown"},
        ],
        dbt_column_edges=[_dbt_edge("sales", "total", "total", "identity")],
        destination_databases=[{"database_name": "warehouse"}],
    )


def _write_new_dbt(raw: RawDataset) -> None:
    """Writes what dbt changed: a model sums now, another one is gone."""
    raw.write(
        dbt_artifacts=[
            {**_DBT, "since": "2026-01-10 12:00", "generated_at": "2026-01-20 12:00", "outcome": "read"}
            | {"collected_at": SECOND}
        ],
        dbt_nodes=[
            {
                **_dbt_node("model", "sales", "2026-01-20 12:00", analysis_hash="sums"),
                "collected_at": SECOND,
                "_dlt_load_id": SECOND,
            },
            {
                "artifact_path": "dbt/manifest.json",
                "unique_id": "model.shop.lost",
                "changed_at": "2026-01-20 12:00",
                "is_removed": True,
                "collected_at": SECOND,
                "_dlt_load_id": SECOND,
            },
        ],
        dbt_analyses=[{"analysis_hash": "sums", "collected_at": SECOND}],
        dbt_output_columns=[
            {"analysis_hash": "sums", "ordinal_position": 1, "column_name": "total", "state": "traced"},
            {"analysis_hash": "sums", "ordinal_position": 2, "column_name": "what", "state": "unknown"},
        ],
        dbt_column_edges=[
            _dbt_edge("sums", "total", "total", "aggregated"),
            _dbt_edge("sums", "id", "*", "filter"),
        ],
    )


_DBT = {"artifact_path": "dbt/manifest.json", "project_name": "shop", "adapter_type": "duckdb"}


def _dbt_node(kind: str, name: str, at: str, schema: str = "main", analysis_hash: str | None = None) -> Row:
    return {
        **_DBT,
        "unique_id": f"{kind}.shop.{name}",
        "changed_at": at,
        "node_hash": name,
        "analysis_hash": analysis_hash,
        "is_removed": False,
        "resource_type": kind,
        "package_name": "shop",
        "node_name": name,
        "database_name": "warehouse",
        "schema_name": schema,
        "identifier": name,
        "materialization": "table" if kind == "model" else None,
        "_dlt_load_id": FIRST,
    }


def _dbt_edge(analysis_hash: str, from_column: str, to_column: str, transformation: str) -> Row:
    return {
        "analysis_hash": analysis_hash,
        "from_database": "warehouse",
        "from_schema": "crm",
        "from_identifier": "orders",
        "from_column": from_column,
        "to_column": to_column,
        "transformation": transformation,
        "is_masked": False,
        "is_declared": True,
    }


def _write_newly_captured(raw: RawDataset) -> None:
    _write_shop_loads(raw, days(16, 20, 5), SECOND)
    for at in days(16, 18, 5):
        for hours, step in enumerate(("extract", "normalize", "load")):
            called = at.replace("05:00", f"0{5 + hours}:00")
            raw.write(
                **call("shop", called, dataset="shop", step=step, package_at=at, counts={"orders": 4}, collected=SECOND)
            )
    raw.write(**_shop_run("2026-01-19 05:00", SECOND, outcome="with_failed_jobs"))
    raw.write(**failed_job("shop", "2026-01-19 05:00", "orders", SECOND))
    raw.write(**_shop_run("2026-01-20 05:00", SECOND))
    raw.write(**start("shop", "2026-01-21 05:00", dataset="shop", collected=SECOND))


def _write_shop_loads(raw: RawDataset, times: list[str], collected: str) -> None:
    raw.write(loads=[_of("shop", load(at, schema_name="shop", collected_at=collected)) for at in times])


def _shop_run(at: str, collected: str, outcome: str = "succeeded") -> Rows:
    api = {"location_kind": "rest_api", "location": "https://shop.example", "table_name": None, "endpoint": "orders"}
    counts = {"orders": 10, "orders__items": 20, "_dlt_pipeline_state": 1}
    run = call("shop", at, dataset="shop", outcome=outcome, counts=counts, reads=api, collected=collected)
    link = {"orchestrator": "airflow", "run_url": f"https://airflow.example/{at[:10]}", "attempt": 1}
    return {**run, "captured_runs": [{**row, **link} for row in run["captured_runs"]]}


def _write_schemas(raw: RawDataset) -> None:
    tables = {
        "o1": ("orders", ["id", "total"]),
        "o2": ("orders", ["id", "total", "coupon"]),
        "i1": ("orders__items", ["sku"]),
        "c1": ("customers", ["id"]),
        "d1": ("_dlt_loads", ["load_id"]),
    }
    raw.write(
        schema_versions=[
            {"schema_name": "crm", "version_hash": "v1", "parent_method": "none", "version": 2}
            | {"inserted_at": "2026-01-01 05:59", "collected_at": FIRST}
        ],
        schema_version_tables=[
            {"version_hash": version, "table_name": tables[hash_][0], "table_hash": hash_, "root_table": root}
            for version, hash_, root in [
                ("v1", "o1", "orders"),
                ("v1", "i1", "orders"),
                ("v1", "c1", "customers"),
                ("v1", "d1", "_dlt_loads"),
                ("v2", "o2", "orders"),
                ("v2", "i1", "orders"),
                ("v2", "c1", "customers"),
                ("v2", "d1", "_dlt_loads"),
            ]
        ],
        schema_tables=[
            {"table_hash": "o1", "table_name": "orders", "resource_name": "orders", "write_disposition": "append"},
            {"table_hash": "o2", "table_name": "orders", "resource_name": "orders", "write_disposition": "append"},
            {"table_hash": "i1", "table_name": "orders__items", "parent_table": "orders"},
            {
                "table_hash": "c1",
                "table_name": "customers",
                "resource_name": "customers",
                "write_disposition": "replace",
            },
            {"table_hash": "d1", "table_name": "_dlt_loads"},
        ],
        schema_columns=[
            {"table_hash": hash_, "column_name": name, "ordinal_position": place, "data_type": "text"}
            | {"hints": '{"x-annotation-pii":true}' if name == "total" else "{}"}
            for hash_, (_, names) in tables.items()
            for place, name in enumerate(names, start=1)
        ],
        exported_schemas=[
            {"file_name": "exports/crm.schema.yaml", "schema_name": "crm", "version_hash": "by hand", "version": 1}
            | {"engine_version": 11, "collected_at": FIRST}
        ],
        schema_changes=[
            {"change_id": "c1", "version_hash": "v1", "change_type": "schema_added"},
            {"change_id": "c2", "version_hash": "v2", "parent_hash": "v1", "change_type": "column_added"}
            | {"table_name": "orders", "column_name": "coupon", "new_value": "text"},
        ],
    )


def _of(dataset: str, row: Row) -> Row:
    return {**row, "dataset_name": dataset}


def _counted(at: str, collected: str) -> Row:
    return {"load_id": load_id(at), "counted_at": collected, "collected_at": collected}


def _rows(at: str, table: str, count: int, collected: str) -> Row:
    return {**_counted(at, collected), "table_name": table, "row_count": count}


def _lists(pipeline: str, at: str, schema: str, collected: str) -> Row:
    row = {"pipeline_name": pipeline, "load_id": load_id(at), "schema_name": schema, "created_at": at}
    return {**row, "collected_at": collected}


def _cursor(resource: str, at: str, value: str, collected: str) -> Row:
    number = (datetime.fromisoformat(value) - datetime(1970, 1, 1)) / timedelta(seconds=1)
    return {
        "pipeline_name": "crm_daily",
        "load_id": load_id(at),
        "source_name": "crm",
        "resource_name": resource,
        "cursor_path": "updated_at",
        "last_value": value,
        "last_value_number": number,
        "created_at": at,
        "collected_at": collected,
    }


def _size(table: str, rows: int, collected: str) -> Row:
    return {
        "table_name": table,
        "row_count": rows,
        "byte_count": 8 * rows,
        "is_estimate": False,
        "collected_at": collected,
    }
