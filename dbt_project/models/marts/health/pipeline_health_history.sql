with statuses as (

    select * from {{ ref('int_pipeline_statuses') }}
    {{ where_known('noticed_at') }}

),

ordered as (

    select
        *,
        lag(status) over (partition by pipeline_id order by noticed_at) as previous_status,
        lead(changed_at) over (partition by pipeline_id order by noticed_at) as ended_at,
        lead(status) over (partition by pipeline_id order by noticed_at) as next_status
    from statuses

),

final as (

    select
        pipeline_id,
        destination_name,
        dataset_name,
        pipeline_name,
        status,
        previous_status,
        reason,
        changed_at,
        noticed_at,
        ended_at,
        {{ to_epoch('ended_at') }} - {{ to_epoch('changed_at') }} as duration_seconds,
        next_status
    from ordered

)

select * from final
