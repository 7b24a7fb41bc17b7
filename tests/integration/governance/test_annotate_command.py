"""Suggestions become hints that dlt takes: real pipelines are run with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from click.testing import CliRunner, Result

from meta_pipeline.cli import main
from meta_pipeline.transform import transform
from tests.fixtures.collected import Site, clear_environment

pytestmark = pytest.mark.xdist_group("annotate")

PEOPLE = (
    {"id": 1, "email": "a@example.com", "phone": 31, "home": {"street": "A"}, "contacts": [{"email": "b@example.com"}]},
    {"id": 2, "email": "c@example.com", "phone": "n/a"},
)
SUGGESTED = [
    "crm.accounts.iban",
    "crm.people.email",
    "crm.people.home__street",
    "crm.people.phone",
    "crm.people.phone__v_text",
    "crm.people__contacts.email",
    "crm.visits.client_ip",
]


@dlt.source(name="shop")
def shop() -> Iterator[Any]:
    yield dlt.resource(PEOPLE, name="people")
    # One resource that fills two tables.
    events = [{"kind": "visits", "client_ip": "::1"}, {"kind": "accounts", "iban": "NL00"}]
    yield dlt.resource(events, name="events", table_name=lambda row: row["kind"])


def pipeline(folder: Path, **options: Any) -> dlt.Pipeline:
    destination = dlt.destinations.duckdb(str(folder / "shop.duckdb"), destination_name="shop")
    return dlt.pipeline(
        "crm", destination=destination, dataset_name="crm", pipelines_dir=str(folder / "pipelines"), **options
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("annotate")
    pipeline(folder).run(shop())
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        patch.chdir(folder)
        variables = {"DESTINATION__SHOP__DESTINATION_TYPE": "duckdb"}
        variables["DESTINATION__SHOP__CREDENTIALS"] = str(folder / "shop.duckdb")
        found = Site(folder, patch).configure(variables)
        assert found.collect().failures == []
        transform(found.home)
        yield found


def annotate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["annotate", *arguments])


def by_status(site: Site, status: str) -> list[str]:
    with duckdb.connect(site.home.database, read_only=True) as connection:
        rows = connection.execute(
            "select relation || '.' || column_name from observability_marts.pii_columns where status = ? order by all",
            [status],
        ).fetchall()
    return [name for (name,) in rows]


def tags(schema: Any) -> list[str]:
    """Returns the columns of a schema that are tagged."""
    return sorted(
        f"crm.{table['name']}.{name}"
        for table in schema.data_tables(include_incomplete=True)
        for name, column in table["columns"].items()
        if column.get("x-annotation-pii")
    )


def test_what_is_suggested_is_what_it_looks_like(site: Site) -> None:
    assert by_status(site, "suggested") == SUGGESTED


def test_globs_accept_a_part_and_a_glob_that_matches_nothing_is_told(site: Site) -> None:
    found = json.loads(annotate("crm", "--accept", "crm.PEOPLE.*", "--json").stdout)

    assert [f"{item['relation']}.{item['column_name']}" for item in found["accepted"]] == SUGGESTED[1:5]
    refused = annotate("--accept", "crm.nowhere.*")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "No suggested column matches --accept 'crm.nowhere.*'" in refused.stderr


def test_a_pipeline_that_is_not_there_is_told_with_the_one_that_was_meant(site: Site) -> None:
    refused = annotate("crmm")

    assert refused.exit_code == 2
    assert "There is no pipeline 'crmm' with tables. Did you mean 'crm'?" in refused.stderr


@pytest.mark.parametrize("is_new", [True, False], ids=["first run", "further run"])
def test_written_schemas_are_imported_by_dlt(site: Site, tmp_path: Path, is_new: bool) -> None:
    written = annotate("--out", str(tmp_path / "schemas"))
    assert written.exit_code == 0, written.stderr
    if not is_new:
        pipeline(tmp_path).run(shop())

    imported = pipeline(tmp_path, import_schema_path=str(tmp_path / "schemas" / "crm"))
    imported.run(shop())

    assert tags(imported.schemas["shop"]) == SUGGESTED
    with imported.sql_client() as client:
        assert client.execute_sql("select count(*) from people") == [(2 if is_new else 4,)]


def test_pasted_hints_make_the_columns_declared(site: Site) -> None:
    source = shop()
    exec(annotate().stdout, {"dlt": dlt, "source": source})
    pipeline(site.folder).run(source)
    assert site.collect().failures == []
    transform(site.home)

    assert by_status(site, "declared") == SUGGESTED
    assert by_status(site, "suggested") == []
    nothing = annotate()
    assert (nothing.exit_code, nothing.stdout) == (0, "")
