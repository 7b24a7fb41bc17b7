with statuses as (

    select * from {{ ref('int_pipeline_statuses') }}
    {{ where_known('noticed_at') }}

),

final as (

    select
        pipeline_id,
        destination_name,
        dataset_name,
        pipeline_name,
        status,
        lag(status) over (partition by pipeline_id order by noticed_at) as previous_status,
        reason,
        changed_at,
        noticed_at,
        lead(changed_at) over (partition by pipeline_id order by noticed_at) as ended_at,
        lead(status) over (partition by pipeline_id order by noticed_at) as next_status
    from statuses

)

select * from final
