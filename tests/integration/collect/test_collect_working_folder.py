"""The last traces that dlt pickles in its working folder, and what somebody else may have put in their place."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.trace import SerializableResolvedValueTrace

from meta_pipeline.collect.trace_pickle import read_trace
from meta_pipeline.exceptions import RecordUnreadableError
from tests.fixtures.collected import Site

SECRET = "hunter2-of-the-shop"


@pytest.fixture
def working_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pipelines"
    folder.mkdir(mode=0o755)
    return folder


@dlt.resource(name="orders")
def failing() -> Iterator[Any]:
    yield {"id": 1}
    raise ConnectionError(f"cannot reach postgresql://shop:{SECRET}@db/x")


def run(folder: Path, name: str, data: Any) -> dlt.Pipeline:
    destination = dlt.destinations.duckdb(str(folder.parent / f"{name}.duckdb"))
    pipeline = dlt.pipeline(name, destination=destination, dataset_name="shop", pipelines_dir=str(folder))
    pipeline.run(data, table_name="orders")
    return pipeline


def configured(site: Site, *folders: Path) -> Site:
    named = ", ".join(f'"{folder}"' for folder in folders)
    return site.configure({}, pipelines_dirs=f"[{named}]")


def outcomes(site: Site) -> list[tuple[Any, ...]]:
    return site.rows("select pipeline_name, captured_by, outcome from captured_runs order by 1, started_at")


def test_the_last_trace_of_each_pipeline_is_a_run(site: Site, working_folder: Path) -> None:
    pipeline = run(working_folder, "crm", [{"id": 1}, {"id": 2}])
    with pytest.raises(PipelineStepFailed):
        run(working_folder, "erp", failing())

    assert configured(site, working_folder).collect().failures == []

    assert outcomes(site) == [("crm", "working_folder", "succeeded"), ("erp", "working_folder", "failed")]
    assert site.rows(
        "select row_count, load_id from run_table_metrics join run_steps using (capture_id, step_number) "
        "where step_name = 'normalize' and table_name = 'orders'"
    ) == [(2, pipeline.last_trace.last_load_info.loads_ids[0])]
    assert site.column("select distinct schema_name from run_packages order by 1") == ["crm", "erp"]
    assert site.column("select count(*) from run_packages where schema_version_hash is null") == [0]
    assert SECRET not in str(site.contents())
    assert site.doubled() == []


def test_a_trace_is_read_once(site: Site, working_folder: Path) -> None:
    run(working_folder, "crm", [{"id": 1}])
    configured(site, working_folder).collect()
    before = site.contents(["captured_runs"])
    site.collect()
    assert site.contents(["captured_runs"]) == before
    assert site.column("select row_count from collections order by collected_at")[1] == 0

    run(working_folder, "crm", [{"id": 2}])
    site.collect()

    assert outcomes(site) == [("crm", "working_folder", "succeeded")] * 2


def test_a_trace_in_two_folders_is_one_run(site: Site, working_folder: Path) -> None:
    run(working_folder, "crm", [{"id": 1}])
    copy = working_folder.with_name("copy")
    shutil.copytree(working_folder, copy)

    configured(site, working_folder, copy).collect()

    assert len(outcomes(site)) == 1
    assert site.doubled() == []


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self._file}",)


def test_a_malicious_pickle_does_nothing(site: Site, working_folder: Path, tmp_path: Path) -> None:
    harmed = tmp_path / "harmed"
    (working_folder / "crm").mkdir(mode=0o755)
    (working_folder / "crm" / "trace.pickle").write_bytes(pickle.dumps(Malicious(harmed)))
    pickle.loads(pickle.dumps(Malicious(harmed)))
    assert harmed.exists(), "elsewhere it would do harm"
    harmed.unlink()

    (failure,) = configured(site, working_folder).collect().failures

    assert not harmed.exists()
    assert "trace.pickle is no trace that the installed dlt can read" in failure
    assert outcomes(site) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        pickle.dumps({"transaction_id": "t"}),
        b"cbuiltins\neval\n(S'1/0'\ntR.",
        b"cbuiltins\ngetattr\n(cdlt.pipeline.trace\nPipelineTrace\nS'__init__'\ntR.",
        b"cbuiltins\ngetattr\n(cos\nsystem\nS'__call__'\ntR.",
        b"csubprocess\nPopen\n(S'true'\ntR.",
    ],
)
def test_what_is_no_trace_is_refused(content: bytes) -> None:
    with pytest.raises(RecordUnreadableError, match="no trace"):
        read_trace(content)


def test_what_a_source_put_into_its_configuration_is_not_made_again(working_folder: Path, tmp_path: Path) -> None:
    trace = run(working_folder, "crm", [{"id": 1}]).last_trace
    value = Malicious(tmp_path / "harmed")
    trace.resolved_config_values[:] = [
        SerializableResolvedValueTrace("key", value, None, False, ("sources",), "config.toml", "Config")
    ]

    assert read_trace(pickle.dumps(trace))["transaction_id"] == trace.transaction_id
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("place", ["", "crm", "crm/trace.pickle"])
def test_what_others_may_write_is_not_opened(site: Site, working_folder: Path, place: str) -> None:
    run(working_folder, "crm", [{"id": 1}])
    (working_folder / place).chmod(0o777)

    (failure,) = configured(site, working_folder).collect().failures

    assert "may be written by others" in failure
    assert "chmod -R go-w" in failure
    assert outcomes(site) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_somebody_else_is_not_opened(site: Site, working_folder: Path) -> None:
    run(working_folder, "crm", [{"id": 1}])
    os.chown(working_folder / "crm" / "trace.pickle", 12_345, 12_345)

    (failure,) = configured(site, working_folder).collect().failures

    assert "belongs to another user" in failure
    assert outcomes(site) == []


def test_a_link_is_not_followed(site: Site, working_folder: Path, tmp_path: Path) -> None:
    run(working_folder, "crm", [{"id": 1}])
    (working_folder / "crm" / "trace.pickle").rename(tmp_path / "elsewhere.pickle")
    (working_folder / "crm" / "trace.pickle").symlink_to(tmp_path / "elsewhere.pickle")

    (failure,) = configured(site, working_folder).collect().failures

    assert "may not be read" in failure
    assert outcomes(site) == []


def test_a_broken_trace_is_told_until_the_pipeline_runs_again(site: Site, working_folder: Path) -> None:
    run(working_folder, "crm", [{"id": 1}])
    (working_folder / "crm" / "trace.pickle").write_bytes(b"half")
    configured(site, working_folder)
    assert len(site.collect().failures) == len(site.collect().failures) == 1

    run(working_folder, "crm", [{"id": 1}])

    assert site.collect().failures == []
    assert outcomes(site) == [("crm", "working_folder", "succeeded")]


def test_a_missing_folder_is_told(site: Site, working_folder: Path) -> None:
    (failure,) = configured(site, working_folder / "nowhere").collect().failures

    assert "there is no folder" in failure
    assert "pipelines_dirs" in failure
