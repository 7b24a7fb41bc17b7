"""Traces that pipelines load themselves, as dlt's documentation teaches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from meta_pipeline.collect.filesystem import FilesystemWarehouse
from meta_pipeline.collect.sql import SqlWarehouse
from tests.fixtures.collected import Site
from tests.fixtures.observed import Observed, ObservedLake

SECRET = "hunter2-of-the-shop"


@dlt.resource(name="orders")
def failing() -> Iterator[Any]:
    yield {"id": 1}
    raise ConnectionError(f"cannot reach postgresql://shop:{SECRET}@db/x")


def orders(count: int) -> Any:
    return dlt.resource([{"id": number} for number in range(count)], name="orders")


def keep_trace(pipeline: dlt.Pipeline, table_name: str = "_trace") -> None:
    pipeline.run([pipeline.last_trace], table_name=table_name)


def fail(pipeline: dlt.Pipeline) -> None:
    with pytest.raises(PipelineStepFailed):
        pipeline.run(failing())
    pipeline.abort_packages()


def outcomes(site: Site) -> list[tuple[Any, ...]]:
    return site.rows("select pipeline_name, captured_by, outcome from captured_runs order by started_at")


def test_a_kept_trace_is_a_run_with_all_that_it_tells(site: Site, observed: Observed) -> None:
    pipeline = observed.pipeline("keeper", "kept")
    load_id = pipeline.run(orders(3)).loads_ids[0]
    transaction_id = pipeline.last_trace.transaction_id
    keep_trace(pipeline)

    assert site.configure(observed.environment()).collect().failures == []

    assert outcomes(site) == [("keeper", "trace_table", "succeeded")]
    assert site.rows(
        "select transaction_id, called_step, found_destination_name, found_dataset_name from captured_runs"
    ) == [(transaction_id, "run", "src", "kept")]
    assert site.column("select step_name from run_steps order by step_number") == ["extract", "normalize", "load"]
    assert site.column("select distinct load_id from run_packages") == [load_id]
    assert site.rows(
        "select row_count from run_table_metrics join run_steps using (capture_id, step_number) "
        "where step_name = 'normalize' and table_name = 'orders'"
    ) == [(3,)]
    assert "orders" in site.column("select table_name from run_outputs")
    assert site.column("select distinct job_state from run_jobs where table_name = 'orders' order by 1") == [
        "completed_jobs",
        "new_jobs",
    ]
    assert site.doubled() == []


def test_a_kept_failure_tells_why_without_the_secret(site: Site, observed: Observed) -> None:
    pipeline = observed.pipeline("keeper", "kept")
    pipeline.run(orders(1))
    fail(pipeline)
    keep_trace(pipeline, "how_it_went")

    assert site.configure(observed.environment()).collect().failures == []

    assert outcomes(site) == [("keeper", "trace_table", "failed")]
    assert site.rows(
        "select exception_type, message from run_exceptions join run_steps using (capture_id, step_number) "
        "where step_name = 'extract' order by ordinal_position desc limit 1"
    ) == [("ConnectionError", "cannot reach postgresql://***@db/x")]
    assert SECRET not in str(site.contents())


def test_only_traces_of_new_loads_are_read(site: Site, observed: Observed) -> None:
    pipeline = observed.pipeline("keeper", "kept")
    pipeline.run(orders(1))
    keep_trace(pipeline)
    site.configure(observed.environment()).collect()
    first = site.column("select query_count from collections")
    before = site.contents(["captured_runs", "run_steps"])
    site.collect()
    assert site.contents(["captured_runs", "run_steps"]) == before
    assert site.column("select row_count from collections order by collected_at")[1:] == [0]
    assert site.column("select query_count from collections order by collected_at")[1] < first[0]

    fail(pipeline)
    keep_trace(pipeline)
    site.collect()

    assert [row[2] for row in outcomes(site)] == ["succeeded", "failed"]
    assert site.doubled() == []


def test_the_number_of_queries_does_not_depend_on_the_number_of_datasets(site: Site, observed_sql: Observed) -> None:
    for number in range(3):
        pipeline = observed_sql.pipeline(f"keeper_{number}", f"kept_{number}")
        pipeline.run(orders(1))
        keep_trace(pipeline)
    site.configure(observed_sql.environment(), datasets='["kept_0"]').collect()
    site.configure(observed_sql.environment(), datasets='["kept_*"]')
    (site.folder / "meta_pipeline.duckdb").rename(site.folder / "one.duckdb")
    site.collect()

    assert len(outcomes(site)) == 3
    three = site.column("select query_count from collections")
    (site.folder / "one.duckdb").rename(site.folder / "meta_pipeline.duckdb")
    assert site.column("select query_count from collections") == three


def test_a_kept_load_info_is_a_load(site: Site, observed: Observed) -> None:
    pipeline = observed.pipeline("keeper", "kept")
    info = pipeline.run(orders(2))
    pipeline.run([info], table_name="_load_info")

    assert site.configure(observed.environment()).collect().failures == []

    assert outcomes(site) == [("keeper", "load_info_table", "succeeded")]
    assert site.column("select called_step from captured_runs") == ["load"]
    assert site.column("select load_id from run_packages") == info.loads_ids
    assert "orders" in site.column("select table_name from run_jobs")


def test_calls_that_dlt_appended_to_a_trace_are_runs_of_their_own(site: Site, observed_sql: Observed) -> None:
    pipeline = observed_sql.pipeline("keeper", "kept")
    for count in (1, 2):
        pipeline.extract(orders(count))
        pipeline.normalize()
        pipeline.load()
    keep_trace(pipeline)

    site.configure(observed_sql.environment()).collect()

    assert [row[2] for row in outcomes(site)] == ["succeeded", "succeeded"]
    assert len(site.column("select distinct transaction_id from captured_runs")) == 2
    assert site.column(
        "select row_count from run_table_metrics join run_steps using (capture_id, step_number) "
        "where step_name = 'normalize' and table_name = 'orders' order by 1"
    ) == [1, 2]


def test_a_table_that_only_looks_a_little_like_one_is_left_alone(site: Site, observed: Observed) -> None:
    payments = [{"transaction_id": "t", "pipeline_name": "gas", "started_at": "2026-01-01", "steps": [{"step": "pay"}]}]
    observed.pipeline("shop", "payments").run(payments, table_name="payments")

    assert site.configure(observed.environment()).collect().failures == []

    assert outcomes(site) == []


def test_kept_traces_that_cannot_be_read_are_told_and_the_rest_is_read(site: Site, observed_sql: Observed) -> None:
    pipeline = observed_sql.pipeline("keeper", "kept")
    pipeline.run(orders(1))
    keep_trace(pipeline)
    schema = "kept"
    observed_sql.execute(f"alter table {schema}._trace drop column started_at")
    observed_sql.execute(f"alter table {schema}._trace add column started_at varchar")
    observed_sql.execute(f"update {schema}._trace set started_at = 'some day'")

    result = site.configure(observed_sql.environment()).collect()

    (failure,) = [text for text in result.failures if "dataset kept of src" in text]
    assert "kept traces could not be read" in failure
    assert site.column("select count(*) from loads where dataset_name = 'kept'") == [2]


def test_where_nobody_keeps_traces_one_query_tells_so(
    site: Site, observed_sql: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    kept_tables = SqlWarehouse.kept_tables
    monkeypatch.setattr(
        SqlWarehouse,
        "kept_tables",
        lambda warehouse, *of: (
            asked.append(-warehouse.query_count)
            or (kept_tables(warehouse, *of), asked.append(warehouse.query_count))[0]
        ),
    )

    site.configure(observed_sql.environment(), datasets='["crm*"]').collect()

    assert sum(asked) == 1


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_trace_is_read_from_files_of_any_format(site: Site, lake: ObservedLake, file_format: Any) -> None:
    pipeline = lake.pipeline("keeper", "kept")
    load_id = pipeline.run(orders(3)).loads_ids[0]
    fail(pipeline)
    pipeline.run([pipeline.last_trace], table_name="_trace", loader_file_format=file_format)

    assert site.configure(lake.environment(), datasets='["kept"]').collect().failures == []

    assert outcomes(site) == [("keeper", "trace_table", "failed")]
    assert site.column("select count(*) from loads") == [2]
    assert load_id not in site.column("select load_id from run_packages")
    assert "ConnectionError" in site.column("select exception_type from run_exceptions")
    assert site.column("select count(*) from run_steps where started_at is null") == [0]


def test_no_file_of_a_trace_is_opened_twice(site: Site, lake: ObservedLake, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    cat = FilesystemWarehouse._cat
    monkeypatch.setattr(
        FilesystemWarehouse, "_cat", lambda warehouse, paths: (opened.extend(paths), cat(warehouse, paths))[1]
    )
    pipeline = lake.pipeline("keeper", "kept")
    for count in (1, 2):
        pipeline.run(orders(count))
        keep_trace(pipeline)

    site.configure(lake.environment(), datasets='["kept"]').collect()
    site.collect()

    traces = [path for path in opened if "/_trace" in path]
    assert len(outcomes(site)) == 2
    assert len({path for path in traces if "/_trace/" in path}) == 2
    assert len(traces) == len(set(traces))
    assert not [path for path in opened if "/orders" in path]


def test_a_broken_file_of_a_trace_is_told_until_it_is_mended(site: Site, lake: ObservedLake) -> None:
    pipeline = lake.pipeline("keeper", "kept")
    for count in (1, 2):
        pipeline.run(orders(count))
        keep_trace(pipeline)
    second = lake.files("kept", "_trace")[1]
    whole = second.read_bytes()
    second.write_bytes(b"{half")

    result = site.configure(lake.environment(), datasets='["kept"]').collect()

    (failure,) = result.failures
    assert f"file _trace/{second.name} of a kept trace is not what dlt writes there" in failure
    assert len(outcomes(site)) == 1
    assert site.collect().failures != []

    second.write_bytes(whole)
    assert site.collect().failures == []
    assert len(outcomes(site)) == 2
    assert site.doubled() == []
