{{
    config(
        pre_hook="{{ delete_retold_calls() }}",
        **replaced_by(['transaction_id', 'load_id', 'table_name'])
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

metrics as (

    select * from {{ ref('stg_observability__run_table_metrics') }}

),

-- what normalize counts is what is loaded; extract does not know of nested tables
final as (

    select
        calls.transaction_id,
        calls.pipeline_name,
        metrics.load_id,
        metrics.table_name,
        cast(sum(metrics.row_count) as {{ dbt.type_bigint() }}) as row_count,
        max(steps.started_at) as normalized_at
    from calls
    inner join metrics on metrics.capture_id = calls.capture_id
    inner join steps
        on steps.capture_id = metrics.capture_id
        and steps.step_number = metrics.step_number
    where steps.step_name = 'normalize'
        and metrics.row_count is not null
    group by calls.transaction_id, calls.pipeline_name, metrics.load_id, metrics.table_name

)

select * from final
