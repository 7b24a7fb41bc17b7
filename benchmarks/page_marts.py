"""Marts of a large fleet, made in a DuckDB file as `transform` leaves them; nothing of anybody is in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from meta_pipeline.home import MARTS_DATASET, MODELS_DATASET

TABLES_PER_PIPELINE = 3
COLUMNS_PER_TABLE = 20
DAYS = 90

# What each kind of row is told of, and then the columns of each mart that a page reads; the others stay null.
_NAMES = """
    create temp table fleet as
    select
        md5('p' || number) as pipeline_id, number, 'warehouse_' || number % 12 as destination_name,
        'team_' || number // 8 as dataset_name, 'pipeline_' || number as pipeline_name,
        ['healthy', 'healthy', 'healthy', 'healthy', 'late', 'failing', 'anomalous', 'new'][1 + number % 8] as status
    from range({pipelines}) as numbers (number);

    create temp table tables as
    select
        fleet.*, pipeline_name || '_table_' || place as table_name, md5(pipeline_name || place) as relation_id, place
    from fleet cross join range({tables}) as places (place);

    create temp table firings as
    select fleet.*, day, '{now}'::timestamptz - to_days({days} - day::integer) + to_seconds(number % 7200) as fired_at
    from fleet cross join range(1, {days} + 1) as days (day)
    where hash(number, day) % 97 > 0;
