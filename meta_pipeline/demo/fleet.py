"""The fleet of the demo: which team runs which pipeline, where to and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta

from dlt.extract import DltSource

from meta_pipeline.demo import pipelines
from meta_pipeline.demo.folder import FINANCE, LAKE, WAREHOUSE
from meta_pipeline.demo.schedule import Run, Schedule, Window, runs_of
from meta_pipeline.demo.systems import AirportSystems

SILENT_DAYS = 10
GUSTS_AFTER = timedelta(weeks=3)

Source = Callable[[AirportSystems, timedelta], DltSource]


@dataclass(frozen=True)
class FleetPipeline:
    """A pipeline of the fleet.

    Args:
        name: Name of the dlt pipeline.
        destination: Name of the destination.
        dataset: Name of the dataset.
        schedule: When it is due.
        source: What it loads, given the source systems and the age of the fleet.
        silent_days: For how many days before the end it has not run.
    """

    name: str
    destination: str
    dataset: str
    schedule: Schedule
    source: Source
    silent_days: int = 0

    def runs(self, window: Window) -> list[Run]:
        """Lists the pipeline's runs.

        Args:
            window: The days that are replayed.

        Returns:
            The runs, in order.
        """
        silent_from = window.now - timedelta(days=self.silent_days)
        return [run for run in runs_of(self.name, self.schedule, window) if run.started_at < silent_from]


def _daily(hour: int, minute: int) -> Schedule:
    return Schedule((time(hour, minute),))


FLEET = (
    FleetPipeline(
        "ewr_departures",
        WAREHOUSE,
        "ops",
        _daily(5, 30),
        lambda systems, _: pipelines.airport_operations(systems, "EWR"),
    ),
    FleetPipeline(
        "jfk_departures",
        WAREHOUSE,
        "ops",
        _daily(5, 45),
        lambda systems, _: pipelines.airport_operations(systems, "JFK"),
    ),
    FleetPipeline(
        "airport_charges",
        FINANCE,
        "finance",
        _daily(6, 10),
        lambda systems, _: pipelines.airport_charges(systems),
        silent_days=SILENT_DAYS,
    ),
    FleetPipeline(
        "reference_data",
        FINANCE,
        "reference",
        _daily(4, 0),
        lambda systems, _: pipelines.reference_data(systems),
    ),
    FleetPipeline(
        "aircraft_rotations",
        FINANCE,
        "maintenance",
        _daily(7, 20),
        lambda systems, _: pipelines.aircraft_rotations(systems, "B6"),
    ),
    FleetPipeline(
        "fleet_register",
        LAKE,
        "maintenance",
        Schedule((time(3, 0),), weekday=0),
        lambda systems, _: pipelines.fleet_register(systems),
    ),
    FleetPipeline(
        "weather",
        LAKE,
        "weather",
        Schedule((time(0, 5), time(12, 5))),
        lambda systems, age: pipelines.weather(systems, with_gusts=age >= GUSTS_AFTER),
    ),
)
