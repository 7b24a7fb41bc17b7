with pipeline_runs as (

    select * from {{ ref('int_pipeline_runs') }}

),

run_calls as (

    select * from {{ ref('int_run_calls') }}

),

packages as (

    select * from {{ ref('int_call_packages') }}

),

load_runs as (

    select * from {{ ref('int_load_runs') }}

),

-- packages of the last run that nobody has loaded since
waiting as (

    select
        pipeline_runs.pipeline_id,
        packages.load_id
    from pipeline_runs
    inner join run_calls on run_calls.run_id = pipeline_runs.last_run_id
    inner join packages on packages.transaction_id = run_calls.transaction_id
    left join load_runs
        on load_runs.pipeline_name = packages.pipeline_name
        and load_runs.load_id = packages.load_id
    where {{ to_epoch(as_of()) }} - {{ to_epoch('pipeline_runs.last_finished_at') }} > 3600
    group by pipeline_runs.pipeline_id, packages.load_id
    having count(load_runs.load_id) = 0
        and max(case when packages.is_loaded or packages.package_state = 'aborted' then 1 else 0 end) = 0

),

final as (

    select
        pipeline_id,
        cast(count(*) as {{ dbt.type_bigint() }}) as pending_count
    from waiting
    group by pipeline_id

)

select * from final
