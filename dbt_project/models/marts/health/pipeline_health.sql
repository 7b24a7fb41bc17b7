with health as (

    select * from {{ ref('int_pipeline_health') }}

),

statuses as (

    select
        *,
        row_number() over (partition by pipeline_id order by noticed_at desc) as recency
    from {{ ref('int_pipeline_statuses') }}
    {{ where_known('noticed_at') }}

),

final as (

    select
        health.pipeline_id,
        health.destination_name,
        health.dataset_name,
        health.pipeline_name,
        health.schema_names,
        health.status,
        health.reason,
        -- of a past that nobody looked at, only what the data tell
        case when statuses.status = health.status then statuses.changed_at else health.began_at end as status_since,
        health.last_load_at,
        health.expected_interval_seconds,
        health.tolerance_seconds,
        health.expected_by,
        health.load_count,
        health.judged_at
    from health
    left join statuses
        on statuses.pipeline_id = health.pipeline_id
        and statuses.recency = 1

)

select * from final
