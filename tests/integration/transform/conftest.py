from __future__ import annotations

import pytest

from meta_pipeline.transform import transform
from tests.integration.transform import fleet


@pytest.fixture(scope="session")
def fleet_home(tmp_path_factory: pytest.TempPathFactory) -> fleet.FleetHome:
    home = fleet.FleetHome(tmp_path_factory.mktemp("transform"))
    home.raw.create()
    fleet.write_first(home.raw)
    assert transform(home.home).full_refresh
    home.save("first transform")
    fleet.write_second(home.raw)
    home.save("second collection")
    assert not transform(home.home).full_refresh
    home.save("second transform")
    return home
