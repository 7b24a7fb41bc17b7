"""The grants that docs/destinations.md gives are enough, and nothing less is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dlt
import pytest

from tests.fixtures.collected import Site
from tests.fixtures.observed import ObservedPostgres

DOCS = Path(__file__).parents[3] / "docs" / "destinations.md"


def documented(family: str) -> list[list[str]]:
    """Returns the statements of each block of SQL in a section."""
    section = DOCS.read_text(encoding="utf-8").split(f"\n## {family}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    return [[part.strip() for part in block.split(";") if part.strip()] for block in blocks]


LEAST, SCAN = documented("PostgreSQL")


def granted(postgres: ObservedPostgres, statements: list[str]) -> str:
    """Executes statements for a role of this test's own, and returns the URL of the role."""
    role = f"observer_of_{postgres.database}"
    for statement in statements:
        named = (
            statement.replace("observer", role).replace("'...'", "'observing'").replace("role loader", "role postgres")
        )
        postgres.execute(named)
    return postgres.url.replace(f"postgres:{postgres.password}", f"{role}:observing")


def collected(site: Site, postgres: ObservedPostgres, url: str, **settings: str) -> Any:
    environment = {**postgres.environment(), "DESTINATION__SRC__CREDENTIALS": url}
    return site.configure(environment, datasets='["crm"]', **settings).collect()


def test_what_is_documented_suffices(site: Site, postgres: ObservedPostgres) -> None:
    assert collected(site, postgres, granted(postgres, LEAST)).failures == []

    assert site.coverage() == {("src", "crm"): ("complete", None)}
    assert site.rows("select count(*) from loads") == [(2,)]


@pytest.mark.parametrize("left_out", LEAST[1:])
def test_nothing_less_suffices(site: Site, postgres: ObservedPostgres, left_out: str) -> None:
    url = granted(postgres, [statement for statement in LEAST if statement != left_out])

    assert len(collected(site, postgres, url).failures) == 1

    assert site.coverage()["src", "crm"][0] == "forbidden"


@pytest.mark.parametrize("table", ["_dlt_loads", "_dlt_version", "_dlt_pipeline_state"])
def test_no_table_may_be_left_out(site: Site, postgres: ObservedPostgres, table: str) -> None:
    url = granted(postgres, LEAST)
    granted(postgres, [f"revoke select on crm.{table} from observer"])

    (failure,) = collected(site, postgres, url).failures

    assert f"no right to read {table}" in failure


def test_counting_rows_takes_the_rest(site: Site, postgres: ObservedPostgres) -> None:
    url = granted(postgres, LEAST)
    (failure,) = collected(site, postgres, url, row_counts="scan").failures
    assert "no right to read orders" in failure

    granted(postgres, SCAN)
    postgres.run("crm", "crm", dlt.resource([{"x": 1}], name="made_later"))

    assert collected(site, postgres, url, row_counts="scan").failures == []
    assert "made_later" in site.column("select table_name from row_counts")


def test_every_destination_of_dlt_is_told_of() -> None:
    text = DOCS.read_text(encoding="utf-8")
    names = [name for name in dir(dlt.destinations) if isinstance(getattr(dlt.destinations, name), type)]

    assert [name for name in names if f"`{name}`" not in text] == []
