with runs as (

    select * from {{ ref('runs') }}
    where pipeline_id is not null
        and outcome is not null

),

ranked as (

    select
        *,
        {{ is_failure('outcome') }} as is_failed,
        -- what ended by itself tells whether there was anything to load
        not {{ is_failure('outcome') }} and outcome <> 'unfinished' as is_ended,
        outcome = 'empty' or (rows_loaded is not null and rows_loaded = 0) as is_empty,
        row_number() over (partition by pipeline_id order by started_at desc, run_id desc) as recency
    from runs

),

last_runs as (

    select * from ranked
    where recency = 1

),

summaries as (

    select
        pipeline_id,
        cast(count(*) as {{ dbt.type_bigint() }}) as run_count,
        max(started_at) as last_run_at,
        max(case when outcome = 'empty' then finished_at end) as last_empty_at,
        min(case when not is_failed then recency end) as last_unfailed
    from ranked
    group by pipeline_id

),

failures as (

    select
        ranked.pipeline_id,
        cast(count(*) as {{ dbt.type_bigint() }}) as failure_count,
        min(ranked.started_at) as failing_since
    from ranked
    inner join summaries on summaries.pipeline_id = ranked.pipeline_id
    where ranked.recency < coalesce(summaries.last_unfailed, ranked.recency + 1)
    group by ranked.pipeline_id

),

-- a failed run says nothing of how much there was to load
ended as (

    select
        *,
        row_number() over (partition by pipeline_id order by recency) as place
    from ranked
    where is_ended

),

filled as (

    select
        *,
        lead(place) over (partition by pipeline_id order by place) - place - 1 as empty_before
    from ended
    where not is_empty

),

fullness as (

    select
        pipeline_id,
        count(*) as filled_count,
        min(place) - 1 as empty_count,
        coalesce(max(empty_before), 0) as most_empty_before
    from filled
    group by pipeline_id

),

empties as (

    select
        ended.pipeline_id,
        min(ended.started_at) as empty_since
    from ended
    inner join fullness on fullness.pipeline_id = ended.pipeline_id
    where ended.place <= fullness.empty_count
    group by ended.pipeline_id

),

final as (

    select
        last_runs.pipeline_id,
        last_runs.run_id as last_run_id,
        last_runs.outcome as last_outcome,
        last_runs.finished_at as last_finished_at,
        last_runs.failed_step,
        last_runs.exception_type,
        last_runs.message,
        last_runs.failed_job_count,
        last_runs.failed_table,
        summaries.run_count,
        summaries.last_run_at,
        summaries.last_empty_at,
        coalesce(failures.failure_count, 0) as failure_count,
        failures.failing_since,
        -- more empty runs in a row than ever between two that brought rows, and enough of them to mean something
        case
            when fullness.filled_count >= 3
                and fullness.empty_count >= 3
                and fullness.empty_count > fullness.most_empty_before
                then cast(fullness.empty_count as {{ dbt.type_bigint() }})
            else 0
        end as unusual_empty_count,
        empties.empty_since
    from last_runs
    inner join summaries on summaries.pipeline_id = last_runs.pipeline_id
    left join failures on failures.pipeline_id = last_runs.pipeline_id
    left join fullness on fullness.pipeline_id = last_runs.pipeline_id
    left join empties on empties.pipeline_id = last_runs.pipeline_id

)

select * from final
