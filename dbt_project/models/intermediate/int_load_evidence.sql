{{ config(materialized='view') }}

with pipeline_states as (

    select * from {{ ref('stg_observability__pipeline_states') }}

),

load_runs as (

    select * from {{ ref('int_load_runs') }}

),

-- a trace names one pipeline, and is stronger than any state
named_by_trace as (

    select
        destination_name,
        dataset_name,
        load_id,
        'trace' as attribution,
        1 as pipeline_count,
        pipeline_name,
        pipeline_name as pipeline_candidates,
        collected_at
    from load_runs

),

named_by_state as (

    select
        pipeline_states.destination_name,
        pipeline_states.dataset_name,
        pipeline_states.load_id,
        'state' as attribution,
        count(*) as pipeline_count,
        min(pipeline_states.pipeline_name) as pipeline_name,
        {{ dbt.listagg(
            'pipeline_states.pipeline_name', "', '", 'order by pipeline_states.pipeline_name'
        ) }} as pipeline_candidates,
        max(pipeline_states.collected_at) as collected_at
    from pipeline_states
    left join load_runs
        on load_runs.destination_name = pipeline_states.destination_name
        and load_runs.dataset_name = pipeline_states.dataset_name
        and load_runs.load_id = pipeline_states.load_id
    where load_runs.load_id is null
    group by pipeline_states.destination_name, pipeline_states.dataset_name, pipeline_states.load_id

),

final as (

    select * from named_by_trace
    union all
    select * from named_by_state

)

select * from final
