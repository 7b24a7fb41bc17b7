with raw as (

    select * from {{ source('observability', 'run_outputs') }}

),

final as (

    select
        cast(raw.capture_id as {{ dbt.type_string() }}) as capture_id,
        cast(raw.step_number as {{ dbt.type_bigint() }}) as step_number,
        cast(raw.ordinal_position as {{ dbt.type_bigint() }}) as ordinal_position,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.resource_name as {{ dbt.type_string() }}) as resource_name,
        cast(raw.location_kind as {{ dbt.type_string() }}) as location_kind,
        cast(raw.location as {{ dbt.type_string() }}) as location,
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.destination_type as {{ dbt.type_string() }}) as destination_type,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.physical_dataset_name as {{ dbt.type_string() }}) as physical_dataset_name,
        cast(raw.database_name as {{ dbt.type_string() }}) as database_name,
        cast(raw.database_schema as {{ dbt.type_string() }}) as database_schema,
        cast(raw.table_name as {{ dbt.type_string() }}) as table_name,
        cast(raw.endpoint as {{ dbt.type_string() }}) as endpoint,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
