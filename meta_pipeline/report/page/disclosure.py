"""What a page may show to anybody: which marts, and which of their words are left out.

A page may be public. So what is shown without being asked for is named here, and anything else is not shown: a new mart
is left out until somebody adds it.
"""

from __future__ import annotations

from collections.abc import Sequence

PUBLIC_MARTS = frozenset(
    {
        "alert_history",
        "alerts",
        "column_lineage",
        "destination_coverage",
        "incremental_cursors",
        "lineage_coverage",
        "lineage_edges",
        "lineage_gaps",
        "lineage_nodes",
        "loads",
        "observed_columns",
        "observed_tables",
        "orphaned_loads",
        "pipeline_health",
        "pipeline_health_history",
        "pipelines",
        "run_steps",
        "runs",
        "schema_changes",
        "table_loads",
        "table_volume_daily",
        "volume_anomalies",
        "volume_scores",
    }
)

# What the models write before the words of an exception begins so; whatever else stands there is left out too.
_FAILING = (
    r"^its last (?:run, on [-0-9]+ [0-9:]+ UTC, failed|[0-9,]+ runs?, since [-0-9]+ [0-9:]+ UTC, failed, the last one)"
    r"(?: in (?:extract|normalize|load|run|sync)\b)?"
)
_UNREACHABLE = (
    r"^(?:could be read in part only|is not there any more|could not be read \([a-z_]+\)) since [-0-9]+ [0-9:]+ UTC"
)


def _beginning(column: str, pattern: str) -> str:
    return f"coalesce(nullif(regexp_extract({column}, '{pattern}'), ''), 'the words are left out here')"


_REASON = f"case when status = 'failing' then {_beginning('reason', _FAILING)} else reason end"
# Of a place that could not be read the error is told; of a pipeline there, only that it is so.
_SUMMARY = (
    f"case when alert_type = 'failing' then {_beginning('summary', _FAILING)} "
    f"when alert_type = 'unreachable' and pipeline_id is null then {_beginning('summary', _UNREACHABLE)} "
    "else summary end"
)

# Expressions in DuckDB's SQL that take the place of columns.
_WITHOUT_DETAILS = {
    "alert_history": {"summary": _SUMMARY},
    "alerts": {"summary": _SUMMARY},
    "destination_coverage": {
        "error": "null",
        # The places of files are paths and URLs.
        "dataset_name": "case when destination_type in ('inbox', 'working_folder', 'schema_export') then null "
        "else dataset_name end",
    },
    "lineage_coverage": {"error": "null", "artifact_path": "null"},
    "lineage_gaps": {"reason": "null", "artifact_path": "null"},
    "lineage_nodes": {"location": "null"},
    "observed_columns": {"hints": "null"},
    "observed_tables": {"hints": "null"},
    "pipeline_health": {"reason": _REASON},
    "pipeline_health_history": {"reason": _REASON},
    "runs": {"message": "null"},
}
# Marks of governance are hints, and their changes tell them as well.
_ROWS_WITHOUT_DETAILS = {"schema_changes": "hint_name is null or hint_name not like 'x-%'"}


def is_shown(mart: str, *, with_details: bool) -> bool:
    """Tells whether a mart is part of a page.

    Args:
        mart: The mart.
        with_details: Whether governance and the words of errors are shown too.
    """
    return with_details or mart in PUBLIC_MARTS


def shown_rows(relation: str, mart: str, columns: Sequence[str], *, with_details: bool) -> str:
    """Returns the query, in DuckDB's SQL, of what a page shows of a mart.

    Args:
        relation: Where its rows are.
        mart: The mart.
        columns: Its columns.
        with_details: Whether the words of errors are shown too.
    """
    replaced = {} if with_details else _WITHOUT_DETAILS.get(mart, {})
    condition = "true" if with_details else _ROWS_WITHOUT_DETAILS.get(mart, "true")
    listed = [f'cast({replaced[name]} as varchar) as "{name}"' if name in replaced else f'"{name}"' for name in columns]
    return f"select {', '.join(listed)} from {relation} where {condition}"
