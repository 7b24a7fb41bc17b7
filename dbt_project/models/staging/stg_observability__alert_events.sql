with raw as (

    select * from {{ source('observability', 'alert_events') }}
    {{ where_known('happened_at') }}

),

final as (

    select
        cast(event_type as {{ dbt.type_string() }}) as event_type,
        cast(happened_at as {{ timestamp_type() }}) as happened_at,
        cast(alert_key as {{ dbt.type_string() }}) as alert_key,
        cast(episode_at as {{ timestamp_type() }}) as episode_at,
        cast(channel as {{ dbt.type_string() }}) as channel,
        cast(alert_type as {{ dbt.type_string() }}) as alert_type,
        cast(severity as {{ dbt.type_string() }}) as severity,
        cast(is_event as boolean) as is_event,
        cast(owner as {{ dbt.type_string() }}) as owner,
        cast(destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(pipeline_id as {{ dbt.type_string() }}) as pipeline_id,
        cast(pipeline_name as {{ dbt.type_string() }}) as pipeline_name,
        cast(table_name as {{ dbt.type_string() }}) as table_name,
        cast(subject as {{ dbt.type_string() }}) as subject,
        cast(summary as {{ dbt.type_string() }}) as summary,
        cast(opened_at as {{ timestamp_type() }}) as opened_at,
        cast(cause_key as {{ dbt.type_string() }}) as cause_key,
        cast(run_url as {{ dbt.type_string() }}) as run_url
    from raw

)

select * from final
