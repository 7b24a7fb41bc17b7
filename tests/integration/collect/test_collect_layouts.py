"""Buckets whose files lie by another layout than dlt's default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest

from tests.fixtures.collected import Site
from tests.fixtures.observed import ObservedLake

BY_SCHEMA = "{schema_name}/{table_name}/{load_id}.{file_id}.{ext}"
WITHOUT_LOAD = "{table_name}/{timestamp}_{file_id}.{ext}"


class ObservedLayout(ObservedLake):
    """A folder of files with a layout of its own."""

    def __init__(self, folder: Path, layout: str) -> None:
        super().__init__(folder)
        self._layout = layout

    def destination(self) -> Any:
        return dlt.destinations.filesystem(str(self.root), layout=self._layout, destination_name="warehouse")


@pytest.mark.parametrize(
    ("layout", "configured", "counts", "tables"),
    [
        (BY_SCHEMA, BY_SCHEMA, [("orders", 2)], ["orders"]),
        (BY_SCHEMA, None, [], []),
        (WITHOUT_LOAD, WITHOUT_LOAD, [], ["orders"]),
    ],
)
def test_files_are_counted_where_the_configured_layout_says_which_load_brought_them(
    site: Site, tmp_path: Path, layout: str, configured: str | None, counts: list[tuple[str, int]], tables: list[str]
) -> None:
    observed = ObservedLayout(tmp_path / "observed", layout)
    observed.run("shop", "shop", dlt.resource([{"id": 1}, {"id": 2}], name="orders", write_disposition="append"))
    environment = observed.environment() | ({"DESTINATION__SRC__LAYOUT": configured} if configured else {})

    assert site.configure(environment, row_counts="scan").collect().failures == []

    assert site.rows("select table_name, row_count from row_counts") == counts
    assert site.column("select table_name from table_statistics") == tables
    assert site.rows("select count(*) from loads") == [(1,)]


@pytest.mark.parametrize("name", ["shop", "Shop", "team_a.shop"])
def test_a_dataset_is_named_as_its_folder(site: Site, tmp_path: Path, name: str) -> None:
    observed = ObservedLake(tmp_path / "observed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTINATION__WAREHOUSE__ENABLE_DATASET_NAME_NORMALIZATION", "false")
        patch.setenv("DESTINATION__WAREHOUSE__DATASET_NAME_LAYOUT", "loaded_%s")
        observed.run("shop", name, dlt.resource([{"id": 1}], name="orders"))

    assert site.configure(observed.environment()).collect().failures == []

    assert site.column("select dataset_name from loads") == [path.name for path in observed.root.iterdir()]
    assert site.column("select dataset_name from loads")[0].endswith(name)
