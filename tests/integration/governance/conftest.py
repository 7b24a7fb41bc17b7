from __future__ import annotations

from collections.abc import Iterator

import pytest

from meta_pipeline.transform import transform
from tests.fixtures.collected import Site, clear_environment
from tests.fixtures.dbt_shop import Built
from tests.fixtures.governed_shop import GovernedShop


@pytest.fixture(scope="session")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("governance")
    shop = GovernedShop(folder / "shop").load().write_project()
    shop.dbt("build")
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        (folder / "site").mkdir()
        patch.chdir(folder / "site")
        site = Site(folder / "site", patch).configure(shop.environment(), dbt_artifacts=f'["{shop.target}"]')
        assert site.collect().failures == []
        transform(site.home)
        yield Built(shop, site)
