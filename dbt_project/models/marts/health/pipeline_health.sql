with pipelines as (

    select * from {{ ref('pipelines') }}

),

rhythms as (

    select * from {{ ref('int_pipeline_rhythm') }}

),

doubts as (

    select * from {{ ref('int_pipeline_doubts') }}

),

coverage as (

    select * from {{ ref('destination_coverage') }}

),

readings as (

    select * from {{ ref('int_dataset_readings') }}

),

observed as (

    select
        pipelines.pipeline_id,
        pipelines.destination_name,
        pipelines.dataset_name,
        pipelines.pipeline_name,
        pipelines.schema_names,
        pipelines.load_count + pipelines.possible_load_count as load_count,
        -- a load that may have been its own counts for it: doubt must not make a pipeline late
        pipelines.last_possible_load_at as last_load_at,
        rhythms.interval_seconds,
        rhythms.tolerance_seconds,
        rhythms.longest_gap_seconds,
        coverage.outcome,
        coverage.first_collected_at,
        readings.read_until,
        doubts.uncertain_load_count,
        doubts.pipeline_candidates,
        {{ as_of() }} as judged_at
    from pipelines
    left join rhythms on rhythms.pipeline_id = pipelines.pipeline_id
    left join doubts on doubts.pipeline_id = pipelines.pipeline_id
    left join coverage
        on coverage.destination_name = pipelines.destination_name
        and coverage.dataset_name = pipelines.dataset_name
    left join readings
        on readings.destination_name = pipelines.destination_name
        and readings.dataset_name = pipelines.dataset_name

),

measured as (

    select
        *,
        {{ to_epoch('judged_at') }} - {{ to_epoch('last_load_at') }} as age_seconds,
        -- nobody knows of the time that was not read
        {{ to_epoch('coalesce(read_until, judged_at)') }} - {{ to_epoch('last_load_at') }} as silent_seconds,
        {{ to_epoch('judged_at') }} - {{ to_epoch('read_until') }} > 86400 as is_read_long_ago,
        {{ from_epoch(to_epoch('last_load_at') ~ ' + interval_seconds + tolerance_seconds') }} as expected_by,
        -- without a rhythm the longest gap so far stands in, and nine days where there is none
        coalesce(interval_seconds, longest_gap_seconds, 9 * 86400) as patience_seconds
    from observed
    -- what is left out on purpose is not read, so there is nothing to judge
    where coalesce(outcome, '') not in ('dev_mode', 'excluded')

),

judged as (

    select
        *,
        case
            {% if not shows_past() %}
            -- no collection that read the dataset was ever finished
            when outcome is null then 'unreachable'
            {% endif %}
            -- the last collection could not read the dataset: whatever is known of it is out of date
            when outcome not in ('complete', 'partial') then 'unreachable'
            -- nobody has looked since before the next load was due: neither healthy nor late can be told
            when judged_at > expected_by and read_until <= expected_by then 'unreachable'
            -- silent for so long, by its own measure too, that nobody waits for it any more
            when silent_seconds > 30 * 86400 and silent_seconds > 10 * patience_seconds then 'retired'
            -- three intervals, so four loads, make a rhythm
            when interval_seconds is null then 'new'
            -- the next load is overdue
            when judged_at > expected_by then 'late'
            else 'healthy'
        end as status
    from measured

),

worded as (

    select
        *,
        {{ duration_words('age_seconds') }} as age,
        {{ duration_words('silent_seconds') }}
            || case
                when is_read_long_ago
                    then ' up to ' || {{ utc_minute('read_until') }} || ' UTC, when it was last read'
                else ''
            end as silence,
        'every ' || {{ duration_words('interval_seconds') }}
            || ', ± ' || {{ duration_words('tolerance_seconds') }} as rhythm,
        {{ counted('load_count', 'load') }} as load_words,
        case
            when uncertain_load_count = 1
                then ' (the last load may be of ' || replace(pipeline_candidates, ', ', ' or ') || ')'
            when uncertain_load_count > 1
                then ' (the last ' || {{ whole('uncertain_load_count') }} || ' loads may be of '
                    || replace(pipeline_candidates, ', ', ' or ') || ')'
            else ''
        end as doubt
    from judged

),

reasoned as (

    select
        *,
        case
            when status = 'unreachable' and outcome is null
                then 'no finished collection has read its dataset yet'
            when status = 'unreachable' and outcome = 'missing'
                then 'its dataset is gone since ' || {{ utc_minute('first_collected_at') }} || ' UTC'
            when status = 'unreachable' and outcome not in ('complete', 'partial')
                then 'its dataset could not be read (' || outcome || ') since '
                    || {{ utc_minute('first_collected_at') }} || ' UTC'
            when status = 'unreachable'
                then 'not collected since ' || {{ utc_minute('read_until') }}
                    || ' UTC, before its next load was expected (by '
                    || {{ utc_minute('expected_by') }} || ' UTC)' || doubt
            when status = 'retired' and interval_seconds is not null
                then 'no load for ' || silence || '; it used to load ' || rhythm || doubt
            when status = 'retired'
                then 'no load for ' || silence || ', after ' || load_words || doubt
            when status = 'new' and load_count = 0
                then 'no load so far'
            when status = 'new' and load_count < 4
                then load_words || ' so far; its rhythm is known from 4 on' || doubt
            when status = 'new'
                then load_words || ' so far, too few of them a minute or more apart to know its rhythm' || doubt
            when status = 'late'
                then 'no load for ' || silence || '; it loads ' || rhythm || doubt
            else 'last load ' || age || ' ago; it loads ' || rhythm || doubt
        end as reason
    from worded

),

final as (

    select
        pipeline_id,
        destination_name,
        dataset_name,
        pipeline_name,
        schema_names,
        status,
        reason,
        last_load_at,
        interval_seconds as expected_interval_seconds,
        tolerance_seconds,
        expected_by,
        load_count,
        judged_at
    from reasoned

)

select * from final
