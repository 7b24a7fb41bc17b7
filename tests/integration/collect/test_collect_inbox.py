"""The inbox, in a folder and in a bucket, filled as pipelines fill it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from meta_pipeline.collect.inbox import InboxFiles
from tests.fixtures.bucket import ADMIN, S3Server, running_s3
from tests.fixtures.collected import Site
from tests.fixtures.command import run, write_configuration

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "captured"

pytestmark = pytest.mark.xdist_group("bucket")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with running_s3() as running:
        yield running


def event(name: str) -> tuple[str, bytes]:
    """Returns the name that an example has in an inbox, and its content."""
    content = (EXAMPLES / f"{name}.json").read_bytes()
    parsed = json.loads(content)
    moment = parsed["captured_at"][:26].replace("-", "").replace(":", "")
    return f"{moment}Z-{parsed['trace']['transaction_id']}-{parsed['step']}-{parsed['event']}.json", content


def fill(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in map(event, names):
        (folder / name).write_bytes(content)


def credentials(server: S3Server, key: tuple[str, str] = ADMIN) -> dict[str, str]:
    return {
        "filesystem__credentials__endpoint_url": server.url,
        "filesystem__credentials__region_name": "us-east-1",
        "filesystem__credentials__aws_access_key_id": key[0],
        "filesystem__credentials__aws_secret_access_key": key[1],
    }


def put(server: S3Server, bucket: str, name: str, content: bytes) -> None:
    server.client().put_object(Bucket=bucket, Key=f"captured/{name}", Body=content)


def test_a_folder_is_read_and_then_what_is_new_in_it(site: Site, tmp_path: Path) -> None:
    fill(tmp_path / "inbox", "started", "failed")
    site.configure({}, inbox=str(tmp_path / "inbox"))
    assert site.collect().failures == []
    assert site.column("select outcome from captured_runs order by 1") == ["failed", None]

    fill(tmp_path / "inbox", "succeeded")
    assert site.collect().failures == []

    assert site.column("select outcome from captured_runs order by 1") == ["failed", "succeeded", None]
    assert site.column("select count(*) from captured_files group by collected_at order by collected_at") == [2, 1]
    assert site.column("select count(*) > 0 from run_table_metrics") == [True]
    assert site.doubled() == []


def test_an_inbox_that_is_not_named_any_more_is_excluded_once(site: Site, tmp_path: Path) -> None:
    fill(tmp_path / "inbox", "failed")
    (tmp_path / "working").mkdir(mode=0o700)
    old = {"inbox": str(tmp_path / "inbox"), "pipelines_dirs": json.dumps([str(tmp_path / "working")])}
    site.configure({}, **old)
    site.collect()

    site.configure({}, inbox=str(tmp_path / "other"), pipelines_dirs="[]")
    for _ in range(2):
        assert site.collect().failures == []

    told = site.rows("select destination_name, outcome, error from coverage order by 1, since, dataset_name desc")
    kept = "is not named any more; what was collected of it is kept"
    assert told == [
        ("inbox", "complete", None),
        ("inbox", "complete", None),
        ("inbox", "excluded", f"inbox {tmp_path / 'inbox'} {kept}"),
        ("pipelines_dirs", "complete", None),
        ("pipelines_dirs", "excluded", f"pipelines_dirs {tmp_path / 'working'} {kept}"),
    ]
    assert site.column("select outcome from captured_runs") == ["failed"]

    site.configure({}, **old)
    site.collect()
    assert site.column("select outcome from coverage where dataset_name like '%/inbox' order by since") == [
        *("complete", "excluded", "complete")
    ]


def test_nothing_new_writes_no_run_again(site: Site, tmp_path: Path) -> None:
    fill(tmp_path / "inbox", "succeeded", "with_failed_jobs")
    site.configure({}, inbox=str(tmp_path / "inbox")).collect()
    before = site.contents()

    site.collect()

    assert {**site.contents(), "collections": None} == {**before, "collections": None}
    assert site.column("select row_count from collections order by collected_at")[1] == 0


def test_a_file_that_is_no_event_is_told_by_the_exit_code_and_in_the_coverage(tmp_path: Path) -> None:
    write_configuration(tmp_path, {"sources": {"dlt_metadata": {"inbox": "inbox"}}}, {})
    fill(tmp_path / "inbox", "succeeded")
    (tmp_path / "inbox" / "half.json").write_text('{"format": "meta-pi', encoding="utf-8")

    done = run(tmp_path, "collect")

    assert done.code == 2
    assert "inbox inbox: file half.json is not whole, or not JSON. Delete it there" in done.err
    assert "Collected" in done.err


def test_an_inbox_that_cannot_be_reached_is_told_and_the_rest_is_done(site: Site, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    site.configure({}, inbox=str(tmp_path / "no" / "inbox"), schema_exports=json.dumps([str(exports)]))

    result = site.collect()

    assert [row.outcome for row in result.coverage if row.destination_name == "inbox"] == ["unreachable"]
    assert [row.outcome for row in result.coverage if row.destination_name == "schema_exports"] == ["complete"]
    assert "Check inbox in .dlt/config.toml" in result.failures[0]


def test_check_says_what_is_in_the_inbox(tmp_path: Path) -> None:
    write_configuration(tmp_path, {"sources": {"dlt_metadata": {"inbox": "inbox"}}}, {})
    fill(tmp_path / "inbox", "succeeded", "failed")

    done = run(tmp_path, "check", "--json")

    assert done.code == 0
    (finding,) = done.json["findings"]
    assert (finding["destination_name"], finding["dataset_name"], finding["note"]) == ("inbox", "inbox", "2 files")


def test_the_collection_itself_is_not_captured(tmp_path: Path) -> None:
    write_configuration(tmp_path, {"sources": {"dlt_metadata": {"inbox": "inbox"}}}, {})
    fill(tmp_path / "inbox", "succeeded")

    assert run(tmp_path, "collect", META_PIPELINE_INBOX=str(tmp_path / "inbox")).code == 0

    assert len(list((tmp_path / "inbox").iterdir())) == 1


def test_a_bucket_is_read_with_the_credentials_of_the_source(site: Site, server: S3Server) -> None:
    server.client().create_bucket(Bucket="events")
    put(server, "events", *event("failed"))
    site.configure({}, inbox="s3://events/captured", **credentials(server))
    assert site.collect().failures == []

    put(server, "events", *event("succeeded"))
    assert site.collect().failures == []

    assert site.column("select outcome from captured_runs order by 1") == ["failed", "succeeded"]
    assert site.column("select count(*) from captured_files group by collected_at order by collected_at") == [1, 1]
    assert site.coverage()["inbox", "s3://events/captured"] == ("complete", None)


def test_of_a_bucket_only_recent_days_are_listed(site: Site, server: S3Server) -> None:
    server.client().create_bucket(Bucket="long")
    put(server, "long", "20200101T000000.000000Z-t-run-end.json", b"{}")
    put(server, "long", f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%fZ}-a-run-end.json", event("failed")[1])
    site.configure({}, inbox="s3://long/captured", **credentials(server))
    site.collect()
    put(server, "long", f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%fZ}-b-run-end.json", event("succeeded")[1])

    site.patch.delattr(InboxFiles, "all")
    site.collect()

    assert site.column("select outcome from captured_runs order by 1") == ["failed", "succeeded"]
    assert site.coverage()["inbox", "s3://long/captured"][0] == "partial", "what was refused before still is"


def test_a_bucket_that_the_first_run_will_fill_is_empty_and_one_that_is_not_there_is_told(
    site: Site, server: S3Server
) -> None:
    server.client().create_bucket(Bucket="new")
    assert site.configure({}, inbox="s3://new/captured", **credentials(server)).collect().failures == []

    (failure,) = site.configure({}, inbox="s3://missing/captured", **credentials(server)).collect().failures

    assert "s3://missing/captured" in failure


def test_what_may_be_listed_but_not_read_is_told_by_the_name_of_the_file(site: Site, server: S3Server) -> None:
    server.client().create_bucket(Bucket="closed")
    name, content = event("failed")
    put(server, "closed", name, content)
    key = server.user("lister", "closed", ["s3:ListBucket"])
    with server.checking_rights():
        (failure,) = site.configure({}, inbox="s3://closed/captured", **credentials(server, key)).collect().failures
    assert f"file {name} may not be read" in failure
    assert site.column("select outcome from captured_files") == ["forbidden"]

    assert site.configure({}, **credentials(server)).collect().failures == []

    assert site.column("select outcome from captured_files") == ["read"]


def test_a_wrong_key_is_told_without_it(site: Site, server: S3Server) -> None:
    server.client().create_bucket(Bucket="locked")
    with server.checking_rights():
        site.configure({}, inbox="s3://locked/captured", **credentials(server, ("nobody", "hunter2-of-nobody")))
        result = site.collect()

    assert "may not be listed" in result.failures[0]
    assert "hunter2" not in str(result)
