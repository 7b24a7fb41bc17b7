{{
    config(
        full_refresh=false,
        on_schema_change='append_new_columns',
        **replaced_by(['pipeline_id', 'noticed_at'])
    )
}}

with health as (

    select * from {{ ref('int_pipeline_health') }}

),

{% if is_incremental() %}
ranked as (

    select
        *,
        row_number() over (partition by pipeline_id order by noticed_at desc) as recency
    from {{ this }}

),

last_statuses as (

    select * from ranked
    where recency = 1

),
{% endif %}

-- what is noticed today cannot be told from the raw data tomorrow: nothing but a change is ever added, and nothing removed
final as (

    select
        health.pipeline_id,
        health.destination_name,
        health.dataset_name,
        health.pipeline_name,
        health.status,
        health.reason,
        {% if is_incremental() -%}
        greatest(
            health.began_at,
            coalesce(last_statuses.changed_at, health.began_at),
            -- what was found when it could be read again may be older, but was not told while it could not
            case when last_statuses.status = 'unreachable' then {{ clock('built_at') }} else health.began_at end
        ) as changed_at,
        {%- else -%}
        health.began_at as changed_at,
        {%- endif %}
        health.judged_at as noticed_at
    from health
    {% if is_incremental() %}
    left join last_statuses on last_statuses.pipeline_id = health.pipeline_id
    {% endif %}
    where {{ 'false' if shows_past() else 'true' }}
        {% if is_incremental() %}
        and (last_statuses.status is null or last_statuses.status <> health.status)
        {% endif %}

)

select * from final
