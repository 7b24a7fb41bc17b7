from __future__ import annotations

import pytest

from meta_pipeline.transform import transform
from tests.fixtures.collected import Site, clear_environment
from tests.fixtures.dbt_shop import Built, DbtShop


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dbt_lineage")
    shop = DbtShop(folder / "shop").load().write_project()
    shop.dbt("build")
    with pytest.MonkeyPatch.context() as patch:
        clear_environment(patch)
        (folder / "site").mkdir()
        patch.chdir(folder / "site")
        site = Site(folder / "site", patch).configure(shop.environment(), dbt_artifacts=f'["{shop.target}"]')
        assert site.collect().failures == []
        transform(site.home)
    return Built(shop, site)
