"""A small fleet that is played day by day, with clocks that can be set.

| destination | dataset | pipeline | loads |
|---|---|---|---|
| `warehouse`, whose rows are counted | `shop` | `shop` | about 100 rows into `orders` at 06:00, captured |
| `edge` | `billing` | `billing` | at 06:00 |
| | `feed` | `feed` | at 01:00, 07:00, 13:00 and 19:00 |
| `finance` | `ledger`, `payroll` | of the same names | at 05:00 |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dlt
from click.testing import CliRunner

from meta_pipeline.cli import main
from meta_pipeline.demo.clock import Clock, dlt_goes_by
from tests.fixtures.captured_events import write_event
from tests.fixtures.clocks import modules_go_by
from tests.fixtures.observed import ObservedDuckDb
from tests.fixtures.webhook import Webhook

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
DAYS_BEFORE = 28
HOURS = {"shop": (6,), "billing": (6,), "feed": (1, 7, 13, 19), "ledger": (5,), "payroll": (5,)}
FEW_ROWS_ON = 14
PLACES = {"shop": "warehouse", "billing": "edge", "feed": "edge", "ledger": "finance", "payroll": "finance"}


def moment(day: int, hour: int = 12) -> datetime:
    """Returns an hour of a day, of which the first is 1."""
    return START + timedelta(days=day - 1, hours=hour)


@dataclass
class Fleet:
    """The fleet and who watches it.

    Args:
        folder: Holds everything.
        webhook: The only channel.
        heartbeat: What is called after each complete run.
        missing: Loads that do not come, as pipeline, day and hour.
        clock: What time it is.
    """

    folder: Path
    webhook: Webhook
    heartbeat: Webhook
    missing: set[tuple[str, int, int]]
    clock: Clock = field(default_factory=lambda: Clock(START))

    def __post_init__(self) -> None:
        self._hashes: dict[str, str] = {}
        self._waiting: list[tuple[str, datetime, int]] = []
        self.destinations = {name: ObservedDuckDb(self.folder / name) for name in sorted(set(PLACES.values()))}

    def settings(self) -> dict[str, str]:
        """Returns the environment variables that let a folder watch it."""
        variables = {
            "SOURCES__DLT_METADATA__DESTINATIONS": json.dumps(
                [{"name": "warehouse", "row_counts": "scan"}, {"name": "edge"}, {"name": "finance"}]
            ),
            "SOURCES__DLT_METADATA__INBOX": str(self.folder / "inbox"),
            "ALERT__CHANNELS__OPS": self.webhook.url,
            "ALERT__HEARTBEAT_URL": self.heartbeat.url,
            "ALERT__REMIND_AFTER_HOURS": "36",
        }
        for name, destination in self.destinations.items():
            variables |= destination.environment(name)
        return variables

    def begin(self) -> None:
        """Loads what was there before anybody watched: a real run of each pipeline, and its loads since."""
        before = moment(1 - DAYS_BEFORE, 0)
        for name, place in PLACES.items():
            self.clock.set(before)
            with dlt_goes_by(self.clock):
                rows = dlt.resource(
                    [{"number": 1, "note": "x"}], name="orders" if name == "shop" else name, write_disposition="append"
                )
                self.destinations[place].run(name, name, rows)
            (self._hashes[name],) = self.destinations[place].execute(
                f"select version_hash from {name}._dlt_version order by version desc limit 1"
            )[0]
        days = range(1 - DAYS_BEFORE, 1)
        self._commit([load for day in days for load in self._due(day, 0, 24)])

    def load(self, day: int, first_hour: int, hour: int) -> None:
        """Loads what comes on a day within some hours; what is away has it when it is back."""
        self._waiting += self._due(day, first_hour, hour)
        there = [load for load in self._waiting if self.destinations[PLACES[load[0]]].file.exists()]
        self._waiting = [load for load in self._waiting if load not in there]
        self._commit(there)

    def _due(self, day: int, first_hour: int, hour: int) -> list[tuple[str, datetime, int]]:
        rows = 100 + day * 7 % 11
        few = {("shop", FEW_ROWS_ON): 5}
        return [
            (name, moment(day, at) + timedelta(minutes=minute), few.get((name, day), rows))
            # No two make their load package in the same moment, as captured runs are known by it.
            for minute, (name, hours) in enumerate(HOURS.items())
            for at in hours
            if first_hour <= at < hour and (name, day, at) not in self.missing
        ]

    def _commit(self, loads: Sequence[tuple[str, datetime, int]]) -> None:
        statements: dict[str, list[str]] = {}
        for name, at, rows in loads:
            load_id = str(at.timestamp())
            table = f"{name}.{'orders' if name == 'shop' else name}"
            statements.setdefault(PLACES[name], []).extend(
                [
                    f"insert into {table} (number, _dlt_load_id, _dlt_id) "
                    f"select range, '{load_id}', '{load_id}/' || range from range({rows})",
                    f"insert into {name}._dlt_loads (load_id, schema_name, status, inserted_at, schema_version_hash) "
                    f"values ('{load_id}', '{name}', 0, '{(at + timedelta(seconds=30)).isoformat()}', "
                    f"'{self._hashes[name]}')",
                ]
            )
            if name == "shop" and at >= START:
                self.capture("succeeded", at, rows)
        for place, texts in statements.items():
            self.destinations[place].execute(*texts)

    def capture(self, outcome: str, at: datetime, rows: int) -> None:
        """Leaves what the plugin leaves of a run of `shop`."""
        load_id = str(at.timestamp())
        write_event(self.folder / "inbox", outcome, "shop", "shop", load_id)
        (file,) = (self.folder / "inbox").glob(f"*-shop{load_id.replace('.', '')}run-*")
        file.write_text(file.read_text().replace('"items_count": 2', f'"items_count": {rows}'))

    def remove_column(self, at: datetime) -> None:
        """Stores a version of the schema of `shop` without the column `note`."""
        warehouse = self.destinations["warehouse"]
        ((stored,),) = warehouse.execute("select schema from shop._dlt_version order by version desc limit 1")
        schema = dlt.Schema.from_dict(json.loads(stored))
        del schema.tables["orders"]["columns"]["note"]
        changed = schema.to_dict()
        self._hashes["shop"] = changed["version_hash"]
        warehouse.execute(
            "insert into shop._dlt_version (version, engine_version, inserted_at, schema_name, version_hash, schema) "
            f"values ({changed['version']}, {changed['engine_version']}, '{at.isoformat()}', 'shop', "
            f"'{changed['version_hash']}', '{json.dumps(changed)}')"
        )

    def be_away(self, is_away: bool) -> None:
        """Takes the file of `finance` away, or puts it back."""
        there = self.destinations["finance"].file
        away = there.with_suffix(".away")
        (there if is_away else away).rename(away if is_away else there)

    def run(self, now: datetime) -> tuple[int, list[str]]:
        """Runs the command at a time, and returns its exit code and the titles of the messages that it told."""
        told_before = len(self.webhook.told)
        self.clock.set(now)
        result = CliRunner().invoke(main, ["run", "--json"])
        assert "Error:" not in result.stderr, f"{now}: {result.stderr}"
        return result.exit_code, self.webhook.titles[told_before:]


@contextmanager
def all_go_by(clock: Clock) -> Iterator[None]:
    """Lets collect, transform and alert take the time from a clock."""
    import dbt.tracking

    import meta_pipeline.alert.stage
    import meta_pipeline.collect.readings

    modules = (dbt.tracking, meta_pipeline.alert.stage, meta_pipeline.collect.readings)
    with modules_go_by(clock.now, *modules), dlt_goes_by(clock):
        yield
