"""Google's own analyzer of GoogleSQL, from the wheel `zetasql`: does BigQuery know each name, and which types come out?

It does not run anything, and does not know what BigQuery's engine refuses to plan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

Columns = Mapping[str, str]

_TYPES = {"string": "STRING", "integer": "INT64", "number": "DOUBLE", "boolean": "BOOL", "timestamp": "TIMESTAMP"}
# How contracts name the analyzer's types; the first three are BigQuery's aliases.
_ALIASES = {"BIGINT": "INT64", "BOOLEAN": "BOOL", "FLOAT64": "DOUBLE"}
_FULL_NAME = re.compile(r"`([\w-]+)`\.`(\w+)`\.`(\w+)`")
_BIGINT = re.compile(r"\bas bigint\b", re.IGNORECASE)


class GoogleAnalyzer:
    """An analyzer that learns tables one by one.

    Args:
        cache: Folder for the analyzer as it was compiled for this machine, which takes many seconds.
    """

    def __init__(self, cache: Path) -> None:
        self._tables: dict[str, Columns] = {}
        self._cache = cache

    def add_table(self, name: str, columns: Columns) -> None:
        """Adds a table, by its full name and the analyzer's types of its columns."""
        self._tables[name] = columns

    def add_raw_table(self, name: str, columns: Columns) -> None:
        """Adds a raw table, whose types are kinds."""
        self.add_table(name, {column: _TYPES[kind] for column, kind in columns.items()})

    def columns(self, sql: str) -> dict[str, str]:
        """Returns the columns of a query with their types.

        Raises:
            Exception: The query is wrong; the text says where.
        """
        statement = self._analyze(sql)
        return {
            column.name: column.column.type.type_kind.name.removeprefix("TYPE_")
            for column in statement.output_column_list
        }

    def check(self, sql: str) -> None:
        """Analyzes a statement that returns nothing."""
        self._analyze(sql)

    def _analyze(self, sql: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            _keep_compiled(self._cache, patch)
            _read_columns_only(patch)
            from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
            from zetasql.types import AnalyzerOptions, TypeKind, ZetaSQLBuiltinFunctionOptions

            catalog = CatalogBuilder("root")
            # Each table is sent anew with each statement.
            for name in {".".join(names) for names in _FULL_NAME.findall(sql)} & self._tables.keys():
                table = TableBuilder(name)
                for column, type_ in self._tables[name].items():
                    table = table.add_column(column, getattr(TypeKind, f"TYPE_{type_}"))
                catalog = catalog.add_table(table.build())
            functions = ZetaSQLBuiltinFunctionOptions(language_options=self._language)
            options = AnalyzerOptions(language_options=self._language)
            analyzer = Analyzer(options, catalog.with_builtin_functions(functions).build())
            return analyzer.analyze_statement(_plain(sql))

    @cached_property
    def _language(self) -> Any:
        """The language, which takes the analyzer a tenth of a second to tell."""
        from zetasql.types import LanguageOptions, ProductMode, ResolvedNodeKind

        with pytest.MonkeyPatch.context() as patch:
            _keep_compiled(self._cache, patch)
            language = LanguageOptions.maximum_features()
        language.product_mode = ProductMode.PRODUCT_EXTERNAL
        language.supported_statement_kinds = [
            ResolvedNodeKind.RESOLVED_QUERY_STMT,
            ResolvedNodeKind.RESOLVED_DELETE_STMT,
        ]
        return language


def contract_type(name: str) -> str:
    """Returns the analyzer's name of a type that a contract names."""
    return _ALIASES.get(name.upper(), name.upper())


def _plain(sql: str) -> str:
    """Writes names as one, as the catalogue has them, and int64 for its alias, which only BigQuery itself knows."""
    return _BIGINT.sub("as int64", _FULL_NAME.sub(r"`\1.\2.\3`", sql))


def _keep_compiled(folder: Path, patch: pytest.MonkeyPatch) -> None:
    import wasmtime
    import zetasql.core.wasm_client

    settings = folder / "wasmtime.toml"
    settings.write_text(f"[cache]\ndirectory = {str(folder / 'compiled')!r}\n")

    def engine(config: wasmtime.Config | None = None) -> wasmtime.Engine:
        config = config or wasmtime.Config()
        config.cache = str(settings)
        return wasmtime.Engine(config)

    patch.setattr(zetasql.core.wasm_client, "Engine", engine)


def _read_columns_only(patch: pytest.MonkeyPatch) -> None:
    """Leaves the tree below a query out of what is read from the analyzer's answer, for nobody looks at it."""
    import zetasql.core.local_service

    read = zetasql.core.local_service.parse_proto

    def read_columns(answer: Any) -> Any:
        if hasattr(answer, "resolved_statement") and answer.resolved_statement.HasField("resolved_query_stmt_node"):
            answer.resolved_statement.resolved_query_stmt_node.ClearField("query")
        return read(answer)

    patch.setattr(zetasql.core.local_service, "parse_proto", read_columns)
