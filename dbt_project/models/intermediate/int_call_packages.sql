{{
    config(
        pre_hook="{{ delete_retold_calls() }}",
        **replaced_by(['transaction_id', 'step_number', 'load_id'])
    )
}}

with calls as (

    select * from {{ ref('int_calls') }}
    {% if is_incremental() %}
    where {{ is_built_since() }}
    {% endif %}

),

steps as (

    select * from {{ ref('stg_observability__run_steps') }}

),

packages as (

    select * from {{ ref('stg_observability__run_packages') }}

),

final as (

    select
        calls.transaction_id,
        calls.pipeline_name,
        packages.step_number,
        packages.load_id,
        packages.schema_name,
        packages.package_state,
        steps.step_name,
        steps.started_at,
        steps.finished_at,
        -- not every way of capturing tells the state of a package
        steps.step_name = 'load' and coalesce(packages.package_state, 'loaded') = 'loaded' as is_loaded,
        calls.collected_at
    from calls
    inner join packages on packages.capture_id = calls.capture_id
    inner join steps
        on steps.capture_id = packages.capture_id
        and steps.step_number = packages.step_number

)

select * from final
