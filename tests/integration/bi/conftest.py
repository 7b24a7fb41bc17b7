from __future__ import annotations

from tests.integration.transform.conftest import fleet_home

__all__ = ["fleet_home"]
