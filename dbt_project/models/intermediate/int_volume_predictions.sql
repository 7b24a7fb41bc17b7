{{
    config(
        pre_hook=["{{ delete_recounted_loads() }}", "{{ delete_changed_days() }}"],
        **replaced_by(['series_id', 'observation_number'])
    )
}}

-- depends_on: {{ ref('int_loads_to_count') }}

{% set methods = ['level', 'day', 'week', 'shifted_day', 'shifted_week'] %}

with new_observations as (

    select * from {{ ref('int_volume_observations') }}
    {% if is_incremental() %}
    where {{ is_built_since() }}
    {% endif %}

),

new_rows as (

    select
        series_id,
        destination_name,
        dataset_name,
        load_id,
        observed_at,
        observation_number,
        observed_rows,
        hour_number,
        mod(hour_number, 24) * 10000 + hour_place as day_phase,
        mod(hour_number, 168) * 10000 + hour_place as week_phase,
        {{ log_of('observed_rows') }} as log_rows,
        true as is_new,
        cast(null as {{ dbt.type_bigint() }}) as known_kept_log,
        cast(null as {{ dbt.type_bigint() }}) as known_day_deviation,
        cast(null as {{ dbt.type_bigint() }}) as known_week_deviation,
        {% for method in methods %}
        cast(null as {{ dbt.type_bigint() }}) as known_{{ method }}_miss{{ ',' if not loop.last }}
        {% endfor %}
    from new_observations

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

-- what a new observation looks back at: the last ones, and those of the same hour
known_rows as (

    select
        known.series_id,
        known.destination_name,
        known.dataset_name,
        known.load_id,
        known.observed_at,
        known.observation_number,
        known.observed_rows,
        known.hour_number,
        known.day_phase,
        known.week_phase,
        known.log_rows,
        false as is_new,
        known.kept_log as known_kept_log,
        known.day_deviation as known_day_deviation,
        known.week_deviation as known_week_deviation,
        {% for method in methods %}
        known.{{ method }}_miss as known_{{ method }}_miss{{ ',' if not loop.last }}
        {% endfor %}
    from {{ this }} as known
    inner join continued
        on continued.series_id = known.series_id
        and continued.first_number > known.observation_number
        and continued.first_number - {{ volume_memory() }} <= known.observation_number
    left join new_phases
        on new_phases.series_id = known.series_id
        and new_phases.day_phase = known.day_phase
    where new_phases.series_id is not null
        or known.observation_number >= continued.first_number - 60

),
{% endif %}

series as (

    select * from new_rows
    {% if is_incremental() %}
    union all
    select * from known_rows
    {% endif %}

),

-- where rows nearly always come, none at all tells nothing of how many come next
kept as (

    select
        *,
        case
            when not is_new then known_kept_log
            when observed_rows > 0
                or 4 * coalesce(sum(case when observed_rows = 0 then 1 else 0 end) {{ before(28) }}, 0)
                >= count(*) {{ before(28) }}
                then log_rows
        end as kept_log
    from series

),

seasons as (

    select
        *,
        {{ middle_mean('kept_log', 7) }} as level_log,
        {% for season, count in {'day': 7, 'week': 5}.items() %}
        case
            when {{ is_remembered('log_rows', count, season ~ '_phase') }}
                then {{ middle_mean('kept_log', count, season ~ '_phase') }}
        end as {{ season }}_log{{ ',' if not loop.last }}
        {% endfor %}
    from kept

),

-- beyond a factor of two (ln 2) it is more than a level that moves
deviations as (

    select
        *,
        {% for season in ['day', 'week'] %}
        case
            when not is_new then known_{{ season }}_deviation
            when {{ season }}_log is not null and kept_log is not null
                then greatest(-693147181, least(693147181, log_rows - {{ season }}_log))
        end as {{ season }}_deviation{{ ',' if not loop.last }}
        {% endfor %}
    from seasons

),

shifts as (

    select
        *,
        day_log + {{ middle_mean('day_deviation', 5) }} as shifted_day_log,
        week_log + {{ middle_mean('week_deviation', 5) }} as shifted_week_log
    from deviations

),

misses as (

    select
        *,
        {% for method in methods %}
        case
            when is_new then {{ root_of('abs(kept_log - ' ~ method ~ '_log)') }}
            else known_{{ method }}_miss
        end as {{ method }}_miss{{ ',' if not loop.last }}
        {% endfor %}
    from shifts

),

-- the square of the mean root is a mean error in which an anomaly of the past counts little
errors as (

    select
        *,
        {% for method in methods %}
        case
            when {{ method }}_log is not null and count({{ method }}_miss) {{ before(60) }} >= 4
                then {{ mean_of_roots(method ~ '_miss', before(60)) }} + 0.001
        end as {{ method }}_error{{ ',' if not loop.last }}
        {% endfor %}
    from misses

),

weights as (

    select
        *,
        {% for method in methods %}
        coalesce(
            1 / ({{ method }}_error * {{ method }}_error * {{ method }}_error * {{ method }}_error), 0
        ) as {{ method }}_weight{{ ',' if not loop.last }}
        {% endfor %}
    from errors
    where is_new

),

final as (

    select
        series_id,
        destination_name,
        dataset_name,
        load_id,
        observed_at,
        observation_number,
        observed_rows,
        hour_number,
        day_phase,
        week_phase,
        log_rows,
        kept_log,
        day_deviation,
        week_deviation,
        {% for method in methods %}
        {{ method }}_miss,
        {% endfor %}
        case
            when {% for method in methods %}{{ method }}_weight{{ ' + ' if not loop.last }}{% endfor %} > 0
                then cast(floor((
                    {% for method in methods -%}
                    {{ method }}_weight * coalesce({{ method }}_log, 0){{ ' + ' if not loop.last }}
                    {% endfor -%}
                ) / (
                    {%- for method in methods -%}{{ method }}_weight{{ ' + ' if not loop.last }}{%- endfor -%}
                ) + 0.5) as {{ dbt.type_bigint() }})
            else level_log
        end as expected_log,
        case
            when greatest(day_weight, shifted_day_weight) > greatest(level_weight, week_weight, shifted_week_weight)
                then 'same_hour'
            when greatest(week_weight, shifted_week_weight) > level_weight then 'same_weekday'
            else 'level'
        end as method,
        {{ built_at() }} as built_at
    from weights

)

select * from final
