with recent_loads as (

    select * from {{ ref('int_recent_loads') }}

),

pipeline_streams as (

    select * from {{ ref('int_pipeline_streams') }}

),

possible_loads as (

    select
        pipeline_streams.pipeline_id,
        pipeline_streams.schema_name,
        pipeline_streams.is_certain,
        recent_loads.load_id,
        recent_loads.is_recent,
        {{ to_epoch('recent_loads.previous_spaced_at') }} as previous_seconds,
        {{ to_epoch('recent_loads.committed_at') }} as started_seconds,
        {{ to_epoch('recent_loads.next_spaced_at') }} as ended_seconds,
        max(pipeline_streams.pipeline_count) over (
            partition by pipeline_streams.pipeline_id, pipeline_streams.schema_name
        ) as pipeline_count
    from recent_loads
    inner join pipeline_streams on pipeline_streams.stream_id = recent_loads.stream_id
    where recent_loads.is_spaced

),

-- of loads that n pipelines share, every n-th is taken for a pipeline's own
shared as (

    select
        *,
        row_number() over (partition by pipeline_id, schema_name order by started_seconds, load_id) as load_number
    from possible_loads
    where pipeline_count > 1 and is_recent

),

-- loads that are surely the pipeline's own may be only some of its loads, those that are possibly its own may be too
-- many: both are looked at
sequences as (

    select
        {{ key(['pipeline_id', 'schema_name', "'certain'"]) }} as sequence_id,
        pipeline_id,
        true as is_certain,
        is_recent,
        previous_seconds,
        started_seconds,
        ended_seconds
    from possible_loads
    where is_certain

    union all

    select
        {{ key(['earlier.pipeline_id', 'earlier.schema_name', "'possible'"]) }} as sequence_id,
        earlier.pipeline_id,
        false as is_certain,
        earlier.is_recent,
        null as previous_seconds,
        earlier.started_seconds,
        later.started_seconds as ended_seconds
    from shared as earlier
    left join shared as later
        on later.pipeline_id = earlier.pipeline_id
        and coalesce(later.schema_name, '') = coalesce(earlier.schema_name, '')
        and later.load_number = earlier.load_number + earlier.pipeline_count

),

ranked_gaps as (

    select
        sequence_id,
        ended_seconds - started_seconds as gap_seconds,
        row_number() over (partition by sequence_id order by ended_seconds - started_seconds) as place,
        count(*) over (partition by sequence_id) as gap_count
    from sequences
    where ended_seconds is not null
        and is_recent

),

-- loads that follow one another much faster than the pipeline otherwise fires are one firing
bursts as (

    select
        sequence_id,
        least(3600, 0.02 * max(gap_seconds)) as burst_seconds
    from ranked_gaps
    where {{ is_quantile('place', 'gap_count', 0.9) }}
    group by sequence_id

),

firings as (

    select
        sequences.*,
        coalesce(bursts.burst_seconds, 0) as burst_seconds
    from sequences
    left join bursts on bursts.sequence_id = sequences.sequence_id
    where sequences.previous_seconds is null
        or sequences.started_seconds - sequences.previous_seconds >= coalesce(bursts.burst_seconds, 0)

),

followed as (

    select
        *,
        lead(started_seconds) over (partition by sequence_id order by started_seconds) as next_firing_seconds
    from firings

),

closed as (

    select
        sequence_id,
        pipeline_id,
        is_certain,
        started_seconds,
        -- loads in between may not have been kept: the next firing is the next load, where that is no part of a burst
        case
            when ended_seconds - started_seconds < burst_seconds then next_firing_seconds
            else ended_seconds
        end as ended_seconds
    from followed

),

final as (

    select
        sequence_id,
        pipeline_id,
        is_certain,
        cast(started_seconds as {{ number_type() }}) as started_seconds,
        cast(ended_seconds as {{ number_type() }}) as ended_seconds,
        cast(ended_seconds - started_seconds as {{ number_type() }}) as gap_seconds,
        row_number() over (partition by sequence_id order by started_seconds desc) as recency
    from closed

)

select * from final
