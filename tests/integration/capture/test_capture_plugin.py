"""Pipeline scripts that know nothing of the plugin leave what happened to them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from meta_pipeline.config import HOME_FILE
from tests.fixtures.bucket import ADMIN, S3Server, running_s3
from tests.fixtures.command import run, wait_for, write_configuration
from tests.integration.capture.scripts import Site, read_events, told

ROOT = Path(__file__).parents[3]
BUCKET_URL = "s3://observability/inbox"
RUN_START = ("run", "start", None)


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(name="s3", scope="module")
def _s3() -> Iterator[S3Server]:
    with running_s3() as server:
        server.client().create_bucket(Bucket="observability")
        yield server


def s3_variables(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ADMIN[0],
        "AWS_SECRET_ACCESS_KEY": ADMIN[1],
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_a_success_tells_its_rows_its_place_and_its_orchestrator(site: Site) -> None:
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/pipelines", "GITHUB_RUN_ID": "7"}
    assert site.run("succeeding", **variables) == 0

    start, end = site.events()
    assert told([start, end]) == [RUN_START, ("run", "end", "succeeded")]
    assert start["trace"]["transaction_id"] == end["trace"]["transaction_id"]
    assert start["destination"] == {"name": "duckdb", "type": "duckdb", "dataset_name": "shop"}
    assert end["destination"] == start["destination"]
    assert end["environment"]["run_url"] == "https://github.com/acme/pipelines/actions/runs/7"
    normalize = {step["step"]: step for step in end["trace"]["steps"]}["normalize"]
    counts = {metrics["table_name"]: metrics["items_count"] for metrics in normalize["table_metrics"]}
    assert counts == {"orders": 2, "orders__lines": 1, "_dlt_pipeline_state": 1}
    outputs = [output["tables"] for step in end["trace"]["steps"] for output in step["outputs"]]
    assert ["orders", "orders__lines"] in outputs


def test_the_examples_are_what_the_plugin_leaves(site: Site) -> None:
    site.run("succeeding")
    examples = [ROOT / "tests/fixtures/captured" / f"{name}.json" for name in ("started", "succeeded")]

    for event, example in zip(site.events(), read_events(examples), strict=True):
        assert shape(event) == shape(example)


def shape(value: object) -> object:
    """Returns the keys of what is nested; of a list, those of its items."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return sorted({str(shape(item)) for item in value}) if isinstance(value, list) else None


def test_without_an_inbox_nothing_is_left(site: Site) -> None:
    assert site.run("succeeding", inbox=None) == 0

    assert not site.inbox.exists()
    assert site.spooled == []


def test_a_run_that_finds_nothing_is_empty(site: Site) -> None:
    assert site.run("empty") == 0
    assert site.run("empty") == 0

    assert told(site.events()) == [RUN_START, ("run", "end", "empty")] * 2


def test_an_exception_in_a_resource_is_told_with_its_place(site: Site) -> None:
    assert site.run("failing") == 1

    end = site.events()[-1]
    failed = next(step for step in end["trace"]["steps"] if step["exceptions"])
    cause = failed["exceptions"][-1]
    assert (end["outcome"], failed["step"]) == ("failed", "extract")
    assert (cause["type"], cause["message"]) == ("ConnectionError", "the shop is closed")
    assert cause["frames"][-1] == "failing:orders:11"


def test_a_failed_job_is_told(site: Site) -> None:
    assert site.run("failed_job", LOAD__RAISE_ON_FAILED_JOBS="false") == 0

    end = site.events()[-1]
    jobs = [job for step in end["trace"]["steps"] for package in step["load_packages"] for job in package["jobs"]]
    failed = [job["failed_message"] for job in jobs if job["state"] == "failed_jobs"]
    assert end["outcome"] == "with_failed_jobs"
    assert failed == ["dlt.common.destination.exceptions.DestinationTerminalException: the CRM is closed"]


def test_a_failed_job_that_raises_is_a_failure(site: Site) -> None:
    assert site.run("failed_job") == 1

    assert told(site.events()) == [RUN_START, ("run", "end", "failed")]


def test_steps_taken_one_by_one_share_their_load_id(site: Site) -> None:
    assert site.run("separate") == 0

    ends = [event for event in site.events() if event["event"] == "end"]
    assert told(ends) == [(step, "end", "succeeded") for step in ("extract", "normalize", "load")]
    assert len({event["trace"]["transaction_id"] for event in ends}) == 3
    assert len({load_id for event in ends for step in event["trace"]["steps"] for load_id in step["load_ids"]}) == 1


def test_an_exit_while_it_extracts_is_an_interruption(site: Site) -> None:
    assert site.run("exiting") == 3

    end = site.events()[-1]
    assert end["outcome"] == "interrupted"
    assert [found["type"] for step in end["trace"]["steps"] for found in step["exceptions"]] == ["SystemExit"]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_loads_is_an_interruption(site: Site, sent: signal.Signals) -> None:
    process = site.start("waiting_in_load", LOAD__WORKERS="1")
    wait_for((site.folder / "waiting").exists)
    process.send_signal(sent)
    (site.folder / "go").touch()
    process.wait(120)

    assert told(site.events()) == [RUN_START, ("run", "end", "interrupted")]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_leaves_its_start(site: Site, sent: signal.Signals) -> None:
    process = site.start("waiting_in_extract")
    wait_for((site.folder / "waiting").exists)
    process.send_signal(sent)

    assert process.wait(120) == -sent
    assert told(site.events()) == [RUN_START]


