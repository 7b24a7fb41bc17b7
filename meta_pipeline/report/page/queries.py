"""The queries, in DuckDB's SQL, that make what the page shows of the marts; times are in seconds since 1970."""

from __future__ import annotations

from meta_pipeline.report.page.extract import DAYS

RUNS_PER_PIPELINE = 100
LOADS_PER_TABLE = 60
NEWEST_CHANGES = 5_000


def _rounded(column: str) -> str:
    """Returns an expression with three digits: a chart shows no more, and each costs a tenth of the page."""
    return f"case when {column} = 0 then 0 else round({column}, 2 - floor(log10(abs({column})))::integer) end"


PREPARE = f"""
    create temp table days as
    select number as day_number, ?::date + number::integer - {DAYS - 1} as day from range({DAYS}) as numbers (number);

    -- a load that may have been of several pipelines is shown at each of them, as their health counts it
    create temp table pipeline_loads as
    select pipeline_id, * exclude (pipeline_id) from loads where pipeline_id is not null
    union all
    select pipelines.pipeline_id, loads.* exclude (pipeline_id)
    from loads
    inner join pipelines
        on pipelines.destination_name = loads.destination_name
        and pipelines.dataset_name = loads.dataset_name
        and list_contains(string_split(loads.pipeline_candidates, ', '), pipelines.pipeline_name)
    where loads.pipeline_id is null;

    create temp table shown_pipelines as
    select row_number() over (order by pipeline_id) - 1 as number, *
    from (select pipeline_health.*, pipelines.destination_type, pipelines.orchestrators, pipelines.first_load_at
        from pipeline_health left join pipelines using (pipeline_id));

    create temp table pipeline_tables as
    select pipeline_id, relation_id from table_loads where pipeline_id is not null
    union
    select pipelines.pipeline_id, observed_tables.relation_id
    from observed_tables
    inner join pipelines
        on pipelines.destination_name = observed_tables.destination_name
        and pipelines.dataset_name = observed_tables.dataset_name
        and list_contains(string_split(pipelines.schema_names, ', '), observed_tables.schema_name);

    create temp table shown_nodes as
    select row_number() over (order by node_id) - 1 as number, * from lineage_nodes;
"""
PIPELINES = """
    with loaded as (
        select pipeline_id, committed_at::date as day, count(*) as load_count, sum(rows_loaded)::bigint as row_count
        from pipeline_loads group by all
    ),
    failed as (
        select pipeline_id, started_at::date as day, count(*) as failure_count
        from runs where outcome in ('failed', 'interrupted', 'unfinished', 'with_failed_jobs') group by all
    ),
    daily as (
        select
            shown_pipelines.pipeline_id,
            list(coalesce(loaded.load_count, 0) order by day_number) as loads,
            list(row_count order by day_number) as rows,
            list(coalesce(failure_count, 0) order by day_number) as failures
        from shown_pipelines
        cross join days
        left join loaded using (pipeline_id, day)
        left join failed using (pipeline_id, day)
        group by 1
    ),
    last_runs as (
        select * from runs where pipeline_id is not null
        qualify row_number() over (partition by pipeline_id order by started_at desc, run_id) = 1
    )
    select
        shown.pipeline_id as id, shown.pipeline_name as name, shown.destination_name as destination,
        shown.destination_type as "destinationType", shown.dataset_name as dataset, shown.schema_names as schemas,
        shown.status, shown.reason, epoch(shown.status_since)::bigint as since,
        epoch(shown.first_load_at)::bigint as "firstLoad", epoch(shown.last_load_at)::bigint as "lastLoad",
        epoch(shown.expected_by)::bigint as "expectedBy", shown.expected_interval_seconds::bigint as "interval",
        shown.load_count as "loadCount",
        shown.orchestrators, last_runs.orchestrator as "lastOrchestrator", last_runs.run_url as "lastUrl",
        epoch(last_runs.started_at)::bigint as "lastRun", last_runs.outcome as "lastOutcome",
        daily.loads, daily.rows, daily.failures
    from shown_pipelines as shown
    left join daily using (pipeline_id)
    left join last_runs using (pipeline_id)
    order by shown.number
"""
STATUS_CHANGES = """
    select
        pipeline_id as pipeline, pipeline_name as name, previous_status as "from", status as "to", reason,
        epoch(changed_at)::bigint as at
    from pipeline_health_history
    where changed_at > ?::timestamptz - interval 24 hours and previous_status is not null and status <> previous_status
    order by changed_at desc
"""
COUNTS = """
    select
        (select count(*) from schema_changes where changed_at > moment - interval 24 hours) as changes,
        (select count(*) from alerts where opened_at > moment - interval 24 hours) as opened,
        (select count(*) from alert_history where resolved_at > moment - interval 24 hours) as resolved,
        (select count(*) from shown_pipelines where first_load_at > moment - interval 24 hours) as pipelines,
        (select count(*) from loads where committed_at > moment - interval 24 hours) as loads,
        (select sum(rows_loaded)::bigint from loads where committed_at > moment - interval 24 hours) as rows
    from (select ?::timestamptz as moment)
"""
ALERTS = """
    select
        alert_type as type, severity, subject, summary, pipeline_id as pipeline, pipeline_name as name,
        destination_name as destination, dataset_name as dataset, epoch(opened_at)::bigint as opened, run_url as url,
        is_event as "isEvent"
    from alerts
    order by case severity when 'critical' then 0 when 'warning' then 1 else 2 end, opened_at desc, subject
"""
COVERAGE = """
    select
        destination_name as destination, destination_type as type, dataset_name as dataset, outcome, error,
        epoch(first_collected_at)::bigint as since, epoch(last_collected_at)::bigint as "lastAt"
    from destination_coverage
    where outcome not in ('excluded', 'dev_mode')
    order by outcome = 'complete', destination_name, dataset_name
"""
CHANGES = f"""
    select
        epoch(changed_at)::bigint as at, change_type as type, destination_name as destination, dataset_name as dataset,
        schema_name as schema, table_name as "table", column_name as "column", hint_name as hint, old_value as old,
        new_value as new, pipeline_id as pipeline, pipeline_name as name
    from schema_changes
    order by changed_at desc, destination_name, dataset_name, schema_name, change_id
    limit {NEWEST_CHANGES}
"""
NODES = """
    with of_pipelines as (
        select relation_id as node_id, list(distinct shown_pipelines.number) as numbers
        from pipeline_tables inner join shown_pipelines using (pipeline_id) group by 1
        union all
        select node_id, list(distinct shown_pipelines.number)
        from lineage_nodes as nodes
        inner join shown_pipelines
            on shown_pipelines.destination_name = nodes.destination_name
            and shown_pipelines.dataset_name = nodes.dataset_name
            and list_contains(string_split(shown_pipelines.schema_names, ', '), nodes.schema_name)
        where nodes.node_type = 'resource'
        group by 1
    ),
    named_columns as (
        select relation_id as node_id, lower(column_name) as column_name, min(ordinal_position) as position
        from observed_columns group by all
        union all
        select from_node_id, from_column, null from column_lineage
        union all
        select to_node_id, to_column, null from column_lineage where to_column <> '*'
    ),
    columns as (
        select node_id, list(column_name order by position nulls last, column_name) as names
        from (select node_id, column_name, min(position) as position from named_columns group by all)
        group by 1
    )
    select
        nodes.number, nodes.node_id as id, nodes.node_type as type, nodes.node_name as name,
        nodes.destination_name as destination, nodes.dataset_name as dataset,
        nodes.project_name as project, nodes.materialization, of_pipelines.numbers as pipelines,
        columns.names as columns
    from shown_nodes as nodes
    left join of_pipelines using (node_id)
    left join columns using (node_id)
    order by 1
"""
EDGES = """
    select sources.number as "from", targets.number as "to", edge_type as type, method, confidence
    from lineage_edges
    inner join shown_nodes as sources on sources.node_id = from_node_id
    inner join shown_nodes as targets on targets.node_id = to_node_id
    order by 1, 2
"""
COLUMN_EDGES = """
    select
        sources.number as "from", lower(from_column) as "fromColumn", targets.number as "to",
        lower(to_column) as "toColumn", transformation, is_masked as "isMasked"
    from column_lineage
    inner join shown_nodes as sources on sources.node_id = from_node_id
    inner join shown_nodes as targets on targets.node_id = to_node_id
    order by 1, 2, 3, 4
"""
# A load whose run was not captured stands for it.
RUNS = f"""
    with steps as (
        select
            run_id,
            sum(duration_seconds) filter (where step_name = 'extract') as extract,
            sum(duration_seconds) filter (where step_name = 'normalize') as normalize,
            sum(duration_seconds) filter (where step_name = 'load') as load
        from run_steps group by 1
    ),
    told as (
        select
            pipeline_id, started_at as moment, duration_seconds, outcome, rows_loaded, orchestrator, run_url,
            failed_step, exception_type, message, extract, normalize, load
        from runs left join steps using (run_id)
        union all by name
        select pipeline_id, committed_at as moment, duration_seconds, 'loaded' as outcome, rows_loaded
        from pipeline_loads where run_id is null
    )
    select
        number, epoch(moment)::bigint as at, round(duration_seconds, 1) as seconds, outcome, rows_loaded as rows,
        orchestrator, run_url as url, failed_step as step, exception_type as exception, message,
        round(extract, 1) as extract, round(normalize, 1) as normalize, round(load, 1) as load
    from told inner join shown_pipelines using (pipeline_id)
    qualify row_number() over (partition by pipeline_id order by moment desc) <= {RUNS_PER_PIPELINE}
    order by number, moment desc
"""
TABLES = """
    with widths as (select relation_id, count(*) as column_count from observed_columns group by 1),
    named as (
        select relation_id, any_value(table_name) as table_name from (
            select relation_id, table_name from table_loads
            union all
            select relation_id, table_name from observed_tables
        ) group by 1
    ),
    observed as (
        select relation_id, any_value(write_disposition) as write_disposition, any_value(parent_table) as parent_table,
            max(row_count) as row_count
        from observed_tables group by 1
    )
    select
        shown_pipelines.number, relation_id as id, named.table_name as name, write_disposition as disposition,
        parent_table as parent, row_count as "rowCount", column_count as "columnCount"
    from pipeline_tables
    inner join shown_pipelines using (pipeline_id)
    inner join named using (relation_id)
    left join observed using (relation_id)
    left join widths using (relation_id)
    order by shown_pipelines.number, parent_table is not null, named.table_name
"""
VOLUME = f"""
    with first_day as (select min(day) as day from days),
    scored as (
        select
            relation_id, observed_at::date as load_date, observed_rows, expected_rows, lower_bound, upper_bound,
            direction
        from volume_scores where grain = 'day'
    ),
    daily as (
        select
            relation_id, coalesce(volume.load_date, scored.load_date) as load_date,
            coalesce(volume.row_count, scored.observed_rows) as row_count,
            expected_rows, lower_bound, upper_bound, direction
        from table_volume_daily as volume
        full join scored using (relation_id, load_date)
    ),
    frequent as (
        select relation_id from volume_scores where grain = 'load' group by 1
        having count(*) > 1.5 * count(distinct observed_at::date)
    ),
    each as (
        select relation_id, observed_at, observed_rows, expected_rows, lower_bound, upper_bound, direction
        from volume_scores semi join frequent using (relation_id)
        where grain = 'load'
        qualify row_number() over (partition by relation_id order by observed_at desc) <= {LOADS_PER_TABLE}
    ),
    told as (
        select
            relation_id, 'day' as grain, date_diff('day', first_day.day, daily.load_date) as place,
            daily.* exclude (relation_id, load_date)
        from daily cross join first_day where daily.load_date >= first_day.day
        union all
        select relation_id, 'load', epoch(observed_at)::bigint, each.* exclude (relation_id, observed_at) from each
    )
    select
        relation_id as id, grain,
        list(place order by place) as place,
        list(row_count order by place) as rows,
        list({_rounded("expected_rows")} order by place) as expected,
        list({_rounded("lower_bound")} order by place) as lower,
        list({_rounded("upper_bound")} order by place) as upper,
        list(place order by place) filter (where direction is not null) as flagged
    from told
    group by 1, 2
"""
CURSORS = """
    select
        shown_pipelines.number, source_name as source, resource_name as resource, cursor_path as path,
        last_value as value, epoch(last_advanced_at)::bigint as advanced, is_stuck as "isStuck",
        has_regressed as "hasRegressed", loads_since_advance as "loadsSince"
    from incremental_cursors inner join shown_pipelines using (pipeline_id)
    order by shown_pipelines.number, source_name, resource_name, cursor_path
"""
HISTORY = """
    select
        shown_pipelines.number, history.status, history.reason, epoch(history.changed_at)::bigint as at
    from pipeline_health_history as history inner join shown_pipelines using (pipeline_id)
    order by shown_pipelines.number, history.changed_at desc
"""
