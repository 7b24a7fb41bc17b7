"""A bucket in an object store, with everything that may be wrong with it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest

from tests.fixtures.bucket import ADMIN, Bucket, S3Server, running_s3
from tests.fixtures.collected import Site
from tests.fixtures.observed import LATER_ORDERS, ORDERS, shop

pytestmark = pytest.mark.xdist_group("bucket")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with running_s3() as running:
        yield running


@pytest.fixture
def bucket(server: S3Server, tmp_path: Path) -> Bucket:
    bucket = Bucket(server, f"bucket-{abs(hash(tmp_path)):x}", str(tmp_path / "pipelines")).create()
    bucket.run("crm", "crm", shop(ORDERS))
    return bucket


def test_a_bucket_is_read_and_then_what_is_new_in_it(site: Site, bucket: Bucket) -> None:
    site.configure(bucket.environment(), row_counts="scan")
    assert site.collect().failures == []
    assert site.rows("select dataset_name, schema_name, status from loads") == [("crm", "shop", 0)]
    assert site.rows("select last_value from pipeline_cursors") == [("2026-01-02T00:00:00Z",)]
    assert site.collect().failures == []
    assert site.column("select row_count from collections order by collected_at")[1] == 0

    bucket.run("crm", "crm", shop(LATER_ORDERS), loader_file_format="parquet")
    assert site.collect().failures == []

    assert site.rows("select count(*), count(distinct load_id) from loads") == [(2, 2)]
    assert site.rows("select table_name, list(row_count order by load_id) from row_counts group by 1 order by 1") == [
        ("orders", [2, 1]),
        ("orders__items", [3, 1]),
    ]
    assert site.column("select column_name from schema_changes where change_type = 'column_added'") == ["discount"]
    assert site.column("select count(*) from table_statistics where byte_count > 0") == [4]


@pytest.mark.long
def test_listings_of_more_than_one_page_are_read_to_their_end(site: Site, bucket: Bucket) -> None:
    for number in range(1_005):
        bucket.put(f"crm/_dlt_loads/a_note_that_sorts_before_the_load_{number}.txt", b"")

    assert site.configure(bucket.environment()).collect().failures == []

    assert site.rows("select count(*) from loads") == [(1,)]
    # The root, the dataset, its three system tables, all of its files; then the three rows.
    assert site.rows("select query_count from collections") == [(6 + 3,)]


def test_a_wrong_key_is_told(site: Site, bucket: Bucket) -> None:
    with bucket.server.checking_rights():
        result = site.configure(bucket.environment(key=("nobody", "hunter2-of-nobody"))).collect()

    assert site.coverage()["src", None][0] == "forbidden"
    assert "may not be listed" in result.failures[0]
    assert "check the key" in result.failures[0]
    assert "hunter2" not in str(result)


def test_a_bucket_without_rights_is_forbidden_beside_another_that_is_read(
    site: Site, bucket: Bucket, tmp_path: Path
) -> None:
    other = Bucket(bucket.server, f"{bucket.name}-other", str(tmp_path / "pipelines")).create()
    other.run("other", "other", shop(ORDERS))
    key = bucket.server.user(f"reader-of-{bucket.name}", bucket.name, ["s3:ListBucket", "s3:GetObject"])

    with bucket.server.checking_rights():
        site.configure({**bucket.environment("allowed", key), **other.environment("denied", key)}).collect()

    assert {place: outcome for place, (outcome, _) in site.coverage().items()} == {
        ("allowed", "crm"): "complete",
        ("denied", None): "forbidden",
    }


def test_files_that_may_be_listed_but_not_read_are_told(site: Site, bucket: Bucket) -> None:
    key = bucket.server.user(f"lister-of-{bucket.name}", bucket.name, ["s3:ListBucket"])

    with bucket.server.checking_rights():
        result = site.configure(bucket.environment(key=key)).collect()

    assert site.coverage()["src", "crm"][0] == "forbidden"
    assert "no right to read _dlt_loads, _dlt_pipeline_state, _dlt_version in dataset crm of src" in result.failures[0]
    assert site.rows("select count(*) from loads") == [(0,)]


def test_a_bucket_that_is_not_there_is_told(site: Site, bucket: Bucket) -> None:
    result = site.configure(bucket.environment(bucket_url="s3://no-such-bucket/lake")).collect()

    assert site.coverage()["src", None][0] == "unreachable"
    assert "there is no folder no-such-bucket/lake" in result.failures[0]


def test_a_server_that_is_off_is_unreachable_and_loses_nothing(site: Site, bucket: Bucket) -> None:
    site.configure(bucket.environment()).collect()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    off = site.configure(bucket.environment(credentials__endpoint_url=f"http://127.0.0.1:{port}")).collect()
    assert site.coverage()["src", "crm"][0] == "unreachable"
    assert "cannot be reached (EndpointConnectionError)" in off.failures[0]
    assert ADMIN[1] not in str(off)

    bucket.run("crm", "crm", dlt.resource([{"id": 1}], name="later"))
    assert site.configure(bucket.environment()).collect().failures == []
    assert site.coverage()["src", "crm"] == ("complete", None)
    assert site.rows("select count(*) from loads") == [(2,)]


@pytest.mark.parametrize("table_format", ["delta", "iceberg"])
def test_open_tables_in_a_bucket_are_counted(site: Site, bucket: Bucket, table_format: Any) -> None:
    rates = dlt.resource([{"id": 1}, {"id": 2}], name="rates", table_format=table_format)
    load_id = bucket.run("rates", "rates", rates)

    result = site.configure(bucket.environment(), row_counts="scan", datasets='["rates"]').collect()

    assert result.failures == []
    assert site.rows("select table_name, load_id, row_count from row_counts") == [("rates", load_id, 2)]
    assert site.rows("select table_name, row_count from table_statistics") == [("rates", 2)]
