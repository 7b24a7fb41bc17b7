from __future__ import annotations

import pytest

from tests.fixtures.dbt_shop import Built, DbtShop, observe


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dbt_lineage")
    with pytest.MonkeyPatch.context() as patch:
        return observe(DbtShop(folder / "shop").load().write_project(), folder / "site", patch)
