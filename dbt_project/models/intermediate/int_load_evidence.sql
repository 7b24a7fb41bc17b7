{{ config(materialized='view') }}

with pipeline_states as (

    select * from {{ ref('stg_observability__pipeline_states') }}

),

load_runs as (

    select * from {{ ref('int_load_runs') }}

),

named_by_trace as (

    select
        destination_name,
        dataset_name,
        load_id,
        pipeline_name,
        'trace' as attribution,
        1 as strength,
        collected_at
    from load_runs

),

named_by_state as (

    select
        destination_name,
        dataset_name,
        load_id,
        pipeline_name,
        'state' as attribution,
        2 as strength,
        collected_at
    from pipeline_states

),

evidence as (

    select * from named_by_trace
    union all
    select * from named_by_state

),

strongest as (

    select
        destination_name,
        dataset_name,
        load_id,
        min(strength) as strength
    from evidence
    group by destination_name, dataset_name, load_id

),

final as (

    select
        evidence.destination_name,
        evidence.dataset_name,
        evidence.load_id,
        evidence.attribution,
        count(*) as pipeline_count,
        min(evidence.pipeline_name) as pipeline_name,
        {{ dbt.listagg('evidence.pipeline_name', "', '", 'order by evidence.pipeline_name') }} as pipeline_candidates,
        max(evidence.collected_at) as collected_at
    from evidence
    inner join strongest
        on strongest.destination_name = evidence.destination_name
        and strongest.dataset_name = evidence.dataset_name
        and strongest.load_id = evidence.load_id
        and strongest.strength = evidence.strength
    group by
        evidence.destination_name,
        evidence.dataset_name,
        evidence.load_id,
        evidence.attribution

)

select * from final
