with habits as (

    select * from {{ ref('int_firing_habits') }}

),

gaps as (

    select * from {{ ref('int_firing_gaps') }}

),

predictions as (

    select * from {{ ref('int_firing_predictions') }}

),

-- how much later than predicted the last firings came: as if each came an interval after the one before ...
errors as (

    select
        habits.sequence_id,
        'interval' as calendar,
        habits.short_seconds,
        gaps.gap_seconds - habits.interval_seconds as error_seconds
    from gaps
    inner join habits on habits.sequence_id = gaps.sequence_id
    where gaps.ended_seconds is not null and gaps.recency <= 120

    union all

    -- ... and as if each came as it did on the days, or in the weeks, before
    select
        habits.sequence_id,
        predictions.calendar,
        habits.short_seconds,
        predictions.actual_seconds - predictions.predicted_seconds as error_seconds
    from predictions
    inner join habits on habits.sequence_id = predictions.sequence_id
    where not predictions.is_next

),

ranked_errors as (

    select
        *,
        row_number() over (partition by sequence_id, calendar order by error_seconds) as place,
        count(*) over (partition by sequence_id, calendar) as error_count
    from errors

),

error_summaries as (

    select
        sequence_id,
        calendar,
        max(error_count) as error_count,
        sum(case when abs(error_seconds) > short_seconds / 2 then 1 else 0 end) as miss_count,
        max(case when {{ is_quantile('place', 'error_count', 0.5) }} then error_seconds end) as middle_seconds,
        max(case when {{ is_quantile('place', 'error_count', 0.9) }} then error_seconds end) as high_seconds,
        -- the last but two, or of more than a hundred the last but three in a hundred: what is rarer was an outage
        max(
            case when place <= error_count - greatest(2, ceil(0.03 * error_count)) then error_seconds end
        ) as highest_seconds
    from ranked_errors
    group by sequence_id, calendar

),

next_anchors as (

    select distinct
        sequence_id,
        is_clock_changing
    from predictions
    where is_next

),

-- where the time between firings is random, one in 1250 comes later than this (0.5 * 5 ^ -4); with few seen, more may
tolerated as (

    select
        error_summaries.sequence_id,
        error_summaries.calendar,
        error_summaries.miss_count,
        error_summaries.error_count,
        error_summaries.middle_seconds,
        greatest(
            case when error_summaries.calendar = 'interval' then 4 else 3 end
            * (error_summaries.high_seconds - error_summaries.middle_seconds),
            coalesce(error_summaries.highest_seconds - error_summaries.middle_seconds, 0),
            habits.interval_seconds / error_summaries.error_count,
            300
        )
        -- the day after the night in which clocks are put back is an hour longer
        + case
            when error_summaries.calendar = 'interval'
                and habits.interval_seconds >= 6 * 3600
                and next_anchors.is_clock_changing
                then 3600
            else 0
        end as tolerance_seconds
    from error_summaries
    inner join habits on habits.sequence_id = error_summaries.sequence_id
    left join next_anchors on next_anchors.sequence_id = error_summaries.sequence_id

),

next_firings as (

    select
        sequence_id,
        calendar,
        predicted_seconds,
        usual_seconds
    from predictions
    where is_next and calendar in ('day', 'week')

    union all

    select
        sequence_id,
        'interval' as calendar,
        alive_seconds + interval_seconds as predicted_seconds,
        alive_seconds + interval_seconds as usual_seconds
    from habits

),

-- the rule that was wrong least often, by steps of two in a hundred; of equals the one that needs the least tolerance.
-- A time of day is a better answer for what comes daily or less often, an interval for the rest.
candidates as (

    select
        tolerated.*,
        next_firings.predicted_seconds,
        next_firings.usual_seconds,
        row_number() over (
            partition by tolerated.sequence_id
            order by
                floor(50.0 * tolerated.miss_count / tolerated.error_count),
                tolerated.tolerance_seconds * case
                    when tolerated.calendar = 'interval' and habits.interval_seconds < 12 * 3600 then 0.3
                    when tolerated.calendar = 'interval' then 1
                    when tolerated.calendar = 'day' then 0.7
                    else 0.9
                end,
                tolerated.calendar
        ) as preference
    from tolerated
    inner join habits on habits.sequence_id = tolerated.sequence_id
    inner join next_firings
        on next_firings.sequence_id = tolerated.sequence_id
        and next_firings.calendar = tolerated.calendar
    where tolerated.calendar = 'interval'
        or (tolerated.error_count >= 4 and tolerated.miss_count <= 0.25 * tolerated.error_count)

),

