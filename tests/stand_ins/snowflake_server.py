"""A Snowflake server for tests: fakesnow's, with the gaps filled into which dlt and dbt-snowflake fall.

Runs in an environment of its own, `.venv-snowflake`, for fakesnow wants a newer DuckDB and sqlglot than we do:
``.venv-snowflake/bin/python tests/stand_ins/snowflake_server.py PORT``. It holds everything in memory.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import fakesnow.arrow
import fakesnow.copy_into
import fakesnow.cursor
import fakesnow.info_schema
import fakesnow.server
import fakesnow.transforms
import pyarrow as pa
import snowflake.connector.errors
import sqlglot
import uvicorn
from duckdb import DuckDBPyConnection
from sqlglot import exp

_STAGE_FILE = re.compile(r"'(@[^']+)'")
_MATCH_BY_NAME = re.compile(r"(MATCH_BY_COLUMN_NAME\s*=\s*)'(\w+)'", re.IGNORECASE)
_FILE_FORMAT = re.compile(r"(FILE_FORMAT\s*=\s*\()([^()]*)(\))", re.IGNORECASE)
_FORMAT_COMMA = re.compile(r"(?<=['EeDd])\s*,")
_TEMPORARY = re.compile(
    r"^(\s*(?:/\*.*?\*/\s*)?create\s+(?:or\s+replace\s+)?)temp(?:orary)?\s+(?=(?:table|view)\b[^;]*?__dbt_tmp)",
    re.IGNORECASE | re.DOTALL,
)
_ALTERING = re.compile(
    r"^\s*(?:/\*.*?\*/\s*)?(?:insert\s+into|update|delete\s+from|merge\s+into|copy\s+into|truncate\s+table"
    r"|alter\s+table|create\s+(?:or\s+replace\s+)?table)\s+(?:if\s+(?:not\s+)?exists\s+)?([\w.\"]+)",
    re.IGNORECASE | re.DOTALL,
)
_COLUMN_COMMENTS = re.compile(
    r"^\s*(?:/\*.*?\*/\s*)?alter\s+(?:table|view)\s+(\S+)\s+alter\s+(\"[^\"]+\"\s+comment\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_COLUMN_COMMENT = re.compile(r"(\"[^\"]+\")\s+comment\s+(\$\$.*?\$\$)", re.IGNORECASE | re.DOTALL)
_TABLE_COMMENT = re.compile(r"^\s*(?:/\*.*?\*/\s*)?comment\s+on\s+table\b", re.IGNORECASE | re.DOTALL)
_NEVER = 'to_timestamp(0)::timestamptz AS "LAST_ALTERED"'
_ALTERED = "_fs_global._fs_information_schema._altered"
_JSON_LINES = re.compile(r"\.jsonl(\.gz)?$")

_execute = fakesnow.cursor.FakeSnowflakeCursor.execute
_parse = fakesnow.server.parse_one
_json_response = fakesnow.server.JSONResponse
_create_named_table_as = fakesnow.transforms.create_table_as
_timestamps = fakesnow.arrow.timestamp_to_sf_struct
_parquet_columns = fakesnow.copy_into._get_parquet_column_names


def main() -> None:
    """Serves until it is ended."""
    fakesnow.cursor.FakeSnowflakeCursor.execute = _execute_all
    fakesnow.server.parse_one = lambda sql: _parse(_rewritten(_statements(sql)[-1]))
    fakesnow.transforms.create_table_as = _create_table_as
    fakesnow.copy_into.ReadJSON = _ReadJSONByName
    fakesnow.copy_into._get_parquet_column_names = _file_columns
    _tell_last_altered()
    fakesnow.arrow.timestamp_to_sf_struct = _nullable_timestamps
    fakesnow.server.ServerError = _AnsweredError
    fakesnow.server.JSONResponse = _with_error_data
    uvicorn.run(fakesnow.server.app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


def _execute_all(cursor: Any, command: str, params: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Executes a request that holds several statements: dlt's merge and dbt's delete+insert send them so."""
    bound = params or kwargs.get("binding_params")
    result = None
    try:
        for statement in [command] if bound else _statements(command):
            result = _execute(cursor, _without_comments(cursor, _rewritten(statement)), params, *args, **kwargs)
            _note_altered(cursor, statement)
    except snowflake.connector.errors.Error:
        raise
    except Exception as error:
        # Anything else would be answered with 500, on which the connector tries again for minutes.
        message = f"{type(error).__name__}: {error}"
        raise snowflake.connector.errors.ProgrammingError(msg=message, errno=1003, sqlstate="42000") from error
    return result


def _without_comments(cursor: Any, statement: str) -> str:
    """Gives columns their comments, and returns what is left to do; fakesnow knows no such statement."""
    match = _COLUMN_COMMENTS.match(statement)
    if not match:
        return statement
    for name, text in _COLUMN_COMMENT.findall(match[2]):
        cursor._duck_conn.execute(f"comment on column {match[1]}.{name} is {text}")
    return "select 'Statement executed successfully.' as status"


