"""A strict reader of Snowflake's SQL, as far as a parser can be one: are syntax, functions, types and names right?

Which types go together only Snowflake itself can tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.optimizer.qualify import qualify

# Looked up in Snowflake's reference; sqlglot itself takes any name for a function.
FUNCTIONS = frozenset(
    {
        *(
            "abs",
            "cast",
            "ceil",
            "chr",
            "coalesce",
            "convert_timezone",
            "count",
            "date_part",
            "date_trunc",
            "dateadd",
            "datediff",
            "exp",
            "extract",
            "first_value",
            "floor",
        ),
        *(
            "greatest",
            "lag",
            "lead",
            "least",
            "listagg",
            "ln",
            "lower",
            "max",
            "md5",
            "min",
            "mod",
            "nullif",
            "position",
            "replace",
        ),
        *(
            "dense_rank",
            "length",
            "round",
            "row_number",
            "split_part",
            "sqrt",
            "substring",
            "sum",
            "to_char",
            "try_cast",
        ),
    }
)
_BEFORE_PARENTHESIS = frozenset(
    {
        *("all", "and", "as", "between", "by", "case", "distinct", "else", "exists", "from", "group", "in", "join"),
        *("not", "on", "or", "over", "select", "then", "union", "when", "where", "with"),
    }
)
# As sqlglot writes them for Snowflake; what it does not know it leaves as it is.
_TYPES = frozenset({"BIGINT", "BOOLEAN", "DATE", "DOUBLE", "TIMESTAMPTZ", "VARCHAR"})
_NOT_SNOWFLAKE = {
    exp.Filter: "filter (where ...)",
    exp.AtTimeZone: "at time zone",
    exp.Anonymous: "an unknown function",
    exp.Command: "an unknown statement",
}


class WrongSnowflakeError(Exception):
    """A statement is not Snowflake's SQL."""


class SnowflakeReader:
    """A reader that learns tables one by one."""

    def __init__(self) -> None:
        self._schema: dict[str, dict[str, dict[str, dict[str, str]]]] = {}

    def add_table(self, dataset: str, name: str, columns: Iterable[str]) -> None:
        """Adds a table by its columns."""
        tables = self._schema.setdefault("LAB", {}).setdefault(dataset.upper(), {})
        tables[name.upper()] = {column.upper(): "VARIANT" for column in columns}

    def columns(self, sql: str) -> list[str]:
        """Returns the columns of a query.

        Raises:
            WrongSnowflakeError: It is not Snowflake's SQL, or names what is not there.
        """
        return [name.lower() for name in self._qualified(self._parsed(sql)).named_selects]

    def check(self, sql: str) -> None:
        """Checks a statement that returns nothing."""
        statement = self._parsed(sql)
        for query in [node for node in statement.find_all(exp.Select) if not node.find_ancestor(exp.Select)]:
            self._qualified(query.copy())

    def _parsed(self, sql: str) -> exp.Expression:
        if unknown := _functions(sql) - FUNCTIONS:
            raise WrongSnowflakeError(f"unknown functions: {sorted(unknown)}")
        try:
            statement = sqlglot.parse_one(sql, read="snowflake", error_level=ErrorLevel.RAISE)
        except sqlglot.ParseError as error:
            raise WrongSnowflakeError(str(error)) from error
        for node in statement.walk():
            if words := _NOT_SNOWFLAKE.get(type(node)):
                raise WrongSnowflakeError(f"{words}: {node.sql('snowflake')}")
            if isinstance(node, exp.Distinct) and node.args.get("on"):
                raise WrongSnowflakeError("distinct on")
            if isinstance(node, exp.DataType) and node.sql("snowflake") not in _TYPES:
                raise WrongSnowflakeError(f"unknown type: {node.sql('snowflake')}")
        return statement

    def _qualified(self, query: exp.Expression) -> exp.Query:
        for table in query.find_all(exp.Table):
            if table.db and table.name.upper() not in self._schema["LAB"].get(table.db.upper(), {}):
                raise WrongSnowflakeError(f"unknown table: {table.sql('snowflake')}")
        try:
            return qualify(query, schema=self._schema, dialect="snowflake", validate_qualify_columns=True)  # type: ignore[return-value]
        except sqlglot.errors.SqlglotError as error:
            raise WrongSnowflakeError(str(error)) from error


def _functions(sql: str) -> set[str]:
    """Returns the names of functions as they are written; a parser would know some of them under another name."""
    tokens = sqlglot.tokenize(sql, read="snowflake")
    called = {
        token.text.lower()
        for token, following in pairwise(tokens)
        if following.token_type == sqlglot.TokenType.L_PAREN and token.text.isidentifier()
    }
    return called - _BEFORE_PARENTHESIS
