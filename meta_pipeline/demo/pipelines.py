"""What the teams of the demo wrote: ordinary dlt sources, unaware of meta-pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import cast

import dlt
from dlt.common.schema.typing import TColumnSchema
from dlt.extract import DltResource

from meta_pipeline.demo.systems import AirportSystems, Record

# By its tail number, an aircraft's owner stands in a public register.
_PERSONAL = cast(TColumnSchema, {"x-annotation-pii": True})


@dlt.source(name="ops")
def airport_operations(systems: AirportSystems, airport: str) -> DltResource:
    """Departures from one airport; the teams of several airports load it into one dataset.

    Args:
        systems: The airports' systems.
        airport: Code of the team's airport.

    Returns:
        The resource ``departures``.
    """

    @dlt.resource(write_disposition="append")
    def departures(
        departed_at: dlt.sources.incremental[datetime] = dlt.sources.incremental("departed_at"),  # noqa: B008
    ) -> Iterator[list[Record]]:
        yield systems.departures(airport=airport, since=departed_at.last_value)

    return departures


@dlt.source
def airport_charges(systems: AirportSystems) -> DltResource:
    """Departures that airlines are charged for.

    Args:
        systems: The airports' systems.

    Returns:
        The resource ``chargeable_departures``.
    """

    @dlt.resource(write_disposition="append")
    def chargeable_departures(
        departed_at: dlt.sources.incremental[datetime] = dlt.sources.incremental("departed_at"),  # noqa: B008
    ) -> Iterator[list[Record]]:
        columns = ("departed_at", "origin", "carrier", "flight_number", "distance_miles")
        rows = systems.departures(since=departed_at.last_value)
        yield [{column: row[column] for column in columns} for row in rows]

    return chargeable_departures


@dlt.source
def reference_data(systems: AirportSystems) -> tuple[DltResource, DltResource]:
    """Airlines and airports, kept up to date by their codes.

    Args:
        systems: The airports' systems.

    Returns:
        The resources ``airlines`` and ``airports``.
    """

    @dlt.resource(write_disposition="merge", primary_key="carrier")
    def airlines() -> Iterator[list[Record]]:
        yield systems.airlines()

    @dlt.resource(write_disposition="merge", primary_key="faa")
    def airports() -> Iterator[list[Record]]:
        yield systems.airports()

    return airlines, airports


@dlt.source
def fleet_register(systems: AirportSystems) -> DltResource:
    """The register of aircraft, loaded anew each time.

    Args:
        systems: The airports' systems.

    Returns:
        The resource ``planes``.
    """

    @dlt.resource(write_disposition="replace")
    def planes() -> Iterator[list[Record]]:
        yield systems.planes()

    return planes


@dlt.source
def aircraft_rotations(systems: AirportSystems, carrier: str) -> DltResource:
    """The legs that each of an airline's aircraft has flown since the last load, nested in the aircraft.

    Args:
        systems: The airports' systems.
        carrier: Code of the airline.

    Returns:
        The resource ``rotations``.
    """

    @dlt.resource(write_disposition="append", columns={"tail_number": _PERSONAL})
    def rotations(
        last_departed_at: dlt.sources.incremental[datetime] = dlt.sources.incremental(  # noqa: B008
            "last_departed_at", range_start="open"
        ),
    ) -> Iterator[Record]:
        loaded_until = last_departed_at.last_value
        legs = systems.departures(carrier=carrier, since=loaded_until)
        legs = sorted(
            (leg for leg in legs if loaded_until is None or leg["departed_at"] > loaded_until),
            key=lambda leg: (leg["tail_number"], leg["departed_at"]),
        )
        for tail_number, flown in groupby(legs, key=lambda leg: leg["tail_number"]):
            yield _rotation(tail_number, list(flown))

    return rotations


def _rotation(tail_number: str, legs: list[Record]) -> Record:
    columns = ("departed_at", "flight_number", "origin", "destination", "distance_miles")
    return {
        "tail_number": tail_number,
        "last_departed_at": legs[-1]["departed_at"],
        "legs": [{column: leg[column] for column in columns} for leg in legs],
    }


@dlt.source
def weather(systems: AirportSystems, with_gusts: bool) -> DltResource:
    """Hourly weather at the airports.

    Args:
        systems: The airports' systems.
        with_gusts: Whether gusts of wind are loaded, which the team's first release did not do.

    Returns:
        The resource ``observations``.
    """

    @dlt.resource(write_disposition="append")
    def observations(
        observed_at: dlt.sources.incremental[datetime] = dlt.sources.incremental("observed_at"),  # noqa: B008
    ) -> Iterator[list[Record]]:
        rows = systems.observations(since=observed_at.last_value)
        yield rows if with_gusts else [{key: row[key] for key in row if key != "wind_gust"} for row in rows]

    return observations
