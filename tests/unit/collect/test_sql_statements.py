"""What is sent to Snowflake and BigQuery, read by stricter readers than the servers that stand for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from meta_pipeline.collect import bigquery, snowflake
from meta_pipeline.collect.sql import Branch, Catalogue, Dialect, SqlWarehouse, _queries
from meta_pipeline.collect.warehouse import REQUIRED_COLUMNS, SYSTEM_TABLES, Cost, Dataset, Kind, SystemTable

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
KINDS: tuple[Kind, ...] = ("loads", "versions", "states")
LINKS = ("_dlt_load_id", "_dlt_id", "_dlt_parent_id", "_dlt_root_id")
USER_COLUMNS = [("crm", "orders", LINKS[0]), ("crm", "orders", LINKS[1])]
USER_COLUMNS += [("crm", "orders__items", column) for column in LINKS[1:3]]


class Recorder:
    """A connection that answers nothing and remembers what was sent."""

    destination_type = "recorder"

    def __init__(self, mark: str) -> None:
        self.sent: list[str] = []
        self._mark = mark

    def arrow(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        self.sent.append(sql)
        return iter(())

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        self.sent.append(sql)
        return iter(())

    def quote(self, identifier: str) -> str:
        return f"{self._mark}{identifier}{self._mark}"

    def cost(self) -> Cost:
        return Cost()

    def close(self) -> None:
        pass


def statements(dialect: Dialect, mark: str, spelled: Callable[[str], str], left_out: Sequence[str] = ()) -> list[str]:
    """Returns everything that is asked of tables; of those columns that older versions of dlt lack, some are."""
    connection = Recorder(mark)
    user_columns = [(spelled(dataset), spelled(table), spelled(column)) for dataset, table, column in USER_COLUMNS]
    catalogue = Catalogue("", "", lambda *_: user_columns, is_estimate=False)
    warehouse = SqlWarehouse(connection, catalogue, dialect)
    tables = {
        kind: SystemTable(spelled(SYSTEM_TABLES[kind]), {name: spelled(name) for name in columns_of(kind, left_out)})
        for kind in KINDS
    }
    datasets = [Dataset(name, tables, spelled(name)) for name in ("crm", "erp")]
    for boundaries in ({}, {"crm": NOON, "erp": NOON}):
        for kind in KINDS:
            warehouse.summarize(kind, datasets, boundaries, boundaries)
            warehouse.probe(kind, datasets)
        list(warehouse.loads(datasets, boundaries))
        list(warehouse.states(datasets, boundaries))
    list(warehouse.versions(datasets))
    list(warehouse.contents(datasets, {"crm": ["a'b\\c"], "erp": ["d"]}))
    list(warehouse.load_ids(datasets, {"crm": "1", "erp": "2"}))
    list(warehouse.count_rows(datasets, {"crm": "1", "erp": "2"}))
    return connection.sent


def columns_of(kind: Kind, left_out: Sequence[str]) -> list[str]:
    optional = {"loads": ["schema_version_hash"], "versions": [], "states": ["version_hash", "_dlt_load_id"]}
    return [name for name in (*sorted(REQUIRED_COLUMNS[kind]), *optional[kind]) if name not in left_out]


OLD = ("schema_version_hash", "version_hash", "_dlt_load_id")


def strictly(sql: str) -> exp.Expression:
    (statement,) = sqlglot.parse(sql, read="snowflake", error_level=sqlglot.ErrorLevel.RAISE)
    assert statement is not None
    assert not isinstance(statement, exp.Command)
    assert list(statement.find_all(exp.Anonymous)) == []
    return statement


@pytest.mark.parametrize("left_out", [(), OLD])
def test_snowflake_is_sent_what_a_strict_parser_reads(left_out: Sequence[str]) -> None:
    sent = statements(snowflake.DIALECT, '"', str.upper, left_out)

    for sql in sent:
        names = {table.name for table in strictly(sql).find_all(exp.Table)}
        assert all(name == name.upper() for name in names)
    assert len(sent) > 15


def test_the_catalogue_of_snowflake_is_asked_what_a_strict_parser_reads() -> None:
    catalogue = snowflake.catalogue()

    for question in (catalogue.system_columns, catalogue.statistics, catalogue.user_columns):
        assert strictly(str(question)).find(exp.Table)
    assert sqlglot.parse_one(snowflake.COST, read="snowflake", error_level=sqlglot.ErrorLevel.RAISE).find(exp.Select)


def test_the_strict_parser_refuses_what_is_wrong() -> None:
    with pytest.raises((ParseError, AssertionError)):
        strictly("select no_such_function(1) from t")
    with pytest.raises((ParseError, AssertionError)):
        strictly("select (1 from t")


@pytest.fixture(scope="module")
def analyze() -> Callable[[str], Any]:
    """Returns Google's own analyzer, over the tables that are asked."""
    import wasmtime
    import zetasql.core.wasm_client as wasm
    from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
    from zetasql.types import AnalyzerOptions, LanguageOptions, TypeKind, ZetaSQLBuiltinFunctionOptions

    def cached(config: Any = None) -> Any:
        config = config or wasmtime.Config()
        config.cache = True
        return wasmtime.Engine(config)

    kinds = {"inserted_at": "TIMESTAMP", "created_at": "TIMESTAMP"}
    kinds |= dict.fromkeys(("status", "version", "engine_version", "last_modified_time"), "INT64")
    kinds |= dict.fromkeys(("row_count", "size_bytes", "type"), "INT64")
    tables = {SYSTEM_TABLES[kind]: columns_of(kind, ()) for kind in KINDS}
    tables |= {"orders": LINKS[:2], "orders__items": LINKS[1:3]}
    tables |= {"__TABLES__": ["dataset_id", "table_id", "last_modified_time", "row_count", "size_bytes", "type"]}
    tables |= {"INFORMATION_SCHEMA.COLUMNS": ["table_schema", "table_name", "column_name"]}
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(wasm, "Engine"):
            patch.setattr(wasm, "Engine", cached)
        language = LanguageOptions.maximum_features()
        catalog = CatalogBuilder("root")
        for dataset in ("crm", "erp"):
            for name, columns in tables.items():
                table = TableBuilder(f"{dataset}.{name}")
                for column in columns:
                    table = table.add_column(column, getattr(TypeKind, f"TYPE_{kinds.get(column, 'STRING')}"))
                catalog = catalog.add_table(table.build())
        builtin = ZetaSQLBuiltinFunctionOptions(language_options=language)
        analyzer = Analyzer(AnalyzerOptions(language_options=language), catalog.with_builtin_functions(builtin).build())

    def analyzed(sql: str) -> Any:
        flat = sql
        for dataset in ("crm", "erp"):
            flat = flat.replace(f"`{dataset}`.INFORMATION_SCHEMA.COLUMNS", f"`{dataset}.INFORMATION_SCHEMA.COLUMNS`")
            flat = flat.replace(f"`{dataset}`.`", f"`{dataset}.")
        return analyzer.analyze_statement(flat)

    return analyzed