"""
_ROWS = {
    "pipelines": """select * exclude (number, status), 'postgres' as destination_type, pipeline_name as schema_names,
        'airflow' as orchestrators, '{now}'::timestamptz - to_days({days}) as first_load_at from fleet""",
    "pipeline_health": """select * exclude (number),
        'last load 2 h ago; it loads every day at about 05:33 UTC' as reason,
        '{now}'::timestamptz - to_hours(number % 200) as status_since,
        '{now}'::timestamptz - to_hours(2) as last_load_at,
        86400 as expected_interval_seconds, '{now}'::timestamptz + to_hours(22) as expected_by,
        90 as load_count from fleet""",
    "pipeline_health_history": """select * exclude (number), 'healthy' as previous_status,
        'no load for 10 d' as reason,
        '{now}'::timestamptz - to_hours(number % 2000) as changed_at from fleet""",
    "alerts": """select * exclude (number, status), md5(pipeline_id) as alert_key, 'late' as alert_type,
        'warning' as severity,
        false as is_event, pipeline_name as subject, 'no load for 10 d' as summary,
        '{now}'::timestamptz - to_hours(number % 200) as opened_at, pipeline_id as cause_key
        from fleet where status = 'late'""",
    "loads": """select * exclude (number, status, day, fired_at), epoch(fired_at)::varchar as load_id,
        pipeline_name as schema_name,
        'trace' as attribution, fired_at as committed_at, fired_at as started_at, 60.0 as duration_seconds,
        (hash(number, day) % 90000)::bigint as rows_loaded, md5(pipeline_id || day) as run_id from firings""",
    "runs": """select * exclude (number, status, day, fired_at), md5(pipeline_id || day) as run_id,
        fired_at as started_at,
        fired_at + to_seconds(60) as finished_at, (hash(number, day) % 600)::double / 7 as duration_seconds,
        'airflow' as orchestrator,
        'https://airflow.example.com/dags/' || pipeline_name || '/runs/' || hash(number, day) as run_url,
        case when hash(day, number) % 40 = 0 then 'failed' else 'succeeded' end as outcome,
        (hash(number, day) % 90000)::bigint as rows_loaded from firings""",
    "run_steps": """select pipeline_id, pipeline_name, md5(pipeline_id || day) as run_id, step as step_number,
        ['extract', 'normalize', 'load'][step] as step_name, fired_at as started_at,
        (hash(number, day, step) % 200)::double / 7 as duration_seconds
        from firings cross join range(1, 4) as steps (step)""",
    "table_loads": """select firings.* exclude (number, status, day, fired_at), relation_id, table_name,
        epoch(fired_at)::varchar as load_id,
        firings.pipeline_name as schema_name, (hash(relation_id, day) % 30000)::bigint as row_count,
        'traced' as count_method,
        fired_at as committed_at from firings inner join tables using (pipeline_id)""",
    "table_volume_daily": """select firings.* exclude (pipeline_id, number, status, day, fired_at, pipeline_name),
        relation_id, table_name,
        fired_at::date as load_date, (hash(relation_id, day) % 30000)::bigint as row_count, 1 as load_count
        from firings inner join tables using (pipeline_id)""",
    "volume_scores": """select firings.* exclude (number, status, day, fired_at), relation_id, table_name, grain,
        md5(relation_id || grain) as series_id, day as observation_number,
        case when grain = 'day' then date_trunc('day', fired_at) else fired_at end as observed_at,
        (hash(relation_id, day) % 30000)::bigint as observed_rows, (hash(relation_id, day,
        1) % 30000) / 1.7 as expected_rows,
        (hash(relation_id, day, 2) % 15000) / 1.7 as lower_bound, 15000 + (hash(relation_id, day,
        3) % 30000) / 1.7 as upper_bound,
        0.5 as score, hash(relation_id, day) % 60 = 0 as is_anomalous,
        case when hash(relation_id, day) % 60 = 0 then 'low' end as direction
        from firings inner join tables using (pipeline_id) cross join (values ('day'), ('load')) as grains (grain)""",
    "incremental_cursors": """select * exclude (number, status), 'source' as source_name, 'orders' as resource_name,
        'updated_at' as cursor_path, '2026-11-22T12:00:00+00:00' as last_value,
        '{now}'::timestamptz as last_advanced_at,
        false as is_stuck, false as has_regressed, 0 as loads_since_advance from fleet""",
    "observed_tables": """select * exclude (number, place, status, pipeline_id, pipeline_name),
        pipeline_name as schema_name,
        table_name as resource_name, 'merge' as write_disposition, 100000 as row_count from tables""",
    "observed_columns": """select * exclude (number, place, status, pipeline_id, pipeline_name, position),
        pipeline_name as schema_name, 'column_' || position as column_name, position as ordinal_position,
        'text' as data_type
        from tables cross join range({columns}) as positions (position)""",
    "schema_changes": """select * exclude (number, place, status, position),
        md5(relation_id || position) as change_id,
        pipeline_name as schema_name, '{now}'::timestamptz - to_hours(place * 500 + position) as changed_at,
        'column_added' as change_type, 'column_' || position as column_name, 'text' as new_value
        from tables cross join range(2) as positions (position)""",
    "destination_coverage": """select distinct destination_name, dataset_name, 'postgres' as destination_type,
        'complete' as outcome,
        '{now}'::timestamptz as first_collected_at, '{now}'::timestamptz as last_collected_at from fleet""",
    "lineage_nodes": """select relation_id as node_id, 'table' as node_type, table_name as node_name,
        destination_name,
        dataset_name, table_name from tables
        union all by name
        select md5('r' || relation_id) as node_id, 'resource' as node_type, table_name as node_name, destination_name,
        dataset_name, pipeline_name as schema_name, table_name as resource_name from tables where place = 0
        union all by name
        select md5('m' || number) as node_id, 'model' as node_type, 'model_' || number as node_name,
        'analytics' as dataset_name from fleet""",
    "lineage_edges": """select md5('r' || relation_id) as from_node_id, relation_id as to_node_id,
        'loads' as edge_type,
        'declared' as method, 1.0 as confidence from tables where place = 0
        union all
        select relation_id, md5('m' || number // 5), 'transforms', 'declared', 1.0 from tables where number % 2 = 0
        union all
        select md5('m' || number), md5('m' || number // 3), 'transforms', 'declared', 1.0
        from fleet where number % 7 = 1""",
}


def make_marts(file: Path, contracts: Mapping[str, pa.Schema], pipelines: int, now: datetime) -> dict[str, int]:
    """Makes a home whose marts tell of as many pipelines, loaded daily for 90 days.

    Args:
        file: The file.
        contracts: Columns and types of each mart.
        pipelines: How many.
        now: The moment that the marts show.

    Returns:
        How many rows each mart has.
    """
    given = {
        "pipelines": pipelines,
        "tables": TABLES_PER_PIPELINE,
        "columns": COLUMNS_PER_TABLE,
        "days": DAYS,
        "now": now.isoformat(),
    }
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"set timezone = 'UTC'; create schema {MARTS_DATASET}; create schema {MODELS_DATASET}")
        connection.execute(_NAMES.format(**given))
        for mart, contract in contracts.items():
            connection.register("contract", contract.empty_table())
            connection.execute(f"create table {MARTS_DATASET}.{mart} as from contract")
            if mart in _ROWS:
                rows = _known(_ROWS[mart], contract, given)
                connection.execute(f"insert into {MARTS_DATASET}.{mart} by name {rows}")
        connection.execute(
            f"create table {MODELS_DATASET}.clock as select moment as as_of, false as is_past, "
            f"'' as project_fingerprint, moment as read_up_to, moment as built_at "
            f"from (select '{given['now']}'::timestamptz as moment)"
        )
        connection.execute(
            f"create table {MODELS_DATASET}.stg_observability__collections as "
            f"select '{now.isoformat()}'::timestamptz - to_hours(number::integer) as collected_at "
            "from range(50) as numbers (number)"
        )
        return {
            mart: int(connection.execute(f"select count(*) from {MARTS_DATASET}.{mart}").fetchall()[0][0])
            for mart in contracts
        }


def _known(query: str, contract: pa.Schema, given: Mapping[str, object]) -> str:
    """Returns a query with only the columns that the mart has."""
    names = "|".join(contract.names)
    return f"select columns('^({names})$') from ({query.format(**given)})"
