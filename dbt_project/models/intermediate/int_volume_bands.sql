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
            when observation_number <= {{ volume_memory() }}
                or min(observation_number) {{ before(14, 'day_phase') }} >= observation_number - {{ volume_memory() }}
                then {{ mean_of_roots('root_miss', before(14, 'day_phase')) }}
        end as same_hour_root,
        -- more than three a day, by the last thirty
        hour_number - min(hour_number) {{ before(30) }} < 8 * count(hour_number) {{ before(30) }} as is_frequent
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

-- the highest misses of three stretches each
stretches as (

    select
        *,
        {% for miss, counts in {'miss': [10, 30], 'relative_miss': [10, 30, 90]}.items() %}
        {% for count in counts %}
        {% for stretch in [1, 2, 3] %}
        {{ highest(miss, count, stretch) }} as {{ miss }}_{{ count }}_{{ stretch }},
        {% endfor %}
        {% endfor %}
        {% endfor %}
        coalesce(is_frequent, false) as has_hours
    from relative

),

middles as (

    select
        *,
        {% for miss, counts in {'miss': [10, 30], 'relative_miss': [10, 30, 90]}.items() %}
        {% for count in counts %}
        {{ middle_of_three(
            miss ~ '_' ~ count ~ '_1', miss ~ '_' ~ count ~ '_2', miss ~ '_' ~ count ~ '_3'
        ) }} as {{ miss }}_{{ count }},
        {% endfor %}
        {% endfor %}
        ln(130) as wanted_of_frequent,
        ln(44) as wanted
    from stretches
    where is_new

),

-- However misses are distributed, one in 15, 44 or 130 is beyond the middle one of the highest of three stretches of 10, 30
-- or 90. Wanted is 44, and 130 of what comes more than three times a day; as long as the history is too short for that,
-- the tail is taken for exponential.
tolerated as (

    select
        *,
        case
            when has_hours then
                case
                    when history_count >= 270 then relative_miss_90
                    when history_count >= 90 then relative_miss_30 * wanted_of_frequent / ln(44)
                    when history_count >= 30 then relative_miss_10 * wanted_of_frequent / ln(15)
                    when history_count >= 4 then relative_miss_30_1 * wanted_of_frequent / ln(cast(history_count + 1 as {{ number_type() }}))
                end * (typical_miss / {{ log_unit() }})
            else
                case
                    when history_count >= 90 then miss_30
                    when history_count >= 30 then miss_10 * wanted / ln(15)
                    when history_count >= 4 then miss_30_1 * wanted / ln(cast(history_count + 1 as {{ number_type() }}))
                end
        end as tolerated_miss
    from middles

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
