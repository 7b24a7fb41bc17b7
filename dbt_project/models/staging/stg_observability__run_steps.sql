with raw as (

    select * from {{ source('observability', 'run_steps') }}

),

final as (

    select
        cast(raw.capture_id as {{ dbt.type_string() }}) as capture_id,
        cast(raw.step_number as {{ dbt.type_bigint() }}) as step_number,
        cast(raw.step_name as {{ dbt.type_string() }}) as step_name,
        cast(raw.started_at as {{ timestamp_type() }}) as started_at,
        cast(raw.finished_at as {{ timestamp_type() }}) as finished_at,
        cast(raw.is_first_run as {{ dbt.type_boolean() }}) as is_first_run,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
