{{ config(pre_hook="{{ delete_retold_run_calls() }}", **replaced_by(['transaction_id'])) }}

with stitched_calls as (

    select * from {{ ref('int_stitched_calls') }}

),

final as (

    select
        transaction_id,
        run_id,
        pipeline_name,
        collected_at
    from stitched_calls
    where run_id is not null

)

select * from final
