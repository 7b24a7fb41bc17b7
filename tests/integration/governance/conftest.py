from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.dbt_shop import Built, observe
from tests.fixtures.governed_shop import GovernedShop


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("governance")
    with pytest.MonkeyPatch.context() as patch:
        yield observe(GovernedShop(folder / "shop").load().write_project(), folder / "site", patch)