def _tell_last_altered() -> None:
    """Lets the catalogue tell when a table was altered last: our own discovery asks, and fakesnow answers 1970."""
    view = fakesnow.info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW
    moment = (
        f"(select max(a.altered_at) from {_ALTERED} a where a.catalog_name = tables.database_name "
        'and a.schema_name = tables.schema_name and a.table_name = tables.table_name) AS "LAST_ALTERED"'
    )
    columns = "catalog_name text, schema_name text, table_name text, altered_at timestamptz"
    assert _NEVER in view.template
    fakesnow.info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW = type(view)(view.template.replace(_NEVER, moment))
    fakesnow.server.shared_fs.duck_conn.execute(f"create table {_ALTERED} ({columns})")


def _note_altered(cursor: Any, statement: str) -> None:
    found = _ALTERING.match(statement)
    if not found:
        return
    parts = [part.strip('"') if part.startswith('"') else part.upper() for part in found[1].split(".")]
    names = [cursor._conn.database, cursor._conn.schema, None][: 3 - len(parts)] + parts
    # On a connection of its own: a transaction of DuckDB writes to one database only.
    cursor._duck_conn.cursor().execute(f"insert into {_ALTERED} values (?, ?, ?, now())", names)


def _statements(sql: str) -> list[str]:
    found, start = [], 0
    for token in sqlglot.tokenize(sql, read="snowflake"):
        if token.token_type == sqlglot.TokenType.SEMICOLON:
            found.append(sql[start : token.start])
            start = token.end + 1
    found.append(sql[start:])
    return [statement for statement in found if _has_words(statement)] or [sql]


def _has_words(statement: str) -> bool:
    return bool(sqlglot.tokenize(statement, read="snowflake"))


def _rewritten(sql: str) -> str:
    start = sql.lstrip()[:20].upper()
    if start.startswith("PUT"):
        return _with_plain_stage(sql)
    if start.startswith("COPY"):
        return _with_plain_options(_with_plain_stage(sql))
    if _TABLE_COMMENT.match(sql):
        # fakesnow notes it in a table of its own, without minding quotes.
        return sql.replace("'", "''")
    # dbt makes its `__dbt_tmp` relations temporary and names them in full, which DuckDB refuses; dbt drops them itself.
    return _TEMPORARY.sub(r"\1", sql)


def _with_plain_stage(sql: str) -> str:
    """Takes the quotes from the folders of a stage, as dlt's PUT and COPY have them: ``'@"s"."%t"/"123"/file'``."""

    def plain(match: re.Match[str]) -> str:
        stage, *folders = match.group(1).split("/")
        return "/".join([stage, *(folder.strip('"') for folder in folders)])

    return _STAGE_FILE.sub(plain, sql)


def _with_plain_options(sql: str) -> str:
    """Writes the options of dlt's COPY as fakesnow's parser wants them: unquoted, and without commas."""
    sql = _MATCH_BY_NAME.sub(r"\1\2", sql)
    return _FILE_FORMAT.sub(lambda match: match[1] + _FORMAT_COMMA.sub(" ", match[2]) + match[3], sql)


def _create_table_as(expression: exp.Expression, connection: DuckDBPyConnection) -> exp.Expression:
    """Names the columns of ``select *``, as dbt has it over a clustered table; fakesnow asks for them in no dialect."""
    query = expression.expression.unnest() if isinstance(expression, exp.Create) and expression.expression else None
    if isinstance(query, exp.Select) and query.is_star and isinstance(expression.this, exp.Schema):
        columns = connection.execute(f"DESCRIBE {query.sql(dialect='duckdb')}").fetchall()
        query.set("expressions", [exp.column(exp.to_identifier(name, quoted=True)) for name, *_ in columns])
    return _create_named_table_as(expression, connection)


class _ReadJSONByName(fakesnow.copy_into.ReadParquet):
    """Reads JSON lines by column name, as dlt's COPY asks for; fakesnow does that for Parquet only."""

    def read_expression(self, url: str) -> exp.Expression:
        whole_file = self.make_eq("sample_size", -1)
        return exp.func("read_json", self.file_literal(url), self.make_eq("format", "newline_delimited"), whole_file)


def _file_columns(url: str, connection: DuckDBPyConnection) -> list[str]:
    if not _JSON_LINES.search(url):
        return _parquet_columns(url, connection)
    source = _ReadJSONByName().read_expression(url).sql(dialect="duckdb")
    return [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]


def _nullable_timestamps(times: pa.Array | pa.ChunkedArray) -> pa.StructArray:
    """Sends a null as null; fakesnow sends 1970."""
    sent = _timestamps(times)
    mask = pa.array(times.is_null().to_pylist(), pa.bool_())
    arrays = [sent.field(index) for index in range(sent.type.num_fields)]
    return pa.StructArray.from_arrays(arrays, fields=list(sent.type), mask=mask)


class _AnsweredError(fakesnow.server.ServerError):
    """An error of the server, answered as a failed statement rather than as 500; see `_execute_all`."""

    def __init__(self, status_code: int, code: str, message: str) -> None:
        super().__init__(200 if status_code == 500 else status_code, code, message)


def _with_error_data(content: Any, **kwargs: Any) -> Any:
    """Adds what the connector reads from each failure, and what fakesnow leaves out of some."""
    if isinstance(content, dict) and not content.get("success") and not content.get("data"):
        content = {**content, "data": {"errorCode": content.get("code"), "sqlState": "42000"}}
    return _json_response(content, **kwargs)


if __name__ == "__main__":
    main()
