import json
from itertools import pairwise

import dlt
import pytest
from dlt.common.schema.utils import verify_schema_hash

from benchmarks.schemas import schema_versions

VERSIONS, TABLES, COLUMNS = 8, 9, 20


@pytest.fixture(scope="module")
def versions():
    return list(schema_versions("crm", VERSIONS, TABLES, COLUMNS))


@pytest.fixture(scope="module")
def contents(versions):
    return [json.loads(version.content) for version in versions]


def test_there_are_as_many_distinct_versions_as_asked_for(versions):
    assert len({version.version_hash for version in versions}) == VERSIONS


def test_dlt_takes_every_version_for_unaltered(versions, contents):
    for version, content in zip(versions, contents, strict=True):
        assert verify_schema_hash(content)
        assert dlt.Schema.from_dict(content).version_hash == version.version_hash
        assert (version.version, version.engine_version) == (content["version"], content["engine_version"])


def test_every_version_names_the_one_before_among_its_previous_hashes(versions, contents):
    for before, content in zip(versions, contents[1:], strict=False):
        assert before.version_hash in content["previous_hashes"]


def test_some_previous_hashes_were_never_stored(versions, contents):
    stored = {version.version_hash for version in versions}
    assert not stored.issuperset(contents[-1]["previous_hashes"])


def test_the_first_version_has_the_tables_and_columns_asked_for(versions):
    schema = dlt.Schema.from_dict(json.loads(versions[0].content))
    assert [len(table["columns"]) for table in schema.data_tables()] == [COLUMNS] * TABLES


def test_versions_change_by_columns_tables_and_hints(contents):
    def columns(content):
        return {(table, column) for table, entry in content["tables"].items() for column in entry["columns"]}

    steps = list(pairwise(contents))
    assert any(len(after["tables"]) > len(before["tables"]) for before, after in steps)
    assert any(columns(after) == columns(before) for before, after in steps)
    assert any(
        len(after["tables"]) == len(before["tables"]) and columns(after) > columns(before) for before, after in steps
    )


def test_a_name_gives_the_same_versions_again(versions):
    assert list(schema_versions("crm", VERSIONS, TABLES, COLUMNS)) == versions


def test_two_names_share_no_table_but_dlts_own(contents):
    other = json.loads(next(schema_versions("erp", 1, TABLES, COLUMNS)).content)
    tables = {json.dumps(table, sort_keys=True) for table in contents[0]["tables"].values()}
    shared = [name for name, table in other["tables"].items() if json.dumps(table, sort_keys=True) in tables]
    assert sorted(shared) == ["_dlt_loads", "_dlt_pipeline_state", "_dlt_version"]
