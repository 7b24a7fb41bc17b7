"""One configuration with everything wrong that a configuration, a warehouse or a file can have wrong.

Three destinations are as they should be. The others are each wrong in their own way, and none may keep the rest from
being read.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from tests.fixtures.collected import Site
from tests.fixtures.command import Done, run, write_configuration, writing_to
from tests.fixtures.observed import Observed, ObservedDuckDb, ObservedLake, ObservedPostgres
from tests.integration.collect.conftest import Fill

PASSWORD = "hunter2-of-nobody"
GUEST_PASSWORD = "hunter2-of-the-guest"
GOOD = ("good_duckdb", "good_lake", "good_postgres")

# By destination: the outcome, and words that say what, where and what to do next.
TROUBLE: dict[str, tuple[str, Sequence[str]]] = {
    "god_duckdb": ("misconfigured", ["'god_duckdb' is not configured", "Did you mean 'good_duckdb'?"]),
    "qdrant": ("misconfigured", ["'qdrant'", "cannot be read yet", "types that can: ", "snowflake"]),
    "no_credentials": (
        "misconfigured",
        ["lacks credentials", "secrets.toml", "DESTINATION__NO_CREDENTIALS__CREDENTIALS"],
    ),
    "part_credentials": ("misconfigured", ["lacks credentials.password, credentials.username", "secrets.toml"]),
    "odd_credentials": ("misconfigured", ["not usable", "[destination.odd_credentials]"]),
    "open_credentials": ("misconfigured", ["stand in .dlt/config.toml", "Move them", "secrets.toml"]),
    "no_bucket": ("misconfigured", ["lacks bucket_url", "DESTINATION__NO_BUCKET__BUCKET_URL"]),
    "no_folder": ("unreachable", ["there is no folder", "nowhere", "Check bucket_url"]),
    "no_file": ("unreachable", ["there is no file", "nowhere.duckdb", "Check the path"]),
    "no_database": ("unreachable", ["text.duckdb could not be opened", "not a valid DuckDB database file"]),
    "locked": ("locked", ["locked.duckdb is locked by another process", "run again"]),
    "wrong_password": ("unreachable", ["could not connect to 127.0.0.1", "password authentication failed", "Check"]),
    "server_off": ("unreachable", ["could not connect to 127.0.0.1:1/", "Connection refused", "Check that the server"]),
}

BROKEN = ("broken_duckdb", "broken_lake", "broken_postgres")
EMPTY = ("empty_duckdb", "empty_lake", "empty_postgres")


@dataclass(frozen=True)
class Tried:
    """A folder in which everything was tried.

    Args:
        site: The folder.
        check: What `check` said.
        collect: What `collect` said.
        secrets: What must not be found anywhere.
    """

    site: Site
    check: Done
    collect: Done
    secrets: Sequence[str]


@pytest.fixture(scope="module")
def tried(filled: Fill, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Tried]:
    folder = tmp_path_factory.mktemp("trouble")
    good = {kind: filled(kind).copy(folder / kind) for kind in ("duckdb", "filesystem", "postgres")}
    broken = {kind: _broken(filled(kind).copy(folder / f"broken_{kind}")) for kind in good}
    postgres = good["postgres"]
    assert isinstance(postgres, ObservedPostgres)
    guest_url = _guest(postgres)
    empty_url = _empty_database(postgres)
    (folder / "text.duckdb").write_text("This is no database. " * 1_000, encoding="utf-8")
    (folder / "empty_lake").mkdir()
    duckdb.connect(str(folder / "empty.duckdb")).close()
    duckdb.connect(str(folder / "locked.duckdb")).close()
    config: dict[str, Any] = {
        "qdrant": {},
        "no_credentials": {"destination_type": "postgres"},
        "part_credentials": {"destination_type": "postgres"},
        "odd_credentials": {"destination_type": "postgres"},
        "open_credentials": {"destination_type": "postgres", "credentials": f"postgresql://u:{PASSWORD}@h/d"},
        "no_bucket": {"destination_type": "filesystem"},
        "no_folder": {"destination_type": "filesystem", "bucket_url": "nowhere"},
        "no_file": {"destination_type": "duckdb"},
        "no_database": {"destination_type": "duckdb"},
        "locked": {"destination_type": "duckdb"},
        "wrong_password": {"destination_type": "postgres"},
        "server_off": {"destination_type": "postgres"},
        "empty_duckdb": {"destination_type": "duckdb"},
        "empty_lake": {"destination_type": "filesystem", "bucket_url": "empty_lake"},
        "empty_postgres": {"destination_type": "postgres"},
        "guest": {"destination_type": "postgres"},
        "good_duckdb": {"destination_type": "duckdb"},
        "good_lake": {"destination_type": "filesystem", **good["filesystem"].settings()},
        "good_postgres": {"destination_type": "postgres"},
        "broken_duckdb": {"destination_type": "duckdb"},
        "broken_lake": {"destination_type": "filesystem", **broken["filesystem"].settings()},
        "broken_postgres": {"destination_type": "postgres"},
    }
    credentials: dict[str, Any] = {
        "part_credentials": {"host": "127.0.0.1", "database": "d"},
        "odd_credentials": f"{PASSWORD} is no URL",
        "no_file": "nowhere.duckdb",
        "no_database": "text.duckdb",
        "locked": "locked.duckdb",
        "wrong_password": postgres.url.replace(postgres.password, PASSWORD),
        "server_off": f"postgresql://u:{PASSWORD}@127.0.0.1:1/d",
        "empty_duckdb": "empty.duckdb",
        "empty_postgres": empty_url,
        "guest": guest_url,
        "good_duckdb": good["duckdb"].settings()["credentials"],
        "good_postgres": postgres.url,
        "broken_duckdb": broken["duckdb"].settings()["credentials"],
        "broken_postgres": broken["postgres"].settings()["credentials"],
    }
    names = [*TROUBLE, *EMPTY, *BROKEN, "guest", *GOOD[:-1], {"name": GOOD[-1], "rowcounts": "scan"}]
    write_configuration(
        folder,
        {"sources": {"dlt_metadata": {"destinations": names, "row_count": "scan"}}, "destination": config},
        {"destination": {name: {"credentials": value} for name, value in credentials.items()}},
    )
    with pytest.MonkeyPatch.context() as patch, writing_to(folder / "locked.duckdb"):
        check = run(folder, "check", "--json")
        collect = run(folder, "--verbose", "collect", "--json")
        yield Tried(Site(folder, patch), check, collect, [PASSWORD, GUEST_PASSWORD, postgres.password])


def _broken(observed: Observed) -> Observed:
    """Spoils the states of one dataset, the schemas of another, and takes the states' table from the third."""
    observed.spoil_states("crm", "broken")
    observed.spoil_schemas("ledger", "broken")
    observed.drop("shared", "_dlt_pipeline_state")
    return observed


