{{
    config(
        pre_hook=["{{ delete_recounted_loads() }}", "{{ delete_changed_days() }}"],
        **replaced_by(['series_id', 'observation_number'])
    )
}}

with loads_to_count as (

    select * from {{ ref('int_loads_to_count') }}

),

table_loads as (

    select * from {{ ref('table_loads') }}

),

empty_loads as (

    select * from {{ ref('int_empty_loads') }}

),

table_days as (

    select * from {{ ref('table_volume_daily') }}

),

last_days as (

    select * from {{ ref('int_complete_days') }}

),

{% if is_incremental() %}
-- what the pre-hooks left
numbered_before as (

    select
        series_id,
        max(observation_number) as last_number,
        max(observed_at) as last_observed_at,
        max(hour_number) as last_hour
    from {{ this }}
    group by series_id

),

known as (

    select
        numbered_before.*,
        last_rows.hour_place as last_place
    from numbered_before
    inner join {{ this }} as last_rows
        on last_rows.series_id = numbered_before.series_id
        and last_rows.observation_number = numbered_before.last_number

),
{% endif %}

counted_loads as (

    select
        table_loads.relation_id,
        table_loads.pipeline_id,
        table_loads.destination_name,
        table_loads.dataset_name,
        table_loads.schema_name,
        table_loads.table_name,
        table_loads.load_id,
        table_loads.committed_at,
        table_loads.row_count
    from table_loads
    inner join loads_to_count
        on loads_to_count.destination_name = table_loads.destination_name
        and loads_to_count.dataset_name = table_loads.dataset_name
        and loads_to_count.load_id = table_loads.load_id
    where loads_to_count.is_recounted

    union all

    select
        relation_id,
        pipeline_id,
        destination_name,
        dataset_name,
        schema_name,
        table_name,
        load_id,
        committed_at,
        0 as row_count
    from empty_loads

),

load_observations as (

    select
        {{ key(["'load'", 'relation_id', 'schema_name', 'pipeline_id']) }} as series_id,
        relation_id,
        pipeline_id,
        destination_name,
        dataset_name,
        table_name,
        'load' as grain,
        load_id,
        committed_at as observed_at,
        row_count as observed_rows
    from counted_loads

),

days as (

    select
        {{ key(["'day'", 'relation_id']) }} as series_id,
        relation_id,
        destination_name,
        dataset_name,
        table_name,
        load_date,
        cast({{ dbt.datediff("cast('1970-01-01' as date)", 'load_date', 'day') }} as {{ dbt.type_bigint() }})
            as day_number,
        row_count
    from table_days

),

received as (

    select
        *,
        lag(day_number, 7) over (partition by series_id order by day_number) as eighth_last,
        lead(day_number) over (partition by series_id order by day_number) as next_number
    from days
    where row_count > 0

),

steps as (

    {% for step in range(1, 8) -%}
    select {{ step }} as step{{ ' union all ' if not loop.last }}
    {% endfor %}

),

-- A table with rows on eight of the fourteen days before is loaded daily, and on this weekday where it was in one of the
-- last two weeks: a day without a load is then a day with no rows.
empty_days as (

    select
        received.series_id,
        received.relation_id,
        received.destination_name,
        received.dataset_name,
        received.table_name,
        received.load_date,
        received.day_number + steps.step as day_number,
        0 as row_count
    from received
    inner join steps
        on received.next_number is null
        or received.day_number + steps.step < received.next_number
    where received.eighth_last >= received.day_number + steps.step - 14
        and exists (
            select 1
            from days
            where days.series_id = received.series_id
                and days.day_number in (received.day_number + steps.step - 7, received.day_number + steps.step - 14)
                and days.row_count > 0
        )
        and not exists (
            select 1
            from days
            where days.series_id = received.series_id
                and days.day_number = received.day_number + steps.step
        )

),

all_days as (

    select * from days
    union all
    select * from empty_days

),

complete_days as (

    select
        all_days.*,
        {{ from_epoch('all_days.day_number * 86400') }} as observed_at
    from all_days
    inner join last_days
        on last_days.destination_name = all_days.destination_name
        and last_days.dataset_name = all_days.dataset_name
    where all_days.day_number < last_days.open_day_number

),

new_days as (

    select complete_days.*
    from complete_days
    {% if is_incremental() %}
    left join known on known.series_id = complete_days.series_id
    where known.series_id is null
        or complete_days.observed_at > known.last_observed_at
    {% endif %}

),

-- a day without a load is of whoever loaded the table last
day_pipelines as (

    select
        new_days.series_id,
        new_days.day_number,
        case
            when min(coalesce(table_loads.pipeline_id, '')) = max(coalesce(table_loads.pipeline_id, ''))
                then max(table_loads.pipeline_id)
        end as pipeline_id
    from new_days
    inner join table_loads
        on table_loads.relation_id = new_days.relation_id
        and {{ utc_date('table_loads.committed_at') }} = new_days.load_date
    group by new_days.series_id, new_days.day_number

),

day_observations as (

    select
        new_days.series_id,
        new_days.relation_id,
        day_pipelines.pipeline_id,
        new_days.destination_name,
        new_days.dataset_name,
        new_days.table_name,
        'day' as grain,
        cast(null as {{ dbt.type_string() }}) as load_id,
        new_days.observed_at,
        new_days.row_count as observed_rows
    from new_days
    left join day_pipelines
        on day_pipelines.series_id = new_days.series_id
        and day_pipelines.day_number = new_days.day_number

),

united as (

    select * from load_observations
    union all
    select * from day_observations

),

placed as (

    select
        *,
        {{ hour_number('observed_at') }} as hour_number
    from united

),

numbered as (

    select
        *,
        row_number() over (partition by series_id order by observed_at, load_id) as place,
        row_number() over (partition by series_id, hour_number order by observed_at, load_id) as place_in_hour
    from placed

),

final as (

    select
        numbered.series_id,
        numbered.relation_id,
        numbered.pipeline_id,
        numbered.destination_name,
        numbered.dataset_name,
        numbered.table_name,
        numbered.grain,
        numbered.load_id,
        numbered.observed_at,
        numbered.hour_number,
        {% if is_incremental() %}
        cast(numbered.place + coalesce(known.last_number, 0) as {{ dbt.type_bigint() }}) as observation_number,
        cast(
            numbered.place_in_hour
            + case when known.last_hour = numbered.hour_number then known.last_place else 0 end
            as {{ dbt.type_bigint() }}
        ) as hour_place,
        {% else %}
        cast(numbered.place as {{ dbt.type_bigint() }}) as observation_number,
        cast(numbered.place_in_hour as {{ dbt.type_bigint() }}) as hour_place,
        {% endif %}
        cast(numbered.observed_rows as {{ dbt.type_bigint() }}) as observed_rows,
        {{ built_at() }} as built_at
    from numbered
    {% if is_incremental() %}
    left join known on known.series_id = numbered.series_id
    {% endif %}

)

select * from final
