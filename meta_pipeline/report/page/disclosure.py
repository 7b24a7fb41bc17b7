"""What a page may show to anybody: which marts, and which of their words are left out.

A page may be public. So what is shown without being asked for is named here, and anything else is not shown: a new mart
is left out until somebody adds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meta_pipeline.file_places import FILE_PLACES

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


# Hints by which dlt loads. All others, annotations and descriptions among them, are somebody's own words.
_HINTS_OF_DLT = (
    *("cluster", "dedup_sort", "file_format", "hard_delete", "incremental", "merge_key", "parent", "parent_key"),
    *("partition", "precision", "primary_key", "resource", "root_key", "row_key", "scale", "schema_contract", "sort"),
    *("table_format", "table_sealed", "timezone", "unique", "variant", "variant_name", "write_disposition"),
)
_HINT_CHANGED = "^(?:column|table) hint changed "
_HINT_TOLD = _HINT_CHANGED + r"(\S+)(?: from | \(| on [-0-9]{10} )"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _beginning(column: str, pattern: str) -> str:
    return f"coalesce(nullif(regexp_extract({column}, '{pattern}'), ''), 'the words are left out here')"


_REASON = f"case when status = 'failing' then {_beginning('reason', _FAILING)} else reason end"
# Places of files are found by paths and URLs; collect gives them these destinations.
_OF_FILES = (
    "alert_type = 'unreachable' and pipeline_id is null "
    "and destination_name in ('dbt_artifacts', 'inbox', 'pipelines_dirs', 'schema_exports')"
)
# Of a place that could not be read the error is told; of a pipeline there, only that it is so.
_SUMMARY = (
    f"case when alert_type = 'failing' then {_beginning('summary', _FAILING)} "
    f"when alert_type = 'unreachable' and pipeline_id is null then {_beginning('summary', _UNREACHABLE)} "
    "else summary end"
)
_ALERT = {
    "summary": _SUMMARY,
    "subject": f"case when {_OF_FILES} then destination_name else subject end",
    "dataset_name": f"case when {_OF_FILES} then null else dataset_name end",
}
_NO_OWN_HINT = (
    f"alert_type <> 'schema_change' or not regexp_matches(summary, '{_HINT_CHANGED}') "
    f"or regexp_extract(summary, '{_HINT_TOLD}', 1) in ({_listed(_HINTS_OF_DLT)})"
)


def _of_time_or_number(column: str) -> str:
    """Returns an expression that leaves out what may be somebody's name or address."""
    return f"case when regexp_full_match({column}, '[-+0-9.:TZ ]*') then {column} end"


# Expressions in DuckDB's SQL that take the place of columns.
_WITHOUT_DETAILS = {
    "alert_history": _ALERT,
    "alerts": _ALERT,
    "destination_coverage": {
        "error": "null",
        "dataset_name": f"case when destination_type in ({_listed(FILE_PLACES)}) then null else dataset_name end",
    },
    "incremental_cursors": {name: _of_time_or_number(name) for name in ("initial_value", "last_value")},
    "lineage_coverage": {"error": "null", "artifact_path": "null"},
    "lineage_gaps": {"reason": "null", "artifact_path": "null"},
    "lineage_nodes": {
        "location": "null",
        "database_name": "null",
        "node_name": "case when node_type = 'location' or (node_type = 'endpoint' and node_name like '%://%') "
        "then 'an address' else node_name end",
    },
    "observed_columns": {"hints": "null", "description": "null"},
    "observed_tables": {"hints": "null", "description": "null"},
    "pipeline_health": {"reason": _REASON},
    "pipeline_health_history": {"reason": _REASON},
    "runs": {"message": "null"},
}
# Marks of governance are hints, and their changes tell them as well.
_ROWS_WITHOUT_DETAILS = {
    "alert_history": _NO_OWN_HINT,
    "alerts": _NO_OWN_HINT,
    "schema_changes": f"hint_name is null or hint_name in ({_listed(_HINTS_OF_DLT)})",
}


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
