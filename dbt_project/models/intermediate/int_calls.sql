{{ config(**replaced_by(['transaction_id'])) }}

with captures as (

    select * from {{ ref('stg_observability__captured_runs') }}
    {% if is_incremental() %}
    where transaction_id in (
        select transaction_id from {{ ref('stg_observability__captured_runs') }}
        where {{ is_collected_since() }}
    )
    {% endif %}

),

steps as (

    select * from {{ ref('stg_observability__run_steps') }}

),

exceptions as (

    select * from {{ ref('stg_observability__run_exceptions') }}

),

jobs as (

    select * from {{ ref('stg_observability__run_jobs') }}

),

-- an end tells more than a start, and one way of capturing more than another
ranked as (

    select
        *,
        row_number() over (
            partition by transaction_id
            order by
                case when event = 'end' then 0 else 1 end,
                case captured_by
                    when 'plugin' then 1
                    when 'receiver' then 2
                    when 'working_folder' then 3
                    when 'trace_table' then 4
                    else 5
                end,
                captured_at desc,
                capture_id
        ) as place
    from captures

),

best as (

    select * from ranked
    where place = 1

),

-- dlt tells a failure again in the steps around it, and wraps its cause
causes as (

    select
        best.capture_id,
        steps.step_name,
        exceptions.exception_type,
        exceptions.message,
        row_number() over (
            partition by best.capture_id order by exceptions.step_number, exceptions.ordinal_position desc
        ) as place
    from best
    inner join exceptions on exceptions.capture_id = best.capture_id
    left join steps
        on steps.capture_id = exceptions.capture_id
        and steps.step_number = exceptions.step_number

),

failed_jobs as (

    select distinct
        best.capture_id,
        jobs.job_id,
        jobs.table_name
    from best
    inner join jobs on jobs.capture_id = best.capture_id
    where jobs.job_state = 'failed_jobs'

),

job_totals as (

    select
        capture_id,
        cast(count(*) as {{ dbt.type_bigint() }}) as failed_job_count,
        min(table_name) as failed_table
    from failed_jobs
    group by capture_id

),

final as (

    select
        best.transaction_id,
        best.capture_id,
        best.captured_by,
        coalesce(best.called_step, 'run') as called_step,
        best.pipeline_name,
        best.started_at,
        best.finished_at,
        best.outcome,
        best.destination_name,
        best.destination_type,
        best.dataset_name,
        best.found_destination_name,
        best.found_dataset_name,
        best.orchestrator,
        best.job_name,
        best.orchestrator_run_id,
        best.run_url,
        best.attempt,
        best.dlt_version,
        causes.step_name as failed_step,
        causes.exception_type,
        causes.message,
        coalesce(job_totals.failed_job_count, 0) as failed_job_count,
        job_totals.failed_table,
        best.collected_at,
        {{ built_at() }} as built_at
    from best
    left join causes on causes.capture_id = best.capture_id and causes.place = 1
    left join job_totals on job_totals.capture_id = best.capture_id

)

select * from final
