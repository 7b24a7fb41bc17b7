from __future__ import annotations

import pytest

from meta_pipeline.transform import TransformResult, transform
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


@pytest.fixture(scope="session")
def past(fleet_home: fleet.FleetHome) -> TransformResult:
    """Saves the marts as they would have been when the first collection had ended."""
    fleet_home.restore("second transform")
    result = transform(fleet_home.home, as_of=fleet.PAST)
    fleet_home.save("the past")
    return result
