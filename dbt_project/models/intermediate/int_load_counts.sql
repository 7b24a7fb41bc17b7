{{
    config(
        pre_hook="{{ delete_recounted_packages() }}",
        **replaced_by(['pipeline_name', 'load_id', 'table_name'])
    )
}}

with {% if is_incremental() %} touched as (

    {{ recounted_packages() }}

),

touched_once as (

    select distinct pipeline_name, load_id from touched

),

{% endif %} call_counts as (

    select call_counts.*
    from {{ ref('int_call_counts') }} as call_counts
    {% if is_incremental() %}
    inner join touched_once
        on touched_once.pipeline_name = call_counts.pipeline_name
        and touched_once.load_id = call_counts.load_id
    {% endif %}

),

run_calls as (

    select * from {{ ref('int_run_calls') }}

),

-- a package that was normalized twice is loaded as it was the second time
ranked as (

    select
        call_counts.*,
        first_value(call_counts.transaction_id) over (
            partition by call_counts.pipeline_name, call_counts.load_id
            order by call_counts.normalized_at desc, call_counts.transaction_id
        ) as last_transaction_id
    from call_counts
    inner join run_calls on run_calls.transaction_id = call_counts.transaction_id

),

final as (

    select
        pipeline_name,
        load_id,
        table_name,
        row_count
    from ranked
    where transaction_id = last_transaction_id

)

select * from final
