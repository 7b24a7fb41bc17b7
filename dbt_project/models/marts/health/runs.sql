{{
    config(
        pre_hook="{{ delete_joined_runs() }}",
        **replaced_by(['run_id'], day='started_at')
    )
}}

{% set own_columns = [
    'pipeline_id', 'destination_name', 'dataset_name', 'is_observed', 'orchestrator', 'run_url', 'started_at',
    'finished_at', 'outcome', 'failed_step', 'exception_type', 'message', 'failed_job_count', 'call_count',
    'load_count', 'rows_loaded', 'captured_by',
] %}

-- depends_on: {{ ref('int_stitched_calls') }}

with {% if is_incremental() %} touched as (

    {{ stitched_runs() }}

    union all

    select run_id from {{ ref('int_run_places') }}
    where {{ is_built_since() }}

    union all

    -- what has not ended may have gone on for too long by now
    select run_id from {{ this }}
    where finished_at is null

),

{% endif %} run_calls as (

    select * from {{ ref('int_run_calls') }}
    {% if is_incremental() %}
    where run_id in (select run_id from touched)
    {% endif %}

),

calls as (

    select * from {{ ref('int_calls') }}

),

packages as (

    select * from {{ ref('int_call_packages') }}

),

load_counts as (

    select * from {{ ref('int_load_counts') }}

),

run_places as (

    select * from {{ ref('int_run_places') }}

),

members as (

    select
        run_calls.run_id,
        calls.*,
        row_number() over (
            partition by run_calls.run_id
            order by
                case when {{ is_failure('calls.outcome') }} then 0 else 1 end,
                calls.started_at,
                calls.transaction_id
        ) as gravity
    from run_calls
    inner join calls on calls.transaction_id = run_calls.transaction_id

),

summed as (

    select
        run_id,
        min(started_at) as started_at,
        case when count(outcome) = count(*) then max(finished_at) end as finished_at,
        cast(count(*) as {{ dbt.type_bigint() }}) as call_count,
        count(*) - count(outcome) as open_count,
        count(case when outcome = 'interrupted' then 1 end) as interrupted_count,
        count(case when outcome = 'failed' then 1 end) as failed_count,
        count(case when outcome = 'with_failed_jobs' then 1 end) as partial_count,
        count(case when outcome = 'succeeded' then 1 end) as succeeded_count,
        cast(sum(failed_job_count) as {{ dbt.type_bigint() }}) as failed_job_count,
        min(failed_table) as failed_table
    from members
    group by run_id

),

loaded as (

    select distinct
        run_calls.run_id,
        packages.pipeline_name,
        packages.load_id
    from packages
    inner join run_calls on run_calls.transaction_id = packages.transaction_id
    where packages.is_loaded

),

loaded_packages as (

    select distinct
        pipeline_name,
        load_id
    from loaded

),

load_totals as (

    select
        load_counts.pipeline_name,
        load_counts.load_id,
        sum(case when {{ is_dlt_table('load_counts.table_name') }} then 0 else load_counts.row_count end) as row_count
    from load_counts
    inner join loaded_packages
        on loaded_packages.pipeline_name = load_counts.pipeline_name
        and loaded_packages.load_id = load_counts.load_id
    group by load_counts.pipeline_name, load_counts.load_id

),

volumes as (

    select
        loaded.run_id,
        cast(count(*) as {{ dbt.type_bigint() }}) as load_count,
        cast(sum(load_totals.row_count) as {{ dbt.type_bigint() }}) as row_count
    from loaded
    left join load_totals
        on load_totals.pipeline_name = loaded.pipeline_name
        and load_totals.load_id = loaded.load_id
    group by loaded.run_id

),

timed as (

    select
        summed.*,
        run_places.pipeline_name,
        {{ to_epoch('summed.finished_at') }} - {{ to_epoch('summed.started_at') }} as duration_seconds,
        {{ to_epoch(as_of()) }} - {{ to_epoch('summed.started_at') }} as age_seconds
    from summed
    inner join run_places on run_places.run_id = summed.run_id

),

durations as (

    select pipeline_name, duration_seconds from timed
    {% if is_incremental() %}

    union all

    select pipeline_name, duration_seconds from {{ this }}
    where run_id not in (select run_id from touched)
    {% endif %}

),

longest as (

    select
        pipeline_name,
        max(duration_seconds) as duration_seconds
    from durations
    group by pipeline_name

),

-- three times the pipeline's longest run and an hour at least; a day where none has ended yet
judged as (

    select
        timed.*,
        greatest(3600, coalesce(3 * longest.duration_seconds, 86400)) as patience_seconds
    from timed
    left join longest on longest.pipeline_name = timed.pipeline_name

),

built as (

    select
        judged.run_id,
        run_places.pipeline_id,
        run_places.pipeline_name,
        run_places.destination_name,
        run_places.destination_type,
        run_places.dataset_name,
        run_places.is_observed,
        members.orchestrator,
        members.job_name as job,
        members.orchestrator_run_id,
        members.run_url,
        members.attempt,
        judged.started_at,
        judged.finished_at,
        cast(judged.duration_seconds as {{ number_type() }}) as duration_seconds,
        case
            when judged.interrupted_count > 0 then 'interrupted'
            when judged.failed_count > 0 then 'failed'
            when judged.open_count > 0 and judged.age_seconds > judged.patience_seconds then 'unfinished'
            -- it may still be running
            when judged.open_count > 0 then null
            when judged.partial_count > 0 then 'with_failed_jobs'
            when judged.succeeded_count > 0 then 'succeeded'
            else 'empty'
        end as outcome,
        members.failed_step,
        members.exception_type,
        members.message,
        judged.failed_job_count,
        judged.failed_table,
        judged.call_count,
        coalesce(volumes.load_count, 0) as load_count,
        case
            when volumes.load_count is not null then volumes.row_count
            when judged.open_count = 0 then 0
        end as rows_loaded,
        members.captured_by,
        members.dlt_version,
        {{ built_at() }} as built_at
    from judged
    inner join run_places on run_places.run_id = judged.run_id
    inner join members on members.run_id = judged.run_id and members.gravity = 1
    left join volumes on volumes.run_id = judged.run_id

),

-- most runs are as they were
final as (

    select built.* from built
    {% if is_incremental() %}
    left join {{ this }} as known on known.run_id = built.run_id
    where known.run_id is null
    {% for column in own_columns %}
        or known.{{ column }} is distinct from built.{{ column }}
    {% endfor %}
    {% endif %}

)

select * from final