@pytest.mark.parametrize("left_out", [(), OLD])
def test_bigquery_is_sent_what_googles_analyzer_understands(
    analyze: Callable[[str], Any], left_out: Sequence[str]
) -> None:
    sent = statements(bigquery.DIALECT, "`", str, left_out)

    for sql in sent:
        assert analyze(sql).output_column_list, sql
    assert len(sent) > 15


def test_the_catalogue_of_bigquery_is_asked_what_googles_analyzer_understands(analyze: Callable[[str], Any]) -> None:
    connection = Recorder("`")
    connection.client = None  # type: ignore[attr-defined]
    catalogue: Any = bigquery.BigQueryCatalogue(connection)  # type: ignore[arg-type]
    catalogue._locations = {"crm": "EU"}

    list(catalogue.user_columns(connection.rows, ["crm"]))

    for sql in (catalogue._tables_of("crm"), *connection.sent):
        assert analyze(sql).output_column_list, sql


def test_googles_analyzer_refuses_what_is_wrong(analyze: Callable[[str], Any]) -> None:
    for wrong in ("select cast(load_id as varchar) from `crm`.`_dlt_loads`", "select nothing from `crm`.`_dlt_loads`"):
        with pytest.raises(Exception, match=r"varchar|nothing"):
            analyze(wrong)


@pytest.mark.parametrize("literal", [snowflake.escaped_literal, bigquery.escaped_literal])
def test_a_backslash_ends_no_literal(literal: Callable[[str], str]) -> None:
    assert literal("a\\").endswith("\\\\'")
    assert literal("plain") == "'plain'"


@pytest.mark.parametrize(
    ("physical", "logical"), [("CRM", "crm"), ("_DLT_LOADS", "_dlt_loads"), ("Crm", "Crm"), ("crm", "crm")]
)
def test_names_in_capitals_are_those_that_dlt_gave_in_small_letters(physical: str, logical: str) -> None:
    assert snowflake.logical_name(physical) == logical


def test_queries_are_bounded_in_length_and_keep_to_one_location(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meta_pipeline.collect.sql.MAX_CHARACTERS", 100)
    branches = [
        Branch(Dataset(f"d{number}", location="EU" if number % 2 else "US"), None, "t", "x" * 30)
        for number in range(10)
    ]

    found = list(_queries(branches, max_branches=3))

    assert all(len({branch.dataset.location for branch in together}) == 1 for together in found)
    assert all(sum(len(branch.sql) for branch in together) <= 100 for together in found)
    assert sorted(branch.dataset.name for together in found for branch in together) == [f"d{n}" for n in range(10)]
