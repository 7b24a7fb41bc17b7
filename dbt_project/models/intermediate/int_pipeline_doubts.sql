with pipeline_streams as (

    select * from {{ ref('int_pipeline_streams') }}

),

ambiguous_loads as (

    select * from {{ ref('loads') }}
    where attribution = 'ambiguous' and is_complete

),

last_certain as (

    select
        pipeline_id,
        max(case when is_certain then last_load_at end) as last_load_at
    from pipeline_streams
    group by pipeline_id

),

-- loads after the last one that is surely the pipeline's own
final as (

    select
        pipeline_streams.pipeline_id,
        cast(count(*) as {{ dbt.type_bigint() }}) as uncertain_load_count,
        max(pipeline_streams.pipeline_candidates) as pipeline_candidates
    from pipeline_streams
    inner join last_certain on last_certain.pipeline_id = pipeline_streams.pipeline_id
    inner join ambiguous_loads on ambiguous_loads.stream_id = pipeline_streams.stream_id
    where not pipeline_streams.is_certain
        and (last_certain.last_load_at is null or ambiguous_loads.committed_at > last_certain.last_load_at)
    group by pipeline_streams.pipeline_id

)

select * from final
