"""Volume: the copies go through the real transform as loads, and through Elementary's formula as buckets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.detection.elementary import SENSITIVITY, SETTINGS
from benchmarks.detection.faults import CLEAN, FAULTS, SLOW_DECLINE, Copy, copies
from benchmarks.detection.series import Series, real_series
from benchmarks.results import markdown_table
from meta_pipeline.collect.tables import RAW_TABLES
from meta_pipeline.home import Home
from meta_pipeline.transform import transform

OURS = "**meta-pipeline**"
# Kinds of observations, and which of them are made of which series.
DAYS, DAILY_LOADS, HOURLY_LOADS = "days", "daily loads", "hourly loads"
_SERIES_OF = {DAYS: "day", DAILY_LOADS: "day", HOURLY_LOADS: "hour"}
_GRAIN_OF = {DAYS: "day", DAILY_LOADS: "load", HOURLY_LOADS: "load"}
COLUMNS = (CLEAN, *FAULTS, SLOW_DECLINE)
AIMS: Mapping[str, Mapping[str, float]] = {
    DAYS: {CLEAN: 3.5, "outage": 99, "half": 75, "double": 75, "x10": 99},
    HOURLY_LOADS: {CLEAN: 1.5, "outage": 97, "half": 25, "double": 25, "x10": 93},
}

_TYPES = {
    "string": "varchar",
    "int64": "bigint",
    "double": "double",
    "bool": "boolean",
    "timestamp[us, tz=UTC]": "timestamptz",
}

# An hour's rows are loaded five minutes into the next one, a day's at the end of the day itself.
_LOADED = """
    create table loaded as
    select
        *,
        'copy_' || copy as dataset_name,
        case grain when 'hour' then moment + interval 65 minutes else moment + interval 22 hours end as committed_at
    from buckets
"""
_RAW = """
    insert into observability.loads by name
    select 'real' as destination_name, dataset_name, epoch(committed_at) :: varchar as load_id,
        dataset_name as schema_name, 0 as status, committed_at as inserted_at, committed_at as collected_at
    from loaded;

    insert into observability.counted_loads by name
    select 'real' as destination_name, dataset_name, epoch(committed_at) :: varchar as load_id,
        committed_at as counted_at, committed_at as collected_at
    from loaded;

    insert into observability.row_counts by name
    select 'real' as destination_name, dataset_name, epoch(committed_at) :: varchar as load_id, 'events' as table_name,
        rows as row_count, committed_at as counted_at, committed_at as collected_at
    from loaded
    where rows > 0;

    insert into observability.coverage by name
    select dataset_name as coverage_id, 'real' as destination_name, dataset_name, 'complete' as outcome,
        min(committed_at) as since, max(committed_at) + interval 1 day as collected_at, '1' as _dlt_load_id
    from loaded
    group by all;

    insert into observability.collections by name
    select 'real' as destination_name, 'complete' as outcome, max(committed_at) as collected_at, '1' as _dlt_load_id
    from loaded;

    insert into observability._dlt_loads
    select '1', 'dlt_metadata', 0, max(committed_at), null
    from loaded
"""
_FLAGGED = """
    select loaded.copy, loaded.place, scores.direction
    from observability_marts.volume_scores as scores
    inner join loaded
        on loaded.dataset_name = scores.dataset_name
        and (
            case scores.grain when 'load' then loaded.committed_at else date_trunc('day', loaded.committed_at) end
        ) = scores.observed_at
    where scores.grain = ? and scores.is_anomalous
