"""Names that nobody would choose, tables that old versions of dlt left, records that do not decode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fixtures.collected import Site
from tests.fixtures.observed import Observed, ObservedLake, ObservedSql
from tests.integration.collect.conftest import Fill

ODD_NAMES = ("it's", 'say "hi"', "two words", "UPPER", "Größe", "日本", "per%cent", "back\\slash", "semi;colon--")


def test_datasets_may_have_any_name(site: Site, observed: Observed) -> None:
    names = [name for name in ODD_NAMES if observed.kind != "filesystem" or "\\" not in name]
    for name in names:
        observed.copy_dataset("crm", name)

    result = site.configure(
        observed.environment(), exclude_datasets='["crm", "shared", "ledger"]', row_counts="scan"
    ).collect()

    assert result.failures == []
    rows = site.rows("select dataset_name, count(*) from loads group by 1")
    assert sorted(rows) == sorted((name, 2) for name in names)
    assert {name for _, name in site.coverage()} == set(names)


def test_tables_and_columns_may_have_any_name(site: Site, observed_sql: Observed) -> None:
    assert isinstance(observed_sql, ObservedSql)
    observed_sql.execute(
        'create schema "SHOP"',
        'create table "SHOP"."_DLT_LOADS" as select load_id as "LOAD_ID", schema_name as "SCHEMA_NAME", '
        'status as "STATUS", inserted_at as "INSERTED_AT", schema_version_hash as "SCHEMA_VERSION_HASH" '
        "from crm._dlt_loads",
        'create table "SHOP"."_DLT_VERSION" as select schema_name as "SCHEMA_NAME", version_hash as "VERSION_HASH", '
        'version as "VERSION", engine_version as "ENGINE_VERSION", inserted_at as "INSERTED_AT", schema as "SCHEMA" '
        "from crm._dlt_version",
        'create table "SHOP"."_DLT_PIPELINE_STATE" as select pipeline_name as "PIPELINE_NAME", version as "VERSION", '
        'engine_version as "ENGINE_VERSION", created_at as "CREATED_AT", state as "STATE", '
        'version_hash as "VERSION_HASH", _dlt_load_id as "_DLT_LOAD_ID" from crm._dlt_pipeline_state',
        """create table "SHOP"."ORDERS "" 'Größe" as select _dlt_load_id as "_DLT_LOAD_ID", _dlt_id as "_DLT_ID" """
        "from crm.orders",
        """create table "SHOP"."ORDERS "" 'Größe__ITEMS" as select _dlt_id as "_DLT_ID", """
        '_dlt_parent_id as "_DLT_PARENT_ID" from crm.orders__items',
    )

    result = site.configure(observed_sql.environment(), datasets='["SHOP"]', row_counts="scan").collect()

    assert result.failures == []
    assert site.rows("select count(*), count(schema_version_hash) from loads") == [(2, 2)]
    assert site.rows("select count(*) from pipeline_states") == [(2,)]
    assert site.rows("select count(*) from schema_versions") == [(2,)]
    assert site.rows("select table_name, sum(row_count) from row_counts group by 1 order by 1") == [
        ("ORDERS \" 'Größe", 3),
        ("ORDERS \" 'Größe__ITEMS", 4),
    ]


def test_columns_that_old_versions_of_dlt_did_not_write_are_null(site: Site, observed: Observed) -> None:
    if isinstance(observed, ObservedSql):
        observed.execute(
            "alter table crm._dlt_loads drop column schema_version_hash",
            "alter table crm._dlt_pipeline_state drop column version_hash",
        )
    else:
        assert isinstance(observed, ObservedLake)
        for table, column in (("_dlt_loads", "schema_version_hash"), ("_dlt_pipeline_state", "version_hash")):
            for file in observed.files("crm", table):
                row = json.loads(file.read_text(encoding="utf-8"))
                del row[column]
                if "_dlt_load_id" in row:
                    # As files were until dlt 0.5.
                    row["dlt_load_id"] = row.pop("_dlt_load_id")
                file.write_text(json.dumps(row), encoding="utf-8")

    result = site.configure(observed.environment()).collect()

    assert result.failures == []
    assert site.rows("select count(*), count(schema_version_hash) from loads where dataset_name = 'crm'") == [(2, 0)]
    assert site.rows("select count(*), count(version_hash) from pipeline_states where dataset_name = 'crm'") == [(2, 0)]
    assert site.rows("select count(*) from loads where schema_version_hash is not null") == [(3,)]


def test_a_time_stamp_without_zone_is_in_utc(site: Site, observed_sql: Observed) -> None:
    assert isinstance(observed_sql, ObservedSql)
    site.configure(observed_sql.environment(), datasets='["crm"]').collect()
    before = site.rows("select load_id, inserted_at from loads order by 1")
    observed_sql.execute(
        "set timezone = 'UTC'",
        "create schema old",
        "create table old._dlt_loads as select load_id, schema_name, status, "
        "cast(inserted_at as timestamp) as inserted_at from crm._dlt_loads",
    )
    site.configure({}, destinations='["src"]', datasets='["old"]').collect()
    observed_sql.execute("insert into old._dlt_loads values ('1.5', 'shop', 0, '2026-01-01 00:00:00')")
    site.collect()

    assert site.rows("select load_id, inserted_at from loads where dataset_name = 'old' order by 1")[1:] == before


def test_a_table_that_is_not_what_dlt_writes_is_told_and_the_rest_is_read(site: Site, observed_sql: Observed) -> None:
    assert isinstance(observed_sql, ObservedSql)
    observed_sql.execute(
        "create schema mine",
        "create table mine._dlt_loads (id bigint)",
        "alter table shared._dlt_pipeline_state drop column state",
    )

    result = site.configure(observed_sql.environment()).collect()

    outcomes = {name: outcome for (_, name), (outcome, _) in site.coverage().items()}
    assert outcomes == {"crm": "complete", "ledger": "complete", "mine": "partial", "shared": "partial"}
    assert len(result.failures) == 2
    assert "dataset mine of src" in result.failures[0]
    assert "table _dlt_loads has no column inserted_at, load_id, schema_name, status" in result.failures[0]
    assert site.rows("select count(*) from loads") == [(5,)]


def test_rows_without_a_key_are_told_and_the_rest_is_read(site: Site, observed_sql: Observed) -> None:
    assert isinstance(observed_sql, ObservedSql)
    observed_sql.execute(
        "create schema holes",
        *(f"create table holes.{table} as select * from crm.{table}" for table in ("_dlt_loads", "_dlt_version")),
        "create table holes._dlt_pipeline_state as select * from crm._dlt_pipeline_state",
        "update holes._dlt_loads set load_id = null where load_id = (select max(load_id) from holes._dlt_loads)",
        "update holes._dlt_version set version_hash = null where version = 3",
        "update holes._dlt_pipeline_state set _dlt_load_id = null where version = 2",
    )

    result = site.configure(observed_sql.environment(), datasets='["holes"]', row_counts="scan").collect()

    assert result.failures[0].count("has rows without the key that dlt writes") == 3
    assert site.rows("select count(*) from loads") == [(1,)]
    assert site.rows("select count(*) from schema_versions") == [(1,)]
    assert site.rows("select count(*) from pipeline_states") == [(1,)]


def test_rows_without_a_time_stamp_are_read(site: Site, observed_sql: Observed) -> None:
    assert isinstance(observed_sql, ObservedSql)
    site.configure(observed_sql.environment(), datasets='["crm"]').collect()
    observed_sql.execute(
        "alter table crm._dlt_loads alter column inserted_at drop not null",
        "alter table crm._dlt_version alter column inserted_at drop not null",
        "insert into crm._dlt_loads (load_id, schema_name, status, inserted_at) values ('1.5', 'shop', 0, null)",
        "update crm._dlt_version set inserted_at = null where version = 2",
    )

    assert site.collect().failures == []
    assert ("1.5", None) in site.rows("select load_id, inserted_at from loads")


@pytest.mark.parametrize("state", ["not base64!", "e30=", '{"no": "state"}', ""])
def test_a_state_that_does_not_decode_is_told_and_the_rest_is_read(
    site: Site, filled: Fill, tmp_path: Path, state: str
) -> None:
    observed = filled("duckdb").copy(tmp_path / "observed")
    observed.spoil_states("crm", state)

    result = site.configure(observed.environment()).collect()

    assert len(result.failures) == 1
    assert "dataset crm of src: state 1 of pipeline crm (_dlt_pipeline_state)" in result.failures[0]
    assert site.coverage()["src", "crm"][0] == "partial"
    assert site.rows("select count(*) from loads") == [(5,)]
    assert sorted(site.column("select pipeline_name from pipeline_states")) == ["ledger", "left", "right"]
    assert site.rows("select count(*) from schema_versions") == [(5,)]


def test_what_did_not_decode_is_read_once_it_is_mended(site: Site, observed: Observed) -> None:
    good = observed.copy(site.folder / "good")
    observed.spoil_states("crm", "broken")
    observed.spoil_schemas("crm", "broken")
    site.configure(observed.environment())
    failures = [*site.collect().failures, *site.collect().failures]
    assert len(failures) == 2, "it is told as long as it is so"
    assert "version 2 of schema shop (_dlt_version, version_hash" in failures[0]
    assert "is neither JSON nor compressed JSON" in failures[0]
    assert site.rows("select count(*) from schema_versions where dataset_name = 'crm'") == [(0,)]

    mended = site.configure(good.environment()).collect()

    assert mended.failures == []
    assert site.coverage()["src", "crm"] == ("complete", None)
    assert site.rows("select count(*) from schema_versions where dataset_name = 'crm'") == [(2,)]
    assert site.rows("select count(*) from pipeline_states where dataset_name = 'crm'") == [(2,)]


@pytest.mark.parametrize(
    ("table", "words"),
    [("_dlt_version", "its schemas are not known"), ("_dlt_pipeline_state", "cannot be attributed to a pipeline")],
)
def test_a_system_table_that_is_missing_is_told_and_the_rest_is_read(
    site: Site, observed: Observed, table: str, words: str
) -> None:
    observed.drop("crm", table)

    result = site.configure(observed.environment()).collect()

    assert len(result.failures) == 1
    assert f"dataset crm of src: has no table {table}" in result.failures[0]
    assert words in result.failures[0]
    assert site.rows("select count(*) from loads") == [(5,)]


def test_files_that_are_not_what_dlt_writes_are_told_and_the_rest_is_read(
    site: Site, filled: Fill, tmp_path: Path
) -> None:
    observed = filled("filesystem").copy(tmp_path / "lake")
    assert isinstance(observed, ObservedLake)
    loads = observed.root / "crm" / "_dlt_loads"
    bad = {
        "no_json.jsonl": b"{broken",
        "a_list.jsonl": b"[]",
        "no_keys.jsonl": b'{"load_id": "1"}',
        "no_time.jsonl": b'{"load_id": "1", "schema_name": "s", "status": 0, "inserted_at": "soon"}',
        "no_number.jsonl": b'{"load_id": "1", "schema_name": "s", "status": "0", "inserted_at": "2026-01-01T00:00Z"}',
        "no_text.jsonl": b'{"load_id": 1, "schema_name": "s", "status": 0, "inserted_at": "2026-01-01T00:00:00Z"}',
        "empty.jsonl": b"",
        "bytes.jsonl": b"\xff\xfe",
    }
    for name, content in bad.items():
        (loads / name).write_bytes(content)
    (loads / "notes.txt").write_text("not dlt's")
    (observed.root / "crm" / "orders" / "1995390843.5.abc.parquet").write_bytes(b"no parquet")
    (observed.root / "crm" / "orders" / "1995390843.6.abc.csv").write_bytes(b'a,b\n1,"x\ny"\n2,z\n')
    (observed.root / "not_dlt").mkdir()

    result = site.configure(observed.environment(), row_counts="scan").collect()

    assert len(result.failures) == 1
    assert "dataset crm of src: file _dlt_loads/" in result.failures[0]
    assert f"(and {len(bad) + 1 - 3} more)" in result.failures[0]
    assert site.rows("select count(*) from loads") == [(5,)]
    assert site.rows("select row_count from row_counts where load_id = '1995390843.6'") == [(2,)]
    assert site.rows("select count(*) from row_counts") == [(9,)]


def test_a_dataset_folder_that_may_not_be_listed_is_forbidden_and_the_rest_is_read(
    site: Site, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.local import LocalFileSystem

    observed = filled("filesystem").copy(tmp_path / "lake")
    assert isinstance(observed, ObservedLake)
    ls = LocalFileSystem.ls

    def guarded(self: object, path: str, *args: object, **kwargs: object) -> object:
        # Tests may run as root, whom no mode of a folder keeps out.
        if path.rstrip("/").endswith(("/crm", "/shared/_dlt_version")):
            raise PermissionError(13, "Permission denied", path)
        return ls(self, path, *args, **kwargs)

    monkeypatch.setattr(LocalFileSystem, "ls", guarded)

    result = site.configure(observed.environment()).collect()

    outcomes = {name: outcome for (_, name), (outcome, _) in site.coverage().items()}
    assert outcomes == {"crm": "forbidden", "ledger": "complete", "shared": "forbidden"}
    assert "no right to read _dlt_loads in dataset crm of src" in result.failures[0]
    assert "no right to read _dlt_version in dataset shared of src" in result.failures[1]
