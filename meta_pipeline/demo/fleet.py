"""The fleet of the demo: which team runs which pipeline, where to and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time, timedelta

from dlt.extract import DltSource

from meta_pipeline.demo import orchestrators, pipelines
from meta_pipeline.demo.folder import FINANCE, LAKE, WAREHOUSE
from meta_pipeline.demo.orchestrators import Orchestrator
from meta_pipeline.demo.schedule import Ending, Run, Schedule, Window, runs_of
from meta_pipeline.demo.systems import AirportSystems

SILENCE = timedelta(days=10)
GUSTS_AFTER = timedelta(weeks=3)
# After that, nobody takes a run that has not ended for one that is still at work.
KILLED_AGO = timedelta(hours=2)

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
        orchestrator: What runs it.
        silence: For how long before the end it has not run.
        last_endings: How its last runs end.
    """

    name: str
    destination: str
    dataset: str
    schedule: Schedule
    source: Source
    orchestrator: Orchestrator
    silence: timedelta = timedelta()
    last_endings: tuple[Ending, ...] = ()

    def runs(self, window: Window) -> list[Run]:
        """Lists the pipeline's runs.

        Args:
            window: The days that are replayed.

        Returns:
            The runs, in order.
        """
        silent_from = window.now - self.silence
        runs = [run for run in runs_of(self.name, self.schedule, window) if run.started_at < silent_from]
        loaded: list[Ending] = ["loaded"] * len(runs)
        endings = [*loaded, *self.last_endings][-len(runs) :]
        return [replace(run, ending=ending) for run, ending in zip(runs, endings, strict=False)]


def _daily(hour: int, minute: int) -> Schedule:
    return Schedule((time(hour, minute),))


FLEET = (
    FleetPipeline(
        "ewr_departures",
        WAREHOUSE,
        "ops",
        _daily(5, 30),
        lambda systems, _: pipelines.airport_operations(systems, "EWR"),
        orchestrators.github_actions,
    ),
    FleetPipeline(
        "jfk_departures",
        WAREHOUSE,
        "ops",
        _daily(5, 45),
        lambda systems, _: pipelines.airport_operations(systems, "JFK"),
        orchestrators.gitlab_ci,
    ),
    FleetPipeline(
        "airport_charges",
        FINANCE,
        "finance",
        _daily(6, 10),
        lambda systems, _: pipelines.airport_charges(systems),
        orchestrators.airflow,
        silence=SILENCE,
    ),
    FleetPipeline(
        "reference_data",
        FINANCE,
        "reference",
        _daily(4, 0),
        lambda systems, _: pipelines.reference_data(systems),
        orchestrators.dagster,
        last_endings=("refused", "refused"),
    ),
    FleetPipeline(
        "aircraft_rotations",
        FINANCE,
        "maintenance",
        _daily(7, 20),
        lambda systems, _: pipelines.aircraft_rotations(systems, "B6"),
        orchestrators.prefect,
    ),
    FleetPipeline(
        "fleet_register",
        LAKE,
        "maintenance",
        Schedule((time(3, 0),), weekday=0),
        lambda systems, _: pipelines.fleet_register(systems),
        orchestrators.cron,
    ),
    FleetPipeline(
        "weather",
        LAKE,
        "weather",
        Schedule((time(0, 5), time(12, 5))),
        lambda systems, age: pipelines.weather(systems, with_gusts=age >= GUSTS_AFTER),
        orchestrators.kubernetes,
        silence=KILLED_AGO,
        last_endings=("killed",),
    ),
)
