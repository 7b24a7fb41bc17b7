from __future__ import annotations

from collections.abc import Sequence

import pytest

from meta_pipeline.collect.opening import FAMILIES
from meta_pipeline.exceptions import ConfigurationError
from meta_pipeline.init.kinds import KINDS
from meta_pipeline.init.plan import DEFAULT_CRON, Oidc, Plan, make_plan, parse_cron
from meta_pipeline.placeholders import WORDS


def test_every_type_that_can_be_read_can_be_written() -> None:
    assert set(KINDS) == set(FAMILIES)


def test_a_plan_is_what_was_asked_for() -> None:
    plan = make_plan(["pg=postgres", " lake = filesystem "], "snowflake", "5 6 * * 1-5", None)

    assert plan == Plan({"pg": "postgres", "lake": "filesystem"}, "snowflake", "5 6 * * 1-5", None)
    assert plan.extras == ["postgres", "s3", "snowflake"]
    assert [section.name for section in plan.sections] == ["pg", "lake", "observability"]
    assert plan.sections[1].variables[0] == "DESTINATION__LAKE__CREDENTIALS__AWS_ACCESS_KEY_ID"


@pytest.mark.parametrize(
    ("destinations", "home", "cron", "oidc", "words"),
    [
        ([], "duckdb", None, None, "No destination to observe"),
        (["pg"], "duckdb", None, None, "Write its name, an equals sign and its type"),
        (["p-g=postgres"], "duckdb", None, None, "letters, digits and single underscores"),
        (["a__b=postgres"], "duckdb", None, None, "single underscores"),
        (["pg=postgre"], "duckdb", None, None, "Did you mean 'postgres'?"),
        (["pg=oracle"], "duckdb", None, None, "it is one of: athena, bigquery"),
        (["pg=postgres", "pg=duckdb"], "duckdb", None, None, "named twice"),
        (["observability=postgres"], "duckdb", None, None, "the name of the home"),
        (["pg=postgres"], "snowflak", None, None, "Did you mean 'snowflake'?"),
        (["pg=postgres"], "filesystem", None, None, "it is one of: duckdb, postgres, snowflake, bigquery."),
        (["pg=postgres"], "duckdb", "hourly", None, "five fields of cron, in UTC"),
        (["pg=postgres"], "duckdb", "17 * * * mon", None, "five fields of cron, in UTC"),
        (["pg=postgres"], "duckdb", None, "snowflake", "neither a destination nor the home is of that type"),
    ],
)
def test_what_cannot_be_meant_is_told(
    destinations: Sequence[str], home: str, cron: str | None, oidc: Oidc | None, words: str
) -> None:
    with pytest.raises(ConfigurationError) as told:
        make_plan(destinations, home, cron, oidc)

    assert words in str(told.value)


def test_the_default_schedule_is_none_of_the_busy_minutes() -> None:
    assert parse_cron(DEFAULT_CRON).split()[0] not in ("0", "15", "30", "45")


@pytest.mark.parametrize("kind", KINDS)
def test_every_placeholder_is_one_that_check_recognises(kind: str) -> None:
    known = KINDS[kind]
    parts = [known.settings, known.secrets]
    parts += [known.secretless.settings, known.secretless.secrets] if known.secretless else []
    words = {word.split(">")[0] for part in parts for value in part.values() for word in value.split("<")[1:]}

    assert words <= set(WORDS)
    assert any("<" in value for value in {**known.settings, **known.secrets}.values())
