with loads as (

    select * from {{ ref('loads') }}

),

final as (

    select
        stream_id,
        destination_name,
        dataset_name,
        schema_name,
        pipeline_id,
        pipeline_name,
        pipeline_candidates,
        cast(count(*) as {{ dbt.type_bigint() }}) as load_count,
        min(committed_at) as first_load_at,
        max(committed_at) as last_load_at,
        max(built_at) as built_at
    from loads
    where is_complete
    group by
        stream_id,
        destination_name,
        dataset_name,
        schema_name,
        pipeline_id,
        pipeline_name,
        pipeline_candidates

)

select * from final
