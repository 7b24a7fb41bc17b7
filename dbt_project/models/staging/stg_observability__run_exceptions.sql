with raw as (

    select * from {{ source('observability', 'run_exceptions') }}

),

final as (

    select
        cast(raw.capture_id as {{ dbt.type_string() }}) as capture_id,
        cast(raw.step_number as {{ dbt.type_bigint() }}) as step_number,
        cast(raw.ordinal_position as {{ dbt.type_bigint() }}) as ordinal_position,
        cast(raw.exception_type as {{ dbt.type_string() }}) as exception_type,
        cast(raw.message as {{ dbt.type_string() }}) as message,
        cast(raw.frames as {{ dbt.type_string() }}) as frames,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.job_id as {{ dbt.type_string() }}) as job_id,
        cast(raw.source_name as {{ dbt.type_string() }}) as source_name,
        cast(raw.resource_name as {{ dbt.type_string() }}) as resource_name,
        cast(raw.is_terminal as {{ dbt.type_boolean() }}) as is_terminal,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
