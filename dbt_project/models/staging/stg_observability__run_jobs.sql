with raw as (

    select * from {{ source('observability', 'run_jobs') }}

),

final as (

    select
        cast(raw.capture_id as {{ dbt.type_string() }}) as capture_id,
        cast(raw.step_number as {{ dbt.type_bigint() }}) as step_number,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.job_id as {{ dbt.type_string() }}) as job_id,
        cast(raw.table_name as {{ dbt.type_string() }}) as table_name,
        cast(raw.file_format as {{ dbt.type_string() }}) as file_format,
        cast(raw.job_state as {{ dbt.type_string() }}) as job_state,
        cast(raw.failed_message as {{ dbt.type_string() }}) as failed_message,
        cast(raw.row_count as {{ dbt.type_bigint() }}) as row_count,
        cast(raw.byte_count as {{ dbt.type_bigint() }}) as byte_count,
        cast(raw.retry_count as {{ dbt.type_bigint() }}) as retry_count,
        cast(raw.created_at as {{ timestamp_type() }}) as created_at,
        cast(raw.started_at as {{ timestamp_type() }}) as started_at,
        cast(raw.finished_at as {{ timestamp_type() }}) as finished_at,
        cast(raw.elapsed_seconds as {{ number_type() }}) as elapsed_seconds,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
