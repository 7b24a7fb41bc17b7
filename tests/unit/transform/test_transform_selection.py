"""Which models a transform builds, on a small project.

loads ─▶ stg_loads (view) ─▶ loads_mart ─▶ health ─▶ alerts
                             └▶ to_count (news) ─▶ volume ◀─ days ◀─ readings ◀─ coverage (written each time)
runs_raw ─▶ runs ─▶ steps
"""

from __future__ import annotations

import pytest

from meta_pipeline.transform.selection import Model, Project, plan, rest, tables


def of(*models: str, sources: str = "", **marks: bool) -> Model:
    return Model(models=frozenset(models), sources=frozenset(sources.split()), **marks)  # type: ignore[arg-type]


PROJECT = Project(
    models={
        "stg_loads": of(sources="loads", is_view=True),
        "loads_mart": of("stg_loads"),
        "to_count": of("loads_mart", holds_only_news=True),
        "readings": of(sources="coverage", judges_by_moment=True),
        "days": of("readings", keeps_unchanged_rows=True),
        "volume": of("to_count", "days"),
        "runs": of(sources="runs_raw", judges_by_moment=True, keeps_unchanged_rows=True),
        "steps": of("runs"),
        "health": of("loads_mart", "readings", judges_by_moment=True),
        "alerts": of("health", "volume"),
    },
    pulses=frozenset({"coverage"}),
)


def built(changed_sources: set[str], moved: set[str]) -> tuple[list[str], list[str]]:
    made = plan(PROJECT, changed_sources)
    assert moved <= made.asked
    return tables(PROJECT, made.first), tables(PROJECT, rest(PROJECT, made, moved))


def test_as_time_goes_by_only_what_judges_by_it_is_built() -> None:
    assert built(set(), set()) == (["days", "readings", "runs"], ["alerts", "health"])


def test_a_collection_that_found_nothing_builds_no_more() -> None:
    assert built({"coverage"}, set()) == built(set(), set())


def test_what_time_changed_is_followed() -> None:
    assert built(set(), {"runs"}) == (["days", "readings", "runs"], ["alerts", "health", "steps"])


def test_what_is_new_is_looked_up_anew_for_who_reads_it() -> None:
    # volume reads what is new; without a look it would find what was new some time ago
    first, then = built(set(), {"days"})
    assert first == ["days", "readings", "runs"]
    assert then == ["alerts", "health", "to_count", "volume"]


def test_new_rows_are_followed_to_the_end_and_through_views() -> None:
    first, then = built({"loads"}, set())
    assert first == ["days", "readings", "runs"]
    assert then == ["alerts", "health", "loads_mart", "to_count", "volume"]


def test_a_model_with_new_rows_is_not_asked() -> None:
    made = plan(PROJECT, {"runs_raw"})
    assert made.asked == {"days"}
    assert tables(PROJECT, rest(PROJECT, made, set())) == ["alerts", "health", "runs", "steps"]


def test_everything_is_built_where_everything_changed() -> None:
    made = plan(PROJECT, PROJECT.sources)
    assert made.first | rest(PROJECT, made, made.asked) == set(PROJECT.models)


def test_what_was_built_first_comes_again_where_what_it_is_made_of_changed() -> None:
    project = Project(
        models={
            "destinations": of(sources="coverage", keeps_unchanged_rows=True),
            "places": of("destinations"),
            "runs": of("places", judges_by_moment=True, keeps_unchanged_rows=True),
        },
        pulses=frozenset({"coverage"}),
    )
    made = plan(project, {"coverage"})
    assert tables(project, made.first) == ["destinations", "runs"]
    assert tables(project, rest(project, made, set())) == []
    assert tables(project, rest(project, made, {"destinations"})) == ["places", "runs"]


@pytest.mark.parametrize("changed", [set(), {"loads"}, {"coverage"}, {"runs_raw"}, {"loads", "runs_raw"}])
@pytest.mark.parametrize("moved", [set(), {"days"}])
def test_nothing_is_built_before_what_it_is_made_of(changed: set[str], moved: set[str]) -> None:
    made = plan(PROJECT, changed)
    then = rest(PROJECT, made, moved)
    for name in made.first - then:
        assert not PROJECT.models[name].models & then
