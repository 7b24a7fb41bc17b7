with pipeline_schemas as (

    select * from {{ ref('stg_observability__pipeline_schemas') }}

),

-- a schema counts as a pipeline's own from the first state that lists it on
listed as (

    select
        destination_name,
        dataset_name,
        schema_name,
        pipeline_name,
        min(collected_at) as collected_at
    from pipeline_schemas
    group by destination_name, dataset_name, schema_name, pipeline_name

),

final as (

    select
        destination_name,
        dataset_name,
        schema_name,
        count(*) as pipeline_count,
        min(pipeline_name) as pipeline_name,
        {{ dbt.listagg('pipeline_name', "', '", 'order by pipeline_name') }} as pipeline_candidates,
        max(collected_at) as changed_at
    from listed
    group by destination_name, dataset_name, schema_name

)

select * from final
