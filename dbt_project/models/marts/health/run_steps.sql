{{
    config(
        pre_hook="{{ delete_touched_steps() }}",
        **replaced_by(['run_id', 'step_number'])
    )
}}

with {% if is_incremental() %} touched as (

    {{ touched_runs() }}

),

{% endif %} runs as (

    select * from {{ ref('runs') }}
    {% if is_incremental() %}
    where run_id in (select run_id from touched)
    {% endif %}

),

run_calls as (

    select * from {{ ref('int_run_calls') }}

),

calls as (

    select * from {{ ref('int_calls') }}

),

packages as (

    select * from {{ ref('int_call_packages') }}

),

steps as (

    select * from {{ ref('stg_observability__run_steps') }}

),

exceptions as (

    select * from {{ ref('stg_observability__run_exceptions') }}

),

called as (

    select
        runs.run_id,
        runs.pipeline_id,
        runs.pipeline_name,
        calls.transaction_id,
        calls.capture_id,
        steps.step_number as trace_number,
        steps.step_name,
        steps.started_at,
        steps.finished_at
    from runs
    inner join run_calls on run_calls.run_id = runs.run_id
    inner join calls on calls.transaction_id = run_calls.transaction_id
    inner join steps on steps.capture_id = calls.capture_id

),

package_lists as (

    select
        called.transaction_id,
        called.trace_number,
        {{ dbt.listagg('packages.load_id', "', '", 'order by packages.load_id') }} as load_ids
    from called
    inner join packages
        on packages.transaction_id = called.transaction_id
        and packages.step_number = called.trace_number
    group by called.transaction_id, called.trace_number

),

causes as (

    select
        called.transaction_id,
        called.trace_number,
        exceptions.exception_type,
        row_number() over (
            partition by called.transaction_id, called.trace_number order by exceptions.ordinal_position desc
        ) as place
    from called
    inner join exceptions
        on exceptions.capture_id = called.capture_id
        and exceptions.step_number = called.trace_number

),

final as (

    select
        called.run_id,
        cast(row_number() over (
            partition by called.run_id order by called.started_at, called.transaction_id, called.trace_number
        ) as {{ dbt.type_bigint() }}) as step_number,
        called.pipeline_id,
        called.pipeline_name,
        called.step_name,
        called.started_at,
        called.finished_at,
        cast(
            {{ to_epoch('called.finished_at') }} - {{ to_epoch('called.started_at') }} as {{ number_type() }}
        ) as duration_seconds,
        package_lists.load_ids,
        causes.exception_type is not null as has_failed,
        causes.exception_type,
        called.transaction_id
    from called
    left join package_lists
        on package_lists.transaction_id = called.transaction_id
        and package_lists.trace_number = called.trace_number
    left join causes
        on causes.transaction_id = called.transaction_id
        and causes.trace_number = called.trace_number
        and causes.place = 1

)

select * from final
