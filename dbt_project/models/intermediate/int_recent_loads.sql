{{
    config(
        pre_hook="{{ delete_changed_streams() }}",
        **replaced_by(['stream_id', 'load_id'])
    )
}}

with loads as (

    select * from {{ ref('loads') }}

),

streams as (

    select * from {{ ref('int_load_streams') }}

),

changed_streams as (

    select *
    from streams
    {% if is_incremental() %}
    where not exists (select 1 from {{ this }} as known where known.stream_id = streams.stream_id)
    {% endif %}

),

ordered as (

    select
        loads.stream_id,
        loads.load_id,
        loads.committed_at,
        loads.schema_version_hash,
        changed_streams.load_count as stream_load_count,
        changed_streams.built_at as stream_built_at,
        changed_streams.last_load_at as stream_last_load_at,
        lag(loads.committed_at) over (
            partition by loads.stream_id order by loads.committed_at, loads.load_id
        ) as previous_committed_at,
        lead(loads.load_id) over (
            partition by loads.stream_id order by loads.committed_at, loads.load_id
        ) as next_load_id
    from loads
    inner join changed_streams on changed_streams.stream_id = loads.stream_id
    where loads.is_complete

),

-- loads less than a minute after the one before belong to the same run of somebody's loop
marked as (

    select
        *,
        next_load_id is null as is_latest,
        previous_committed_at is null
        or {{ to_epoch('committed_at') }} - {{ to_epoch('previous_committed_at') }} >= 60 as is_spaced
    from ordered

),

ranked as (

    select
        *,
        row_number() over (partition by stream_id, is_spaced order by committed_at desc, load_id desc) as recency,
        lag(committed_at) over (partition by stream_id, is_spaced order by committed_at, load_id) as previous_spaced_at,
        lead(committed_at) over (partition by stream_id, is_spaced order by committed_at, load_id) as next_spaced_at
    from marked

),

measured as (

    select
        *,
        {{ to_epoch('stream_last_load_at') }} - {{ to_epoch('committed_at') }} as age_seconds,
        greatest(
            coalesce({{ to_epoch('committed_at') }} - {{ to_epoch('previous_spaced_at') }}, 0),
            coalesce({{ to_epoch('next_spaced_at') }} - {{ to_epoch('committed_at') }}, 0)
        ) as pause_seconds
    from ranked

),

final as (

    select
        stream_id,
        load_id,
        committed_at,
        schema_version_hash,
        is_latest,
        is_spaced,
        is_spaced and recency <= 60 as is_recent,
        case when is_spaced then previous_spaced_at end as previous_spaced_at,
        case when is_spaced then next_spaced_at end as next_spaced_at,
        stream_load_count,
        stream_built_at
    from measured
    where is_latest
        or is_spaced
        and (
            recency <= 60
            -- what lies further back is kept where it tells of a pause: nights and weekends, the end of a month
            or age_seconds <= 6 * 7 * 86400 and pause_seconds >= 1800
            or age_seconds <= 17 * 7 * 86400 and pause_seconds >= 6 * 3600
        )

)

select * from final
