with raw as (

    select * from {{ source('observability', 'pipeline_cursors') }}

),

final as (

    select
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.pipeline_name as {{ dbt.type_string() }}) as pipeline_name,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.source_name as {{ dbt.type_string() }}) as source_name,
        cast(raw.resource_name as {{ dbt.type_string() }}) as resource_name,
        cast(raw.cursor_path as {{ dbt.type_string() }}) as cursor_path,
        cast(raw.initial_value as {{ dbt.type_string() }}) as initial_value,
        cast(raw.last_value as {{ dbt.type_string() }}) as last_value,
        cast(raw.last_value_number as {{ number_type() }}) as last_value_number,
        cast(raw.unique_hash_count as {{ dbt.type_bigint() }}) as unique_hash_count,
        cast(raw.created_at as {{ timestamp_type() }}) as created_at,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_load_known('raw.created_at') }}

)

select * from final
