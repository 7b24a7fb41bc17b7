{{ config(materialized='view') }}

with row_counts as (

    select * from {{ ref('stg_observability__row_counts') }}

),

load_counts as (

    select * from {{ ref('int_load_counts') }}

),

load_runs as (

    select * from {{ ref('int_load_runs') }}

),

traced as (

    select
        load_runs.destination_name,
        load_runs.dataset_name,
        load_runs.load_id,
        load_counts.table_name,
        load_counts.row_count,
        'traced' as count_method,
        load_runs.collected_at
    from load_runs
    inner join load_counts
        on load_counts.pipeline_name = load_runs.pipeline_name
        and load_counts.load_id = load_runs.load_id
    where load_runs.is_counted

),

-- what was traced is exact, and was counted before any later load could change it
scanned as (

    select
        row_counts.destination_name,
        row_counts.dataset_name,
        row_counts.load_id,
        row_counts.table_name,
        row_counts.row_count,
        'scanned' as count_method,
        row_counts.collected_at
    from row_counts
    left join load_runs
        on load_runs.destination_name = row_counts.destination_name
        and load_runs.dataset_name = row_counts.dataset_name
        and load_runs.load_id = row_counts.load_id
    where not coalesce(load_runs.is_counted, false)

),

united as (

    select * from traced
    union all
    select * from scanned

),

final as (

    select * from united
    where not {{ is_dlt_table('table_name') }}

)

select * from final
