from datetime import datetime, timedelta, timezone

import pytest
from dlt.common.versioned_state import decompress_state
from dlt.pipeline.state_sync import generate_pipeline_state_version_hash, migrate_state_to_current

from benchmarks.captured import write_captured_runs
from benchmarks.fleet import Shape, dataset
from meta_pipeline.collect.runs import Refusal, parse_event

ENDS_AT = datetime(2026, 3, 1, tzinfo=timezone.utc)
SHAPE = Shape("fleet", datasets=2, loads=50, versions=4, states=5, tables=4)


@pytest.fixture(scope="module")
def made():
    return dataset(SHAPE, 0, ENDS_AT)


@pytest.fixture(scope="module")
def loads(made):
    return list(made.load_rows())


def test_loads_are_one_an_hour_up_to_the_end(loads):
    assert len({load_id for load_id, *_ in loads}) == SHAPE.loads
    assert ENDS_AT - timedelta(hours=1) < loads[-1][3] < ENDS_AT


def test_a_load_is_committed_after_it_was_created(loads):
    assert all(float(load_id) < inserted_at.timestamp() for load_id, _, _, inserted_at, _ in loads)


def test_each_version_is_stored_by_the_first_load_that_uses_it(made, loads):
    first = {}
    for _, _, _, inserted_at, version_hash in loads:
        first.setdefault(version_hash, inserted_at)
    stored = {row[4]: row[2] for row in made.version_rows(loads)}
    assert stored == {version_hash: moment - timedelta(seconds=1) for version_hash, moment in first.items()}


def test_states_are_ones_that_dlt_restores(made, loads):
    for row in made.state_rows(loads):
        state = migrate_state_to_current(made.pipeline_name, decompress_state(row[3]))
        assert generate_pipeline_state_version_hash(state) == row[5]
        assert state["schema_names"] == [made.name]


def test_states_were_carried_by_loads_and_their_cursors_advance(made, loads):
    rows = list(made.state_rows(loads))
    assert {row[6] for row in rows} <= {load_id for load_id, *_ in loads}
    values = [
        decompress_state(row[3])["sources"][made.name]["resources"]["resource_0"]["incremental"]["updated_at"]
        for row in rows
    ]
    assert [value["last_value"] for value in values] == sorted(value["last_value"] for value in values)
    assert len({row[7] for row in rows}) == SHAPE.states


def test_a_fleet_of_tenants_has_one_schema():
    shape = Shape("tenants", datasets=2, loads=3, versions=1, states=1, tables=4, shared_schema=True)
    first, second = (dataset(shape, index, ENDS_AT) for index in range(2))
    assert first.name != second.name
    assert first.versions == second.versions


def test_a_fleet_of_teams_has_a_schema_each(made):
    other = dataset(SHAPE, 1, ENDS_AT)
    assert {version.version_hash for version in made.versions}.isdisjoint(
        version.version_hash for version in other.versions
    )


def test_captured_runs_are_of_their_pipelines_and_loads(tmp_path, made, loads):
    write_captured_runs(tmp_path, [(made.name, load[0]) for load in loads[-2:]])

    found = {}
    for file in sorted(tmp_path.iterdir()):
        event = parse_event(file.read_bytes())
        assert not isinstance(event, Refusal)
        found[file.name] = event
    assert [event["event"] for event in found.values()] == ["start", "end"] * 2
    assert {event["trace"]["pipeline_name"] for event in found.values()} == {made.name}
    assert len({event["trace"]["transaction_id"] for event in found.values()}) == 2
    for name, event in found.items():
        captured_at = datetime.fromisoformat(event["captured_at"])
        assert name.startswith(f"{captured_at:%Y%m%dT%H%M%S.%fZ}-{event['trace']['transaction_id']}-run-")
    last = event["trace"]
    assert {load_id for step in last["steps"] for load_id in step["load_ids"]} == {loads[-1][0]}
    assert abs(datetime.fromisoformat(last["started_at"]).timestamp() - float(loads[-1][0])) < 1
