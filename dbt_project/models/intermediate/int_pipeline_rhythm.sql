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
        recent_loads.committed_at,
        max(pipeline_streams.pipeline_count) over (
            partition by pipeline_streams.pipeline_id, pipeline_streams.schema_name
        ) as pipeline_count
    from recent_loads
    inner join pipeline_streams on pipeline_streams.stream_id = recent_loads.stream_id
    where recent_loads.is_spaced

),

-- loads that are surely the pipeline's own may be only some of its loads, those that are possibly its own may be too
-- many: of loads that n pipelines share, every n-th is taken for its own. The slower rhythm of the two is believed.
sequences as (

    select
        pipeline_id,
        schema_name,
        load_id,
        committed_at,
        'certain' as sequence_name,
        1 as stride
    from possible_loads
    where is_certain

    union all

    select
        pipeline_id,
        schema_name,
        load_id,
        committed_at,
        'possible' as sequence_name,
        pipeline_count as stride
    from possible_loads
    where pipeline_count > 1

),

numbered as (

    select
        *,
        row_number() over (
            partition by pipeline_id, sequence_name, schema_name order by committed_at, load_id
        ) as load_number
    from sequences

),

gaps as (

    select
        later.pipeline_id,
        later.sequence_name,
        {{ to_epoch('later.committed_at') }} - {{ to_epoch('earlier.committed_at') }} as gap_seconds,
        row_number() over (
            partition by later.pipeline_id, later.sequence_name order by later.committed_at desc, later.load_id desc
        ) as recency
    from numbered as later
    inner join numbered as earlier
        on earlier.pipeline_id = later.pipeline_id
        and earlier.sequence_name = later.sequence_name
        and earlier.schema_name = later.schema_name
        and earlier.load_number = later.load_number - later.stride

),

recent_gaps as (

    select
        *,
        row_number() over (partition by pipeline_id, sequence_name order by gap_seconds) as place,
        count(*) over (partition by pipeline_id, sequence_name) as gap_count
    from gaps
    where recency <= 50

),

intervals as (

    select
        pipeline_id,
        sequence_name,
        {{ middle('gap_seconds') }} as interval_seconds
    from recent_gaps
    where {{ is_middle('place', 'gap_count') }}
        and gap_count >= 3
    group by pipeline_id, sequence_name

),

deviations as (

    select
        intervals.pipeline_id,
        intervals.sequence_name,
        intervals.interval_seconds,
        abs(recent_gaps.gap_seconds - intervals.interval_seconds) as deviation_seconds
    from intervals
    inner join recent_gaps
        on recent_gaps.pipeline_id = intervals.pipeline_id
        and recent_gaps.sequence_name = intervals.sequence_name

),

ranked_deviations as (

    select
        *,
        row_number() over (partition by pipeline_id, sequence_name order by deviation_seconds) as place,
        count(*) over (partition by pipeline_id, sequence_name) as gap_count
    from deviations

),

-- three robust standard deviations, but a tenth of the interval and five minutes at least
tolerances as (

    select
        pipeline_id,
        sequence_name,
        interval_seconds,
        greatest(3 * 1.4826 * {{ middle('deviation_seconds') }}, 0.1 * interval_seconds, 300) as tolerance_seconds
    from ranked_deviations
    where {{ is_middle('place', 'gap_count') }}
    group by pipeline_id, sequence_name, interval_seconds

),

slowest as (

    select
        *,
        row_number() over (partition by pipeline_id order by interval_seconds desc, sequence_name) as slowness
    from tolerances

),

longest_gaps as (

    select
        pipeline_id,
        max(gap_seconds) as longest_gap_seconds
    from recent_gaps
    group by pipeline_id

),

final as (

    select
        longest_gaps.pipeline_id,
        cast(slowest.interval_seconds as {{ number_type() }}) as interval_seconds,
        cast(slowest.tolerance_seconds as {{ number_type() }}) as tolerance_seconds,
        longest_gaps.longest_gap_seconds
    from longest_gaps
    left join slowest
        on slowest.pipeline_id = longest_gaps.pipeline_id
        and slowest.slowness = 1

)

select * from final
