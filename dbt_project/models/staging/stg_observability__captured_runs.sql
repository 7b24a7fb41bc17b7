with raw as (

    select * from {{ source('observability', 'captured_runs') }}

),

final as (

    select
        cast(raw.capture_id as {{ dbt.type_string() }}) as capture_id,
        cast(raw.captured_by as {{ dbt.type_string() }}) as captured_by,
        cast(raw.event as {{ dbt.type_string() }}) as event,
        cast(raw.transaction_id as {{ dbt.type_string() }}) as transaction_id,
        cast(raw.called_step as {{ dbt.type_string() }}) as called_step,
        cast(raw.captured_at as {{ timestamp_type() }}) as captured_at,
        cast(raw.pipeline_name as {{ dbt.type_string() }}) as pipeline_name,
        cast(raw.started_at as {{ timestamp_type() }}) as started_at,
        cast(raw.finished_at as {{ timestamp_type() }}) as finished_at,
        cast(raw.outcome as {{ dbt.type_string() }}) as outcome,
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.destination_type as {{ dbt.type_string() }}) as destination_type,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.orchestrator as {{ dbt.type_string() }}) as orchestrator,
        cast(raw.run_url as {{ dbt.type_string() }}) as run_url,
        cast(raw.orchestrator_run_id as {{ dbt.type_string() }}) as orchestrator_run_id,
        cast(raw.attempt as {{ dbt.type_bigint() }}) as attempt,
        cast(raw.job_name as {{ dbt.type_string() }}) as job_name,
        cast(raw.exec_info as {{ dbt.type_string() }}) as exec_info,
        cast(raw.dlt_version as {{ dbt.type_string() }}) as dlt_version,
        cast(raw.python_version as {{ dbt.type_string() }}) as python_version,
        cast(raw.os_name as {{ dbt.type_string() }}) as os_name,
        cast(raw.found_destination_name as {{ dbt.type_string() }}) as found_destination_name,
        cast(raw.found_dataset_name as {{ dbt.type_string() }}) as found_dataset_name,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_known('coalesce(raw.finished_at, raw.started_at)') }}

)

select * from final
