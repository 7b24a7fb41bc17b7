with raw as (

    select * from {{ source('observability', 'pipeline_states') }}

),

final as (

    select
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.pipeline_name as {{ dbt.type_string() }}) as pipeline_name,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.version as {{ dbt.type_bigint() }}) as version,
        cast(raw.default_schema_name as {{ dbt.type_string() }}) as default_schema_name,
        cast(raw.created_at as {{ timestamp_type() }}) as created_at,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_load_known('raw.created_at') }}

)

select * from final
