{{ config(materialized='view') }}

with alert_events as (

    select * from {{ ref('stg_observability__alert_events') }}

),

ranked as (

    select
        *,
        row_number() over (partition by alert_key, episode_at order by happened_at desc, event_type) as recency
    from alert_events

),

-- what was told last of it describes it
latest as (

    select * from ranked
    where recency = 1

),

episodes as (

    select
        alert_key,
        episode_at,
        min(case when event_type = 'notified' then happened_at end) as notified_at,
        max(case when event_type in ('notified', 'reminded') then happened_at end) as last_told_at,
        max(case when event_type in ('opened', 'reopened') then happened_at end) as last_opened_at,
        max(case when event_type in ('resolved', 'superseded') then happened_at end) as last_resolved_at,
        max(case when event_type = 'resolution_notified' then happened_at end) as resolution_notified_at,
        sum(case when event_type = 'reminded' then 1 else 0 end) as reminder_count,
        sum(case when event_type = 'reopened' then 1 else 0 end) as reopening_count
    from alert_events
    group by alert_key, episode_at

),

final as (

    select
        latest.alert_key,
        latest.alert_type,
        latest.severity,
        latest.owner,
        latest.destination_name,
        latest.dataset_name,
        latest.pipeline_id,
        latest.pipeline_name,
        case when latest.table_name is not null then {{ relation_key('latest.table_name', 'latest.') }} end as relation_id,
        latest.table_name,
        latest.subject,
        latest.summary,
        latest.run_url,
        latest.opened_at,
        episodes.episode_at as seen_at,
        episodes.notified_at,
        episodes.last_told_at,
        cast(episodes.reminder_count as {{ dbt.type_bigint() }}) as reminder_count,
        cast(episodes.reopening_count as {{ dbt.type_bigint() }}) as reopening_count,
        case when episodes.last_resolved_at >= episodes.last_opened_at then episodes.last_resolved_at end as resolved_at,
        episodes.resolution_notified_at
    from episodes
    inner join latest
        on latest.alert_key = episodes.alert_key
        and latest.episode_at = episodes.episode_at

)

select * from final
