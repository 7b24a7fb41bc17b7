{% set day = 86400 %}
{% set calendars = [('day', day), ('week', 7 * day)] %}

with gaps as (

    select * from {{ ref('int_firing_gaps') }}

),

habits as (

    select * from {{ ref('int_firing_habits') }}

),

-- what is to be predicted: the next firing, and each of the last ones from what was known before it
predicted as (

    select
        habits.sequence_id,
        habits.slack_seconds,
        habits.interval_seconds,
        gaps.recency as anchor_number,
        gaps.started_seconds as anchor_seconds,
        gaps.ended_seconds as actual_seconds
    from gaps
    inner join habits on habits.sequence_id = gaps.sequence_id
    where gaps.ended_seconds is not null and gaps.recency <= 120

    union all

    select
        sequence_id,
        slack_seconds,
        interval_seconds,
        0 as anchor_number,
        alive_seconds as anchor_seconds,
        cast(null as {{ number_type() }}) as actual_seconds
    from habits

),

moments as (

    select
        *,
        {% for name, shift in [('last', '- 604800'), ('this', ''), ('next', '+ 604800')] -%}
        {%- set sunday = 'anchor_seconds - 86400 * mod(' ~ weekday_of('anchor_seconds') ~ ' + 1, 7) ' ~ shift -%}
        {{ from_epoch(sunday) }} as {{ name }}_sunday_at,
        {% endfor -%}
        {{ from_epoch('anchor_seconds') }} as anchor_at
    from predicted

),

sundays as (

    select
        *,
        {{ utc_date('last_sunday_at') }} as last_sunday,
        {{ utc_date('this_sunday_at') }} as this_sunday,
        {{ utc_date('next_sunday_at') }} as next_sunday,
        {{ utc_date('anchor_at') }} as anchor_day
    from moments

),

-- clocks are changed within a week, or were within two: what is compared may have been an hour earlier or later
anchors as (

    select
        *,
        {{ is_clock_change('last_sunday') }}
        or {{ is_clock_change('this_sunday') }}
        or {{ is_clock_change('next_sunday') }} as is_clock_changing
    from sundays

),

{% for months in [1, 2, 3] %}
month_{{ months }} as (

    select
        *,
        cast({{ dbt.dateadd('month', -months, 'anchor_day') }} as date) as same_day
    from anchors
    where anchor_number = 0

),
{% endfor %}

-- where to look: the same moment one to three days, weeks and months ago, months counted from their end too; where
-- clocks change, an hour before and after it as well
looks as (

    {% for calendar, seconds in calendars -%}
    {%- for times in [1, 2, 3] -%}
    {%- for shift in [0, -3600, 3600] %}
    select
        sequence_id,
        slack_seconds,
        interval_seconds,
        anchor_number,
        anchor_seconds,
        actual_seconds,
        is_clock_changing,
        '{{ calendar }}' as calendar,
        {{ shift }} as shift_seconds,
        cast({{ times * seconds - shift }} as {{ number_type() }}) as back_seconds
    from anchors
    {{ 'where is_clock_changing' if shift }}

    union all
    {% endfor -%}
    {%- endfor -%}
    {%- endfor %}

    {%- for months in [1, 2, 3] %}
    {%- for calendar in ['month', 'month_end'] %}
    select
        sequence_id,
        slack_seconds,
        interval_seconds,
        anchor_number,
        anchor_seconds,
        actual_seconds,
        is_clock_changing,
        '{{ calendar }}' as calendar,
        0 as shift_seconds,
        cast(86400 * {% if calendar == 'month' -%}
            {{ dbt.datediff('same_day', 'anchor_day', 'day') }}
        {%- else -%}
            {{ dbt.datediff(dbt.last_day('same_day', 'month'), dbt.last_day('anchor_day', 'month'), 'day') }}
        {%- endif %} as {{ number_type() }}) as back_seconds
    from month_{{ months }}
    {{ 'union all' if not (loop.last and months == 3) }}
    {% endfor -%}
    {%- endfor %}

),