"""

Flags = Mapping[tuple[int, int], str]


@dataclass(frozen=True)
class Rate:
    """How many of the judged observations were flagged.

    Args:
        flagged: Flagged, in the direction of the fault where there is one.
        judged: Judged.
    """

    flagged: int
    judged: int

    @property
    def percent(self) -> float:
        """Returns the share."""
        return 100 * self.flagged / self.judged if self.judged else 0.0


Rates = Mapping[str, Rate]


def measure_volume(folder: Path) -> str:
    """Measures, and returns what came out as Markdown.

    Args:
        folder: For the database of the benchmark; it must be empty.

    Raises:
        TransformError: The models could not be built.
    """
    series = real_series()
    made = copies(series)
    home = Home("duckdb", str(folder / "detection.duckdb"), folder / "work")
    _write(Path(home.database), made)
    transform(home)
    with duckdb.connect(home.database, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        measured = {kind: dict(_methods(connection, made, kind)) for kind in _SERIES_OF}
    return "\n\n".join([_numbers(series), *_tables(series, measured)])


def _write(path: Path, made: Sequence[Copy]) -> None:
    """Writes the copies as a collection would leave them."""
    buckets = pa.table(
        {
            "copy": [copy.number for copy in made for _ in copy.rows],
            "grain": [copy.series.grain for copy in made for _ in copy.rows],
            "place": [place for copy in made for place in range(len(copy.rows))],
            "moment": pa.array(
                [moment for copy in made for moment in copy.series.moments], pa.timestamp("us", tz="UTC")
            ),
            "rows": [rows for copy in made for rows in copy.rows],
        }
    )
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema observability")
        for table in RAW_TABLES:
            columns = ", ".join(f'"{column.name}" {_TYPES[str(column.type)]}' for column in table.columns)
            marked = ", _dlt_load_id varchar" if table.is_marked_with_load else ""
            connection.execute(f'create table observability."{table.name}" ({columns}{marked})')
        connection.execute(
            "create table observability._dlt_loads (load_id varchar, schema_name varchar, status bigint, "
            "inserted_at timestamptz, schema_version_hash varchar)"
        )
        connection.register("made", buckets)
        connection.execute("create table buckets as select * from made")
        connection.execute(_LOADED)
        connection.execute(_RAW)


def _methods(
    connection: duckdb.DuckDBPyConnection, made: Sequence[Copy], kind: str
) -> Iterator[tuple[str, dict[str, Rates]]]:
    grain = _SERIES_OF[kind]
    of_grain = [copy for copy in made if copy.series.grain == grain]
    found = connection.execute(_FLAGGED, [_GRAIN_OF[kind]]).fetchall()
    yield OURS, _rates_by_series(of_grain, {(copy, place): direction for copy, place, direction in found})
    if kind == DAILY_LOADS:
        return
    for setting in SETTINGS:
        if grain in setting.grains:
            found = connection.execute(
                f"select copy, place, case when score < 0 then 'low' else 'high' end from ({setting.query}) "
                "where abs(score) > ?",
                [SENSITIVITY],
            ).fetchall()
            flags = {(copy, place): direction for copy, place, direction in found}
            yield setting.name, _rates_by_series(of_grain, flags)


def _rates_by_series(made: Sequence[Copy], flags: Flags) -> dict[str, Rates]:
    rates: dict[str, dict[str, Rate]] = {}
    for copy in made:
        rates.setdefault(copy.series.name, {})[copy.fault] = rate_of(copy, flags)
    return {name: dict(found) for name, found in rates.items()}


def rate_of(copy: Copy, flags: Flags) -> Rate:
    """Returns how many of the judged observations of a copy were flagged.

    Args:
        copy: The copy.
        flags: Direction of each flagged observation, by copy and place.
    """
    found = [flags.get((copy.number, place)) for place in copy.judged]
    flagged = [direction for direction in found if direction and copy.direction in {"", direction}]
    return Rate(len(flagged), len(found))


def _tables(series: Sequence[Series], measured: Mapping[str, Mapping[str, Mapping[str, Rates]]]) -> Iterator[str]:
    for kind, methods in measured.items():
        yield f"#### {kind.capitalize()}"
        rows = [(name, *_percents(list(by_series.values()))) for name, by_series in methods.items()]
        halves = _halves([one.name for one in series if one.grain == _SERIES_OF[kind]])
        ours = methods[OURS]
        rows += [(f"{OURS}, {half}", *_percents([ours[name] for name in names])) for half, names in halves.items()]
        if kind in AIMS:
            rows.append(("aim", *(_aim(AIMS[kind], column) for column in COLUMNS)))
        yield markdown_table(("", "false alarms", *COLUMNS[1:]), rows)
    yield "#### Each series"
    rows = [
        (name, kind, *_percents([rates])) for kind, methods in measured.items() for name, rates in methods[OURS].items()
    ]
    yield markdown_table(("", "", "false alarms", *COLUMNS[1:]), rows)


def _halves(names: Sequence[str]) -> dict[str, Sequence[str]]:
    return {"every other series": names[::2], "the others": names[1::2]}


def _percents(rates: Sequence[Rates]) -> list[str]:
    sums = [
        Rate(sum(one[column].flagged for one in rates), sum(one[column].judged for one in rates)) for column in COLUMNS
    ]
    return [f"{rate.percent:.1f} %" if rate.judged else "" for rate in sums]


def _aim(aims: Mapping[str, float], column: str) -> str:
    if column not in aims:
        return ""
    return f"{'≤' if column == CLEAN else '≥'} {aims[column]:g} %"


def _numbers(series: Sequence[Series]) -> str:
    counted = {grain: [one for one in series if one.grain == grain] for grain in ("day", "hour")}
    told = [
        f"{len(found)} series by the {grain} with {sum(len(one.rows) for one in found):,} observations"
        for grain, found in counted.items()
    ]
    return f"{' and '.join(told)}."