def _guest(postgres: ObservedPostgres) -> str:
    """Returns the URL of a role that may read `crm`, the loads of `ledger`, and nothing of `shared`."""
    role = f"guest_of_{postgres.database}"
    postgres.execute(
        f"create role {role} login password '{GUEST_PASSWORD}'",
        f"grant usage on schema crm, ledger to {role}",
        f"grant select on all tables in schema crm to {role}",
        f"grant select on ledger._dlt_loads to {role}",
    )
    return postgres.url.replace(f"postgres:{postgres.password}", f"{role}:{GUEST_PASSWORD}")


def _empty_database(postgres: ObservedPostgres) -> str:
    with closing(psycopg2.connect(postgres.url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"create database empty_{postgres.database}")
    return postgres.url.replace(f"/{postgres.database}", f"/empty_{postgres.database}")


def test_both_commands_end_with_2(tried: Tried) -> None:
    assert (tried.check.code, tried.collect.code) == (2, 2), tried.collect.err


@pytest.mark.parametrize("name", TROUBLE)
def test_what_is_wrong_is_told_with_what_to_do(tried: Tried, name: str) -> None:
    outcome, words = TROUBLE[name]

    (row,) = [row for row in tried.collect.json["coverage"] if row["destination_name"] == name]
    assert row["outcome"] == outcome
    assert row["dataset_name"] is None
    assert row["error"].startswith(f"{name}: ")
    assert [word for word in words if word not in row["error"]] == []
    assert tried.collect.json["problems"].count(row["error"]) == 1
    assert any(problem.startswith(f"{name}: ") for problem in tried.check.json["problems"])


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_is_complete(tried: Tried, name: str) -> None:
    datasets = {
        row["dataset_name"]: row["outcome"] for row in tried.collect.json["coverage"] if row["destination_name"] == name
    }

    assert datasets == {"crm": "complete", "ledger": "complete", "shared": "complete"}
    assert tried.site.rows(f"select count(*) from loads where destination_name = '{name}'") == [(5,)]
    assert tried.site.rows(f"select count(*) from schema_versions where destination_name = '{name}'") == [(5,)]
    assert tried.site.rows(f"select count(*) from pipeline_states where destination_name = '{name}'") == [(5,)]


def test_what_the_destinations_have_in_common_is_stored_once(tried: Tried) -> None:
    assert tried.site.doubled() == []


@pytest.mark.parametrize("name", BROKEN)
def test_records_that_do_not_decode_are_told_and_the_rest_is_read(tried: Tried, name: str) -> None:
    rows = {row["dataset_name"]: row for row in tried.collect.json["coverage"] if row["destination_name"] == name}

    assert {row["outcome"] for row in rows.values()} == {"partial"}
    assert (
        f"dataset crm of {name}: state 1 of pipeline crm (_dlt_pipeline_state) does not decode" in rows["crm"]["error"]
    )
    assert "Mend or delete it" in rows["crm"]["error"]
    assert (
        f"dataset ledger of {name}: version 2 of schema ledger (_dlt_version, version_hash" in rows["ledger"]["error"]
    )
    assert "is neither JSON nor compressed JSON" in rows["ledger"]["error"]
    assert f"dataset shared of {name}: has no table _dlt_pipeline_state" in rows["shared"]["error"]
    assert tried.site.rows(f"select count(*) from loads where destination_name = '{name}'") == [(5,)]
    assert tried.site.rows(f"select count(*) from schema_versions where destination_name = '{name}'") == [(4,)]
    assert tried.site.column(f"select pipeline_name from pipeline_states where destination_name = '{name}'") == [
        "ledger"
    ]


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_destination_is_no_problem(tried: Tried, name: str) -> None:
    rows = [row for row in tried.collect.json["coverage"] if row["destination_name"] == name]

    assert [(row["dataset_name"], row["outcome"]) for row in rows] == [(None, "complete")]
    (finding,) = [item for item in tried.check.json["findings"] if item["destination_name"] == name]
    assert not finding["is_fault"]
    assert "no dataset holds a _dlt_loads table" in finding["note"]


def test_datasets_without_rights_are_forbidden_beside_others_that_are_read(tried: Tried) -> None:
    rows = {row["dataset_name"]: row for row in tried.collect.json["coverage"] if row["destination_name"] == "guest"}

    assert {name: row["outcome"] for name, row in rows.items()} == {
        "crm": "complete",
        "ledger": "forbidden",
        "shared": "forbidden",
    }
    assert "no right to read _dlt_pipeline_state, _dlt_version in dataset ledger of guest" in rows["ledger"]["error"]
    assert "Grant usage" in rows["shared"]["error"]
    faults = [item for item in tried.check.json["findings"] if item["destination_name"] == "guest" and item["is_fault"]]
    assert [item["dataset_name"] for item in faults] == ["ledger", "shared"]


@pytest.mark.parametrize(
    "words", ["'row_count' in [sources.dlt_metadata]", "'rowcounts' in destination 'good_postgres'"]
)
def test_unknown_keys_are_told(tried: Tried, words: str) -> None:
    for done in (tried.check, tried.collect):
        (problem,) = [problem for problem in done.json["problems"] if words in problem]
        assert "Did you mean 'row_counts'?" in problem


def test_check_writes_nothing(tried: Tried) -> None:
    found = tried.check.json

    assert found["home"] == tried.site.home.database
    assert sorted(item["destination_name"] for item in found["findings"] if item["is_read"]) == sorted(
        ["guest", *(name for name in (*GOOD, *BROKEN) for _ in range(3))]
    )


def test_no_secret_is_printed(tried: Tried) -> None:
    printed = "".join((tried.check.out, tried.check.err, tried.collect.out, tried.collect.err))

    assert [secret for secret in tried.secrets if secret in printed] == []


def test_no_secret_is_stored(tried: Tried) -> None:
    stored = _everything_in(Path(tried.site.home.database))

    assert b"good_postgres" in stored, "it would be found"
    assert [secret for secret in tried.secrets if secret.encode() in stored] == []


def _everything_in(file: Path) -> bytes:
    """Returns a DuckDB file as it is, and decoded: it may be compressed, and the states in it are."""
    parts = [file.read_bytes()]
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        for schema, table in tables:
            rows = connection.execute(f'from "{schema}"."{table}"').fetchall()
            parts.append(repr(rows).encode())
            if table == "_dlt_pipeline_state":
                states = connection.execute(f'select state from "{schema}"."{table}"').fetchall()
                parts.extend(zlib.decompress(base64.b64decode(state)) for (state,) in states)
    return b"".join(parts)


@pytest.mark.parametrize("kind", ["duckdb", "postgres", "filesystem"])
def test_a_destination_that_fails_for_a_day_is_unreachable_meanwhile_and_loses_nothing(
    filled: Fill, site: Site, tmp_path: Path, kind: str
) -> None:
    observed, other = filled(kind).copy(tmp_path / "a"), filled("duckdb").copy(tmp_path / "b")
    observed.copy_dataset("crm", "crm_20260131115959")
    site.configure({**observed.environment("fails"), **other.environment("works")})
    site.collect()
    cursors = _cursors(site)

    with _failing(observed, site):
        other.add_load("crm", "1995390843.5", "2036-01-01 00:00:00+00:00", schema="shop")
        result = site.collect()

    outcomes = {place: outcome for place, (outcome, _) in site.coverage().items()}
    assert {outcomes["fails", name] for name in ("crm", "ledger", "shared")} == {"unreachable"}
    assert outcomes["fails", "crm_20260131115959"] == "dev_mode", "it would not have been read"
    assert {outcomes["works", name] for name in ("crm", "ledger", "shared")} == {"complete"}
    assert len(result.failures) == 1, "told once, not once per dataset"
    assert result.failures[0].startswith("fails: ")
    assert site.rows("select count(*) from loads where destination_name = 'works'") == [(6,)]
    meanwhile = _cursors(site)
    assert meanwhile["fails"] == cursors["fails"]
    assert meanwhile["works"] != cursors["works"]

    observed.add_load("crm", "1995390843.5", "2036-01-01 00:00:00+00:00", schema="shop")
    assert site.collect().failures == []
    assert {outcome for place, (outcome, _) in site.coverage().items() if place[1] == "crm"} == {"complete"}
    assert site.rows("select count(*) from loads where destination_name = 'fails'") == [(6,)]
    stretches = "select outcome from coverage where destination_name = 'fails' and dataset_name = 'crm' order by since"
    assert site.column(stretches) == ["complete", "unreachable", "complete"]


class _failing:  # noqa: N801
    """Makes a destination fail as long as the `with` block lasts."""

    def __init__(self, observed: Observed, site: Site) -> None:
        self._observed = observed
        self._site = site

    def __enter__(self) -> None:
        if isinstance(self._observed, ObservedPostgres):
            self._site.configure({"DESTINATION__FAILS__CREDENTIALS": "postgresql://u:p@127.0.0.1:1/d"}, **SAME)
        else:
            self._path.rename(self._path.with_suffix(".away"))

    def __exit__(self, *_: object) -> None:
        if isinstance(self._observed, ObservedPostgres):
            self._site.configure(self._observed.environment("fails"), **SAME)
        else:
            self._path.with_suffix(".away").rename(self._path)

    @property
    def _path(self) -> Path:
        assert isinstance(self._observed, (ObservedDuckDb, ObservedLake))
        return self._observed.file if isinstance(self._observed, ObservedDuckDb) else self._observed.root


SAME = {"destinations": '["fails", "works"]'}


def _cursors(site: Site) -> dict[str, dict[str, Any]]:
    """Returns how far each dataset was read, by destination, without what is said of its coverage."""
    from dlt.pipeline.state_sync import decompress_state

    (blob,) = site.column("select state from _dlt_pipeline_state order by version desc limit 1")
    state: Any = decompress_state(blob)["sources"]["dlt_metadata"]["resources"]["readings"]["destinations"]  # type: ignore[typeddict-item]
    return {
        destination: {
            name: {key: value for key, value in cursor.items() if key not in ("outcome", "since")}
            for name, cursor in datasets.items()
        }
        for destination, datasets in state.items()
    }


def test_a_destination_that_could_not_be_listed_at_first_is_complete_once_it_can(
    filled: Fill, site: Site, tmp_path: Path
) -> None:
    observed = filled("duckdb").copy(tmp_path / "a")
    site.configure(observed.environment("fails"))
    with _failing(observed, site):
        site.collect()
    assert {place: outcome for place, (outcome, _) in site.coverage().items()} == {("fails", None): "unreachable"}
    site.collect()

    last = site.rows(
        "select dataset_name, outcome from coverage where collected_at = (select max(collected_at) from coverage) "
        "order by all"
    )
    assert last == [("crm", "complete"), ("ledger", "complete"), ("shared", "complete")]


def test_an_empty_destination_that_fails_and_recovers_says_so(site: Site, tmp_path: Path) -> None:
    observed = ObservedDuckDb(tmp_path / "a")
    duckdb.connect(str(observed.file)).close()
    site.configure(observed.environment("fails"))
    site.collect()
    with _failing(observed, site):
        site.collect()
    site.collect()

    assert site.column("select outcome from coverage order by since") == ["complete", "unreachable", "complete"]
