{{
    config(
        pre_hook="{{ delete_touched_load_runs() }}",
        **replaced_by(['destination_name', 'dataset_name', 'load_id'])
    )
}}

-- depends_on: {{ ref('int_stitched_calls') }}

with {% if is_incremental() %} touched as (

    {{ touched_packages() }}

),

{% endif %} packages as (

    select * from {{ ref('int_call_packages') }}
    {% if is_incremental() %}
    where load_id in (select load_id from touched)
    {% endif %}

),

run_calls as (

    select * from {{ ref('int_run_calls') }}

),

calls as (

    select * from {{ ref('int_calls') }}

),

call_counts as (

    select * from {{ ref('int_call_counts') }}
    {% if is_incremental() %}
    where load_id in (select load_id from touched)
    {% endif %}

),

observed_loads as (

    select * from {{ ref('stg_observability__loads') }}
    {% if is_incremental() %}
    where load_id in (select load_id from touched)
    {% endif %}

),

told as (

    select
        packages.pipeline_name,
        packages.load_id,
        packages.step_name,
        packages.is_loaded,
        {{ to_epoch('packages.finished_at') }} - {{ to_epoch('packages.started_at') }} as step_seconds,
        run_calls.run_id,
        calls.orchestrator,
        calls.run_url,
        calls.dataset_name,
        calls.collected_at,
        -- of several tries to load it the one that did
        row_number() over (
            partition by packages.pipeline_name, packages.load_id
            order by
                case when packages.is_loaded then 0 else 1 end,
                packages.started_at desc,
                packages.transaction_id
        ) as place
    from packages
    inner join run_calls on run_calls.transaction_id = packages.transaction_id
    inner join calls on calls.transaction_id = packages.transaction_id

),

durations as (

    select
        pipeline_name,
        load_id,
        max(case when step_name = 'extract' then step_seconds end) as extract_seconds,
        max(case when step_name = 'normalize' then step_seconds end) as normalize_seconds,
        max(case when step_name = 'load' and is_loaded then step_seconds end) as load_seconds,
        max(collected_at) as collected_at
    from told
    group by pipeline_name, load_id

),

counted as (

    select distinct
        pipeline_name,
        load_id
    from call_counts

),

-- a load id is as good as unique, but a copied dataset has those of its original: its name tells them apart
matched as (

    select
        observed_loads.destination_name,
        observed_loads.dataset_name,
        observed_loads.load_id,
        told.pipeline_name,
        told.is_loaded,
        told.run_id,
        told.orchestrator,
        told.run_url,
        case when lower(observed_loads.dataset_name) = lower(told.dataset_name) then 0 else 1 end as is_renamed,
        min(case when lower(observed_loads.dataset_name) = lower(told.dataset_name) then 0 else 1 end) over (
            partition by told.pipeline_name, told.load_id
        ) as are_renamed
    from told
    inner join observed_loads on observed_loads.load_id = told.load_id
    where told.place = 1

),

ranked as (

    select
        *,
        row_number() over (
            partition by destination_name, dataset_name, load_id order by is_renamed, pipeline_name
        ) as place
    from matched
    where is_renamed = are_renamed

),

-- views read this model, so it is no table that is made anew: that would take them along
final as (

    select
        ranked.destination_name,
        ranked.dataset_name,
        ranked.load_id,
        ranked.pipeline_name,
        case when ranked.is_loaded then ranked.run_id end as run_id,
        case when ranked.is_loaded then ranked.orchestrator end as orchestrator,
        case when ranked.is_loaded then ranked.run_url end as run_url,
        cast(durations.extract_seconds as {{ number_type() }}) as extract_seconds,
        cast(durations.normalize_seconds as {{ number_type() }}) as normalize_seconds,
        cast(durations.load_seconds as {{ number_type() }}) as load_seconds,
        counted.load_id is not null as is_counted,
        durations.collected_at
    from ranked
    inner join durations
        on durations.pipeline_name = ranked.pipeline_name
        and durations.load_id = ranked.load_id
    left join counted
        on counted.pipeline_name = ranked.pipeline_name
        and counted.load_id = ranked.load_id
    where ranked.place = 1

)

select * from final
