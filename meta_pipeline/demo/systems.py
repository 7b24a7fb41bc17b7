"""The systems that the pipelines of the demo load from: they show what has happened by the time on the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from meta_pipeline.demo import flights
from meta_pipeline.demo.schedule import Window

Record = dict[str, Any]

_FLIGHT_COLUMNS = ("time_hour", "minute", "dep_delay", "carrier", "flight", "tailnum", "origin", "dest", "distance")


class AirportSystems:
    """Departures, weather and registers of New York's airports.

    Args:
        window: The days that are replayed.
        now: The clock; nothing later than it is shown.
    """

    def __init__(self, window: Window, now: Callable[[], datetime]) -> None:
        self._window = window
        self._now = now
        self._is_closed = False

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Lets the registers turn everybody away as long as the ``with`` block lasts.

        Yields:
            Nothing.
        """
        self._is_closed = True
        try:
            yield
        finally:
            self._is_closed = False

    def departures(
        self, *, airport: str | None = None, carrier: str | None = None, since: datetime | None = None
    ) -> list[Record]:
        """Lists the flights that have departed; cancelled ones never do.

        Args:
            airport: The only airport wanted.
            carrier: The only airline wanted.
            since: Earliest time of departure.

        Returns:
            The departures in the order of time.
        """
        wanted = self._within("departed_at", since)
        if airport:
            wanted &= pc.field("origin") == airport
        if carrier:
            wanted &= pc.field("carrier") == carrier
        return _records(self._departures.filter(wanted))

    def observations(self, since: datetime | None = None) -> list[Record]:
        """Lists the hourly weather observations.

        Args:
            since: Earliest time of observation.

        Returns:
            The observations in the order of time.
        """
        return _records(self._observations.filter(self._within("observed_at", since)))

    def planes(self) -> list[Record]:
        """Returns the register of aircraft.

        Raises:
            ConnectionRefusedError: It is closed.
        """
        self._require_open("aircraft")
        return _records(flights.read("planes").rename_columns({"tailnum": "tail_number", "year": "year_built"}))

    def airlines(self) -> list[Record]:
        """Returns the airlines by their IATA codes.

        Raises:
            ConnectionRefusedError: The register is closed.
        """
        self._require_open("airlines")
        return _records(flights.read("airlines"))

    def airports(self) -> list[Record]:
        """Returns the airports that are flown to.

        Raises:
            ConnectionRefusedError: The register is closed.
        """
        self._require_open("airports")
        return _records(self._airports)

    def _require_open(self, register: str) -> None:
        if self._is_closed:
            raise ConnectionRefusedError(f"the register of {register} takes no connections")

    @cached_property
    def _airports(self) -> pa.Table:
        return flights.read("airports").filter(pc.field("faa").isin(pc.unique(self._departures["destination"])))

    @cached_property
    def _departures(self) -> pa.Table:
        table = flights.read("flights", _FLIGHT_COLUMNS)
        scheduled_at = _later(table["time_hour"], table["minute"])
        columns = {
            "carrier": table["carrier"],
            "flight_number": table["flight"],
            "tail_number": table["tailnum"],
            "origin": table["origin"],
            "destination": table["dest"],
            "scheduled_at": scheduled_at,
            "departed_at": _later(scheduled_at, table["dep_delay"]),
            "delay_minutes": table["dep_delay"],
            "distance_miles": table["distance"],
        }
        return self._replayed(pa.table(columns), "departed_at")

    @cached_property
    def _observations(self) -> pa.Table:
        table = flights.read("weather").drop_columns(["year", "month", "day", "hour"])
        return self._replayed(table.rename_columns({"origin": "airport", "time_hour": "observed_at"}), "observed_at")

    def _replayed(self, table: pa.Table, time_column: str) -> pa.Table:
        """Moves the times to the present, leaves out other days and puts the rest in order."""
        for index, field in enumerate(table.schema):
            if pa.types.is_timestamp(field.type):
                table = table.set_column(index, field.name, pc.add(table[field.name], pa.scalar(self._window.shift)))
        first, last = pa.scalar(self._window.first_day), pa.scalar(self._window.now)
        within = (pc.field(time_column) >= first) & (pc.field(time_column) <= last)
        return table.filter(within).sort_by(time_column)

    def _within(self, time_column: str, since: datetime | None) -> pc.Expression:
        happened = pc.field(time_column) <= pa.scalar(self._now())
        return happened if since is None else happened & (pc.field(time_column) >= pa.scalar(since))


def _later(times: pa.ChunkedArray, minutes: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.add(times, pc.multiply(minutes, 60).cast(pa.duration("s")))


def _records(table: pa.Table) -> list[Record]:
    records: list[Record] = table.to_pylist()
    return records
