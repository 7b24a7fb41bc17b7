with gaps as (

    select * from {{ ref('int_firing_gaps') }}

),

pipeline_streams as (

    select * from {{ ref('int_pipeline_streams') }}

),

pipeline_runs as (

    select * from {{ ref('int_pipeline_runs') }}

),

ranked as (

    select
        sequence_id,
        gap_seconds,
        row_number() over (partition by sequence_id order by gap_seconds) as place,
        count(*) over (partition by sequence_id) as gap_count
    from gaps
    -- enough for two weeks of eleven a day and half a year of weekdays
    where ended_seconds is not null and recency <= 120

),

usual as (

    select
        sequence_id,
        max(gap_count) as gap_count,
        max(case when {{ is_quantile('place', 'gap_count', 0.1) }} then gap_seconds end) as short_seconds,
        max(case when {{ is_quantile('place', 'gap_count', 0.5) }} then gap_seconds end) as interval_seconds,
        max(gap_seconds) as longest_gap_seconds
    from ranked
    group by sequence_id

),

-- a run that found nothing to load, or a load that may be another's, is a sign of life all the same
last_loads as (

    select
        pipeline_id,
        min(first_load_at) as first_load_at,
        max(last_load_at) as last_load_at
    from pipeline_streams
    group by pipeline_id

),

last_signs as (

    select
        last_loads.pipeline_id,
        {{ to_epoch('last_loads.first_load_at') }} as first_seconds,
        greatest(
            {{ to_epoch('last_loads.last_load_at') }},
            coalesce({{ to_epoch('pipeline_runs.last_empty_at') }}, 0)
        ) as alive_seconds
    from last_loads
    left join pipeline_runs on pipeline_runs.pipeline_id = last_loads.pipeline_id

),

days as (

    select
        gaps.sequence_id,
        max(gaps.started_seconds) as last_seconds,
        max(case when {{ weekday_of('gaps.started_seconds') }} >= 5 then 1 else 0 end) as has_weekend,
        count(
            distinct case
                when gaps.started_seconds > last_signs.alive_seconds - 28 * 86400
                    then {{ epoch_day('gaps.started_seconds') }}
            end
        ) as day_count,
        sum(case when gaps.started_seconds > last_signs.alive_seconds - 28 * 86400 then 1 else 0 end) as firing_count
        {%- for weekday in range(7) %},
        max(
            case
                when gaps.started_seconds > last_signs.alive_seconds - 28 * 86400
                    and {{ weekday_of('gaps.started_seconds') }} = {{ weekday }}
                    then '1'
                else '0'
            end
        ) as fires_on_{{ weekday }}
        {%- endfor %}
    from gaps
    inner join last_signs on last_signs.pipeline_id = gaps.pipeline_id
    group by gaps.sequence_id

),

sequences as (

    select distinct
        sequence_id,
        pipeline_id,
        is_certain
    from gaps

),

described as (

    select
        sequences.sequence_id,
        sequences.pipeline_id,
        sequences.is_certain,
        last_signs.alive_seconds,
        last_signs.first_seconds,
        days.last_seconds,
        days.has_weekend = 1 as has_weekend,
        days.day_count,
        days.firing_count,
        {% for weekday in range(7) %}days.fires_on_{{ weekday }}{{ ' || ' if not loop.last }}{% endfor %} as weekday_flags,
        usual.gap_count,
        usual.short_seconds,
        usual.interval_seconds,
        usual.longest_gap_seconds
    from sequences
    inner join usual on usual.sequence_id = sequences.sequence_id
    inner join days on days.sequence_id = sequences.sequence_id
    inner join last_signs on last_signs.pipeline_id = sequences.pipeline_id

),

final as (

    select
        sequence_id,
        pipeline_id,
        is_certain,
        cast(alive_seconds as {{ number_type() }}) as alive_seconds,
        cast(first_seconds as {{ number_type() }}) as first_seconds,
        last_seconds,
        has_weekend,
        day_count,
        firing_count,
        weekday_flags,
        gap_count,
        short_seconds,
        interval_seconds,
        longest_gap_seconds,
        -- two loads that are nearer than this to a moment cannot both be meant by it
        least(short_seconds / 2, 7200) as slack_seconds
    from described

)

select * from final