-- the last firing at or before each moment looked at, without a join of unequal times
timeline as (

    select
        sequence_id,
        started_seconds as at_seconds,
        0 as is_look,
        coalesce(ended_seconds, 1e12) as ended_seconds,
        cast(null as {{ dbt.type_string() }}) as calendar,
        cast(null as {{ dbt.type_bigint() }}) as anchor_number,
        cast(null as {{ dbt.type_boolean() }}) as is_clock_changing,
        cast(null as {{ number_type() }}) as anchor_seconds,
        cast(null as {{ number_type() }}) as actual_seconds,
        cast(null as {{ number_type() }}) as interval_seconds,
        cast(null as {{ dbt.type_bigint() }}) as shift_seconds,
        cast(null as {{ number_type() }}) as back_seconds
    from gaps

    union all

    select
        sequence_id,
        anchor_seconds - back_seconds + slack_seconds as at_seconds,
        1 as is_look,
        cast(null as {{ number_type() }}) as ended_seconds,
        calendar,
        anchor_number,
        is_clock_changing,
        anchor_seconds,
        actual_seconds,
        interval_seconds,
        shift_seconds,
        back_seconds
    from looks

),

located as (

    select
        *,
        max(ended_seconds) over (
            partition by sequence_id order by at_seconds, is_look rows between unbounded preceding and current row
        ) as following_seconds
    from timeline

),

-- what followed then is expected to follow now
seen as (

    select
        sequence_id,
        calendar,
        anchor_number,
        is_clock_changing,
        anchor_seconds,
        actual_seconds,
        shift_seconds,
        case
            when following_seconds > at_seconds then following_seconds + back_seconds
            -- of times without a pause no firings are kept
            else anchor_seconds + interval_seconds
        end as usual_seconds,
        -- over a night or a weekend, clocks may be changed before it
        case
            when anchor_number = 0
                and is_clock_changing
                and shift_seconds >= 0
                and following_seconds - at_seconds >= 6 * 3600
                then 3600
            else 0
        end as grace_seconds
    from located
    where is_look = 1 and following_seconds < 1e12

),

forgiven as (

    select
        *,
        usual_seconds + grace_seconds as expected_seconds
    from seen

),

ranked as (

    select
        *,
        row_number() over (
            partition by sequence_id, calendar, anchor_number, shift_seconds order by expected_seconds
        ) as place,
        count(*) over (
            partition by sequence_id, calendar, anchor_number, shift_seconds
        ) as look_count
    from forgiven

),

-- the middle one, the later where there are two; of months, all three have to agree
agreed as (

    select
        sequence_id,
        calendar,
        anchor_number,
        shift_seconds,
        is_clock_changing,
        max(anchor_seconds) as anchor_seconds,
        max(actual_seconds) as actual_seconds,
        max(case when place = floor(look_count / 2) + 1 then usual_seconds end) as usual_seconds,
        max(case when place = floor(look_count / 2) + 1 then expected_seconds end) as predicted_seconds
    from ranked
    group by sequence_id, calendar, anchor_number, shift_seconds, is_clock_changing
    having calendar in ('day', 'week')
        or (max(look_count) = 3 and max(expected_seconds) - min(expected_seconds) <= 6 * 3600)

),

-- of the hours that clocks may have been changed by, the one that fits; for the next firing nobody knows, so the latest
fitting as (

    select
        *,
        max(case when shift_seconds = 0 then usual_seconds end) over (
            partition by sequence_id, calendar, anchor_number
        ) as unshifted_seconds,
        row_number() over (
            partition by sequence_id, calendar, anchor_number
            order by
                case when anchor_number = 0 then -predicted_seconds else abs(actual_seconds - predicted_seconds) end,
                shift_seconds
        ) as fit
    from agreed

),

final as (

    select
        sequence_id,
        calendar,
        anchor_number = 0 as is_next,
        anchor_seconds,
        actual_seconds,
        predicted_seconds,
        coalesce(unshifted_seconds, usual_seconds) as usual_seconds,
        is_clock_changing
    from fitting
    where fit = 1

)

select * from final
