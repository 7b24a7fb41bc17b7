{{
    config(
        pre_hook=["{{ delete_recounted_loads() }}", "{{ delete_changed_days() }}"],
        **replaced_by(['series_id', 'observation_number'])
    )
}}

-- depends_on: {{ ref('int_loads_to_count') }}

with new_predictions as (

    select * from {{ ref('int_volume_predictions') }}
    where expected_log is not null
    {% if is_incremental() %}
        and {{ is_built_since() }}
    {% endif %}

),

-- numbers of rows vary by their root at least, as all counts do, and by a tenth
spreads as (

    select
        *,
        sqrt(exp(-expected_log / {{ log_unit() }}) + 0.01) as spread
    from new_predictions

),

new_rows as (

    select
        series_id,
        destination_name,
        dataset_name,
        load_id,
        observed_at,
        observation_number,
        hour_number,
        day_phase,
        expected_log,
        spread,
        method,
        {{ nearest('abs(log_rows - expected_log) / spread') }} as miss,
        true as is_new,
        cast(null as {{ dbt.type_bigint() }}) as known_typical_miss
    from spreads

),

{% if is_incremental() %}
continued as (

    select
        series_id,
        min(observation_number) as first_number
    from new_rows
    group by series_id

),

new_phases as (

    select distinct series_id, day_phase from new_rows

),

known_rows as (

    select
        known.series_id,
        known.destination_name,
        known.dataset_name,
        known.load_id,
        known.observed_at,
        known.observation_number,
        known.hour_number,
        known.day_phase,
        known.expected_log,
        known.spread,
        known.method,
        known.miss,
        false as is_new,
        known.typical_miss as known_typical_miss
    from {{ this }} as known
    inner join continued
        on continued.series_id = known.series_id
        and continued.first_number > known.observation_number
        and continued.first_number - {{ volume_memory() }} <= known.observation_number
    left join new_phases
        on new_phases.series_id = known.series_id
        and new_phases.day_phase = known.day_phase
    where new_phases.series_id is not null
        or known.observation_number >= continued.first_number - 270

),
{% endif %}

series as (

    select * from new_rows
    {% if is_incremental() %}
    union all
    select * from known_rows
    {% endif %}

),

roots as (

    select
        *,
        {{ root_of('miss') }} as root_miss
    from series

),

-- how far off one usually is, at this hour and at all
typical as (

    select
        *,
        count(miss) {{ before(270) }} as history_count,
        {{ mean_of_roots('root_miss', before(60)) }} as recent_root,
        case
            when {{ is_remembered('miss', 14, 'day_phase') }} and count(miss) {{ before(14, 'day_phase') }} >= 2
                then {{ lower_mean_of_roots('root_miss', before(14, 'day_phase')) }}
        end as same_hour_root,
        -- more than three a day, by the last thirty
        coalesce(
            hour_number - min(hour_number) {{ before(30) }} < 8 * count(hour_number) {{ before(30) }}, false
        ) as is_frequent
    from roots

),

scaled as (

    select
        *,
        case
            when is_new
                then {{ nearest(
                    '(0.5 * recent_root * recent_root'
                    ~ ' + 0.5 * coalesce(same_hour_root, recent_root) * coalesce(same_hour_root, recent_root) + 0.01) * '
                    ~ log_unit()
                ) }}
            else known_typical_miss
        end as typical_miss
    from typical

),

relative as (

    select
        *,
        {{ nearest('miss / cast(typical_miss as ' ~ number_type() ~ ') * ' ~ log_unit()) }} as relative_miss
    from scaled

),

-- the highest misses of the last stretch ...
last_stretch as (

    select
        *,
        max(miss) {{ before(5) }} as miss_1,
        max(miss) {{ before(15) }} as highest_miss,
        max(relative_miss) {{ before(10) }} as relative_miss_1,
        max(relative_miss) {{ before(30) }} as highest_relative_miss
    from relative

),

-- ... and of those before it
stretches as (

    select
        *,
        {% for place in range(2, 10) %}
        {{ lagged('miss_1', 5 * (place - 1)) }} as miss_{{ place }},
        {% endfor %}
        {% for place in range(2, 28) %}
        {{ lagged('relative_miss_1', 10 * (place - 1)) }} as relative_miss_{{ place }}{{ ',' if not loop.last }}
        {% endfor %}
    from last_stretch

),

middles as (

    select
        *,
        {% for place in range(1, 4) %}
        {{ middle_of_three('miss_', 3 * place - 2) }} as middle_miss_{{ place }},
        {% endfor %}
        {% for place in range(1, 10) %}
        {{ middle_of_three('relative_miss_', 3 * place - 2) }} as middle_relative_miss_{{ place }}{{ ',' if not loop.last }}
        {% endfor %}
    from stretches
    where is_new

),

middles_of_middles as (

    select
        *,
        {{ middle_of_three('middle_miss_', 1) }} as settled_miss,
        {% for place in range(1, 4) %}
        {{ middle_of_three('middle_relative_miss_', 3 * place - 2) }} as settled_relative_miss_{{ place }}{{ ',' if not loop.last }}
        {% endfor %}
    from middles

),

-- However misses are distributed, one in 7.7 is beyond the middle of the highest of stretches of five, one in 15 of ten.
-- From there to the one in 60, or in 2000 of what comes often, the tail is taken for exponential: quantiles that far out would
-- be made of the anomalies of the past themselves.
tolerated as (

    select
        *,
        case
            when is_frequent then
                typical_miss / {{ log_unit() }} * ln(2000) * case
                    when history_count >= 270 then {{ middle_of_three('settled_relative_miss_', 1) }} / ln(15)
                    when history_count >= 90 then settled_relative_miss_1 / ln(15)
                    when history_count >= 30 then middle_relative_miss_1 / ln(15)
                    when history_count >= 4 then highest_relative_miss / ln({{ number('history_count + 1') }})
                end
            else
                ln(60) * case
                    when history_count >= 45 then settled_miss / ln(7.7)
                    when history_count >= 15 then middle_miss_1 / ln(7.7)
                    when history_count >= 4 then highest_miss / ln({{ number('history_count + 1') }})
                end
        end as tolerated_miss
    from middles_of_middles

),

final as (

    select
        series_id,
        destination_name,
        dataset_name,
        load_id,
        observed_at,
        observation_number,
        hour_number,
        day_phase,
        expected_log,
        method,
        spread,
        miss,
        typical_miss,
        history_count,
        {{ nearest('tolerated_miss * spread') }} as tolerated_log,
        {{ built_at() }} as built_at
    from tolerated

)

select * from final
