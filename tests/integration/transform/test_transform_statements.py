"""Every statement of the project is BigQuery's and Snowflake's SQL, also where no server stands for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from meta_pipeline.transform.project import project_folder
from tests.integration.transform.compiled import CompiledModel, compile_models, raw_columns
from tests.integration.transform.google_sql import Columns, GoogleAnalyzer, contract_type
from tests.integration.transform.snowflake_sql import SnowflakeReader, WrongSnowflakeError

pytestmark = pytest.mark.xdist_group("statements")

PAST = ["--vars", '{"as_of": "2026-01-15T12:00:00+00:00"}']

WRONG_FOR_BOTH = {
    "a column that is not there": "select nothing from {loads}",
    "a table that is not there": "select 1 as one from {nowhere}",
    "a cast of DuckDB": "select epoch(inserted_at) as e from {loads}",
    "a filtered aggregate": "select count(*) filter (where status = 0) as n from {loads}",
    "distinct on": "select distinct on (load_id) load_id from {loads}",
    "a time zone of PostgreSQL": "select inserted_at at time zone 'UTC' as t from {loads}",
    "a format of DuckDB": "select strftime(inserted_at, '%Y') as y from {loads}",
    "a comma too many": "select load_id, from {loads} where",
}
WRONG_FOR_BIGQUERY = {
    "a type of PostgreSQL": "select cast(status as double precision) as s from {loads}",
    "a sum of text and number": "select load_id + 1 as s from {loads}",
    "a comparison of text and number": "select 1 as one from {loads} where load_id = 1",
    "several columns in one": "select 1 as one from {loads} where (status, 1) in (select status, 1 from {loads})",
    "a bare union": "select load_id from {loads} union select load_id from {loads}",
    "an ordered-set aggregate": "select percentile_cont(0.5) within group (order by status) as m from {loads}",
}
WRONG_FOR_SNOWFLAKE = {
    "a type of BigQuery": "select cast(status as float64) as s from {loads}",
    "a function of BigQuery": "select unix_micros(inserted_at) as t from {loads}",
    "a macro of DuckDB": "select list_sort([1, 2]) as l from {loads}",
}


Compiled = Callable[[str, str], list[CompiledModel]]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    known: dict[tuple[str, str], list[CompiledModel]] = {}
    folders: dict[str, Path] = {}

    def compile_once(warehouse: str, way: str) -> list[CompiledModel]:
        if (warehouse, way) not in known:
            if warehouse not in folders:
                folders[warehouse] = tmp_path_factory.mktemp(warehouse)
            # with the same variables, dbt remembers what it parsed
            folder = folders[warehouse] / ("past" if way == "past" else "present")
            options = PAST if way == "past" else []
            known[warehouse, way] = compile_models(warehouse, folder, *options, incremental=way == "incremental")
        return known[warehouse, way]

    return compile_once


@pytest.fixture(scope="module")
def google(pytestconfig: pytest.Config) -> GoogleAnalyzer:
    assert pytestconfig.cache
    analyzer = GoogleAnalyzer(Path(str(pytestconfig.cache.mkdir("zetasql"))))
    for name, columns in raw_columns().items():
        analyzer.add_raw_table(f"lab.observability.{name}", columns)
    return analyzer


@pytest.fixture(scope="module")
def google_columns(compiled: Compiled, google: GoogleAnalyzer) -> dict[str, Columns]:
    """Lets the analyzer know all models, built whole, and returns the columns of each."""
    found = {}
    for model in compiled("bigquery", "whole"):
        found[model.name] = google.columns(model.sql)
        google.add_table(f"lab.{model.dataset}.{model.name}", found[model.name])
    return found


@pytest.fixture
def snowflake() -> SnowflakeReader:
    reader = SnowflakeReader()
    for name, columns in raw_columns().items():
        reader.add_table("observability", name, columns)
    return reader


@pytest.mark.parametrize(
    "way", ["whole", *(pytest.param(way, marks=pytest.mark.long) for way in ("incremental", "past"))]
)
def test_bigquery_knows_every_model_and_its_types(
    compiled: Compiled, google: GoogleAnalyzer, google_columns: dict[str, Columns], way: str
) -> None:
    for model in compiled("bigquery", way):
        # an incremental model reads its own table
        columns = google_columns[model.name] if way == "whole" else google.columns(model.sql)
        promised = {name: contract_type(type_) for name, type_ in model.contract.items()}
        assert not promised or columns == promised, model.name
        for hook in model.hooks:
            google.check(hook)


@pytest.mark.parametrize("way", ["whole", "incremental", pytest.param("past", marks=pytest.mark.long)])
def test_snowflake_knows_every_model(compiled: Compiled, snowflake: SnowflakeReader, way: str) -> None:
    for model in compiled("snowflake", "whole"):
        snowflake.add_table(model.dataset, model.name, snowflake.columns(model.sql))
    for model in compiled("snowflake", way):
        columns = snowflake.columns(model.sql)
        assert not model.contract or set(columns) == set(model.contract), model.name
        for hook in model.hooks:
            snowflake.check(hook)


def test_incremental_models_have_their_hooks(compiled: Compiled) -> None:
    files = (project_folder() / "models").rglob("*.sql")
    hooked = {file.stem for file in files if "_hook=" in file.read_text(encoding="utf-8")}
    assert hooked
    for warehouse in ("bigquery", "snowflake"):
        assert {model.name for model in compiled(warehouse, "incremental") if model.hooks} == hooked
        assert not any(model.hooks for model in compiled(warehouse, "whole"))


@pytest.mark.parametrize("sql", [*WRONG_FOR_BOTH.values(), *WRONG_FOR_BIGQUERY.values()])
def test_what_bigquery_would_refuse_is_refused(google: GoogleAnalyzer, sql: str) -> None:
    names = {"loads": "`lab`.`observability`.`loads`", "nowhere": "`lab`.`observability`.`nowhere`"}
    google.columns("select load_id, unix_micros(inserted_at) as t from {loads}".format(**names))
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        google.columns(sql.format(**names))


@pytest.mark.parametrize("sql", [*WRONG_FOR_BOTH.values(), *WRONG_FOR_SNOWFLAKE.values()])
def test_what_snowflake_would_refuse_is_refused(snowflake: SnowflakeReader, sql: str) -> None:
    names = {"loads": "lab.observability.loads", "nowhere": "lab.observability.nowhere"}
    snowflake.columns("select load_id, cast(inserted_at as date) as t from {loads}".format(**names))
    with pytest.raises(WrongSnowflakeError):
        snowflake.columns(sql.format(**names))
