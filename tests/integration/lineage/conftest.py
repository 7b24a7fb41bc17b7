from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.dbt_shop import Built, DbtShop, observe


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("dbt_lineage")
    with pytest.MonkeyPatch.context() as patch:
        yield observe(DbtShop(folder / "shop").load().write_project(), folder / "site", patch)
