with raw as (

    select * from {{ source('observability', 'run_packages') }}

),

final as (

    select
        cast(raw.capture_id as {{ dbt.type_string() }}) as capture_id,
        cast(raw.step_number as {{ dbt.type_bigint() }}) as step_number,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.package_state as {{ dbt.type_string() }}) as package_state,
        cast(raw.completed_at as {{ timestamp_type() }}) as completed_at,
        cast(raw.schema_name as {{ dbt.type_string() }}) as schema_name,
        cast(raw.schema_version_hash as {{ dbt.type_string() }}) as schema_version_hash,
        cast(raw.refresh as {{ dbt.type_string() }}) as refresh,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
