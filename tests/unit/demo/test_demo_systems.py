from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta, timezone

import pytest

from meta_pipeline.demo import flights
from meta_pipeline.demo.schedule import Window, window_until
from meta_pipeline.demo.systems import AirportSystems

NOW = datetime(2026, 3, 6, 12, tzinfo=timezone.utc)
NEW_YORK = timedelta(hours=-5)


@pytest.fixture(scope="module")
def window() -> Window:
    return window_until(NOW)


@pytest.fixture(scope="module")
def systems(window: Window) -> AirportSystems:
    return AirportSystems(window, lambda: NOW)


def test_the_files_are_read_as_they_are() -> None:
    assert flights.read("flights", ("dep_time",)).num_rows == 336776
    assert flights.read("weather")["wind_gust"].null_count > 0
    assert flights.read("airlines").column_names == ["carrier", "name"]


@pytest.mark.parametrize(("airport", "before", "first", "second"), [("EWR", 341, 164, 98), ("JFK", 301, 145, 132)])
def test_the_storm_halves_departures_and_takes_two_thirds(
    systems: AirportSystems, window: Window, airport: str, before: int, first: int, second: int
) -> None:
    departures = systems.departures(airport=airport)
    days = Counter((row["scheduled_at"] + NEW_YORK - window.shift).date() for row in departures)
    assert [days[date(2013, 2, day)] for day in (7, 8, 9)] == [before, first, second]


def test_nothing_is_shown_before_it_has_happened(window: Window) -> None:
    midway = window.first_day + timedelta(days=20)
    systems = AirportSystems(window, lambda: midway)
    assert max(row["departed_at"] for row in systems.departures()) <= midway
    assert max(row["observed_at"] for row in systems.observations()) <= midway


def test_only_what_is_new_is_shown_in_order(systems: AirportSystems) -> None:
    since = NOW - timedelta(days=1)
    times = [row["departed_at"] for row in systems.departures(carrier="B6", since=since)]
    assert times == sorted(times)
    assert times[0] >= since
    assert {row["carrier"] for row in systems.departures(carrier="B6", since=since)} == {"B6"}


def test_observations_are_hourly_at_three_airports(systems: AirportSystems) -> None:
    observations = systems.observations(since=NOW - timedelta(hours=6))
    assert {row["airport"] for row in observations} == {"EWR", "JFK", "LGA"}
    assert len({row["observed_at"] for row in observations}) == 7


def test_only_airports_that_are_flown_to_are_listed(systems: AirportSystems) -> None:
    served = {row["destination"] for row in systems.departures()}
    listed = {row["faa"] for row in systems.airports()}
    assert listed
    assert listed <= served


def test_registers_have_one_record_per_key(systems: AirportSystems) -> None:
    planes = [row["tail_number"] for row in systems.planes()]
    airlines = [row["carrier"] for row in systems.airlines()]
    assert len(planes) == len(set(planes)) == 3322
    assert len(airlines) == len(set(airlines)) == 16


def test_closed_registers_turn_everybody_away(window: Window) -> None:
    systems = AirportSystems(window, lambda: NOW)
    with systems.closed():
        for ask in (systems.planes, systems.airlines, systems.airports):
            with pytest.raises(ConnectionRefusedError, match="the register of"):
                ask()
        assert systems.departures(airport="JFK")
    assert systems.airlines()