def test_threads_forks_and_nested_runs_leave_two_events_each(site: Site) -> None:
    assert site.run("many") == 0

    outcomes = sorted((event["trace"]["pipeline_name"], event["outcome"] or "") for event in site.events())
    names = ("cleaning_up", "first", "forked", "inner", "outer", "thread_1", "thread_2", "thread_3")
    assert outcomes == [(name, outcome) for name in names for outcome in ("", "succeeded")]


def test_what_an_absent_inbox_does_not_take_comes_with_the_next_run(site: Site) -> None:
    inbox = "not_mounted/inbox"
    assert site.run("succeeding", inbox) == 0
    assert told(read_events(site.spooled)) == [RUN_START, ("run", "end", "succeeded")]

    (site.folder / "not_mounted").mkdir()
    assert site.run("failing", inbox) == 1

    assert site.spooled == []
    events = read_events(sorted((site.folder / inbox).iterdir()))
    assert told(events) == [RUN_START, ("run", "end", "succeeded"), RUN_START, ("run", "end", "failed")]


def test_a_bucket_takes_events_after_one_that_does_not_answer(site: Site, s3: S3Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert site.run("succeeding", BUCKET_URL, **s3_variables(address)) == 0
    assert told(read_events(site.spooled)) == [RUN_START, ("run", "end", "succeeded")]

    # On a machine that is busy one run may not be enough.
    for _ in range(5):
        if site.spooled:
            assert site.run("succeeding", BUCKET_URL, **s3_variables(s3.url)) == 0

    assert site.spooled == []
    listed = s3.client().list_objects_v2(Bucket="observability", Prefix="inbox/")["Contents"]
    names = [item["Key"].removesuffix(".json").rpartition("-")[2] for item in listed]
    assert names.count("start") == names.count("end") >= 2


def test_an_inbox_that_no_library_knows_changes_nothing(site: Site) -> None:
    assert site.run("succeeding", "nowhere://inbox") == 0

    assert len(site.spooled) == 2


def test_a_spool_that_cannot_be_written_changes_nothing(site: Site) -> None:
    (site.folder / "dlt").mkdir()
    (site.folder / "dlt" / "meta_pipeline_spool").touch()

    assert site.run("succeeding", "not_mounted/inbox") == 0


@pytest.mark.parametrize("inbox", ["inbox", "s3://me:planted-in-the-inbox@bucket/inbox"])
def test_no_secret_arrives_anywhere(site: Site, inbox: str) -> None:
    variables = {
        "DESTINATION__POSTGRES__CREDENTIALS": "postgresql://me:planted-in-credentials@127.0.0.1:1/crm",
        "SOURCES__SECRETIVE__SHOP__PASSWORD": "planted in the configuration",
        "SHOP_TOKEN": "planted in the environment",
        "RESTORE_FROM_DESTINATION": "false",
        **s3_variables("http://127.0.0.1:1"),
    }
    write_configuration(
        site.folder, {}, {"sources": {"secretive": {"shop": {"membership": "planted in secrets.toml"}}}}
    )
    assert site.run("secretive", inbox, **variables) == 0

    events = site.events() + read_events(site.spooled)
    failed = [step for event in events for step in event["trace"]["steps"] if step["exceptions"]]
    assert [step["step"] for step in failed] == ["extract", "run", "load", "run"]
    assert failed[0]["exceptions"][-1]["message"] == ("*** *** *** *** postgresql://***@db *** password=***")
    assert "planted" not in str(events) + (site.folder / "capture.log").read_text(encoding="utf-8")


def test_no_secret_arrives_in_the_dataset_or_a_log(site: Site) -> None:
    # Of a trace that a pipeline keeps itself nobody knows the secrets: they have to look like some.
    secrets = {
        "SOURCES__KEEPING__SHOP__PASSWORD": "plantedKq7Zr1Xw9TbV3mN5cL2",
        "SHOP_TOKEN": "plantedHd4Yt8Pk2RsG6jF1vB9",
    }
    assert site.run("keeping", **secrets) == 0
    working_folder = site.folder / "dlt" / "pipelines"
    working_folder.chmod(0o700)
    (working_folder / "orders").chmod(0o700)
    source = {"destinations": ["shop"], "row_counts": "scan", "inbox": "inbox", "pipelines_dirs": [str(working_folder)]}
    places = {"shop": {"destination_type": "duckdb"}}
    credentials = {"shop": {"credentials": str(site.folder / "orders.duckdb")}}
    write_configuration(
        site.folder, {"sources": {"dlt_metadata": source}, "destination": places}, {"destination": credentials}
    )

    done = run(site.folder, "--verbose", "run", "--fail-on", "never")

    assert done.code == 0, done.err
    with duckdb.connect(str(site.folder / HOME_FILE), read_only=True) as home:
        tables = home.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        stored = {name: str(home.execute(f'from "{schema}"."{name}"').fetchall()) for schema, name in tables}
    told = {way for way in ("plugin", "trace_table", "working_folder") if way in stored["captured_runs"]}
    assert told == {"plugin", "trace_table", "working_folder"}
    assert "no answer to" in stored["runs"]
    assert [name for name, rows in stored.items() if "planted" in rows] == []
    logs = [*site.folder.glob("*.log"), *(site.folder / ".meta_pipeline").rglob("*.log")]
    assert "planted" not in done.out + done.err + "".join(log.read_text(encoding="utf-8") for log in logs)


def test_the_wheel_has_the_package_and_its_entry_point(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT / "capture"), "--no-deps", "--quiet", "-w", str(tmp_path)]
    subprocess.run(command, check=True)

    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert content.read(entry_points).decode() == "[dlt]\nmeta_pipeline_capture = meta_pipeline_capture.plugin\n"
    assert {"meta_pipeline_capture/py.typed", "meta_pipeline_capture/plugin.py"} <= names