chosen as (

    select * from candidates
    where preference = 1

),

-- a pause that the last three months all had at this place is no silence
month_pauses as (

    select
        sequence_id,
        max(predicted_seconds) as predicted_seconds
    from predictions
    where is_next and calendar in ('month', 'month_end')
    group by sequence_id

),

expected as (

    select
        habits.*,
        chosen.calendar,
        chosen.tolerance_seconds,
        greatest(
            chosen.predicted_seconds + chosen.middle_seconds,
            habits.alive_seconds + habits.slack_seconds,
            coalesce(month_pauses.predicted_seconds, 0)
        ) as expected_seconds,
        greatest(
            chosen.usual_seconds + chosen.middle_seconds,
            habits.alive_seconds + habits.slack_seconds,
            coalesce(month_pauses.predicted_seconds, 0)
        ) as usual_seconds
    from habits
    inner join chosen on chosen.sequence_id = habits.sequence_id
    left join month_pauses on month_pauses.sequence_id = habits.sequence_id

),

-- in its first two weeks nobody knows whether a pipeline that was never seen on a weekend rests there
rested as (

    select
        *,
        expected_seconds + case
            when has_weekend or alive_seconds - first_seconds > 14 * 86400 then 0
            when {{ weekday_of('expected_seconds + tolerance_seconds') }} = 5 then 2 * 86400
            when {{ weekday_of('expected_seconds + tolerance_seconds') }} = 6 then 86400
            else 0
        end as rested_seconds
    from expected

),

-- three intervals and a whole day make a rhythm
known as (

    select
        *,
        usual_seconds + rested_seconds - expected_seconds as due_seconds,
        rested_seconds + tolerance_seconds as overdue_seconds
    from rested
    where gap_count >= 3
        and alive_seconds - first_seconds >= 86400

),

-- a schema that stopped long before the others tells nothing of the pipeline; of those that go on the first is waited for
first_expected as (

    select
        *,
        row_number() over (
            partition by pipeline_id, is_certain
            order by
                case
                    when alive_seconds - last_seconds
                        <= greatest(longest_gap_seconds, interval_seconds + tolerance_seconds)
                        then 0
                    else 1
                end,
                overdue_seconds,
                sequence_id
        ) as promptness
    from known

),

-- loads that may be another's make it wait longer, never shorter
last_expected as (

    select
        *,
        row_number() over (partition by pipeline_id order by overdue_seconds desc, sequence_id) as patience
    from first_expected
    where promptness = 1

),

longest_gaps as (

    select
        pipeline_id,
        max(longest_gap_seconds) as longest_gap_seconds,
        max(alive_seconds - first_seconds) as known_seconds
    from habits
    group by pipeline_id

),

final as (

    select
        longest_gaps.pipeline_id,
        last_expected.calendar,
        last_expected.interval_seconds,
        -- where clocks may be changed, the hour that it may come later is no part of its habit
        cast(last_expected.overdue_seconds - last_expected.due_seconds as {{ number_type() }}) as tolerance_seconds,
        {{ from_epoch('last_expected.due_seconds') }} as expected_at,
        {{ from_epoch('last_expected.overdue_seconds') }} as expected_by,
        {{ weekday_words('last_expected.weekday_flags') }} as weekdays,
        cast(last_expected.firing_count as {{ number_type() }}) / nullif(last_expected.day_count, 0) as firings_per_day,
        longest_gaps.longest_gap_seconds,
        longest_gaps.known_seconds
    from longest_gaps
    left join last_expected
        on last_expected.pipeline_id = longest_gaps.pipeline_id
        and last_expected.patience = 1

)

select * from final
