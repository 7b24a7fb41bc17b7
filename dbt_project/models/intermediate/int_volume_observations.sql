with table_loads as (

    select * from {{ ref('table_loads') }}

),

table_days as (

    select * from {{ ref('table_volume_daily') }}

),

readings as (

    select * from {{ ref('int_dataset_readings') }}

),

load_observations as (

    select
        {{ key(['relation_id', 'schema_name', 'pipeline_id']) }} as series_id,
        relation_id,
        pipeline_id,
        destination_name,
        dataset_name,
        table_name,
        'load' as grain,
        load_id,
        committed_at as observed_at,
        row_count as observed_rows
    from table_loads

),

day_pipelines as (

    select
        relation_id,
        {{ utc_date('committed_at') }} as load_date,
        case
            when min(coalesce(pipeline_id, '')) = max(coalesce(pipeline_id, '')) then max(pipeline_id)
        end as pipeline_id
    from table_loads
    group by relation_id, {{ utc_date('committed_at') }}

),

days as (

    select
        table_days.relation_id,
        table_days.destination_name,
        table_days.dataset_name,
        table_days.table_name,
        day_pipelines.pipeline_id,
        cast({{ dbt.datediff("cast('1970-01-01' as date)", 'table_days.load_date', 'day') }} as {{ dbt.type_bigint() }})
            as day_number,
        table_days.row_count as observed_rows
    from table_days
    left join day_pipelines
        on day_pipelines.relation_id = table_days.relation_id
        and day_pipelines.load_date = table_days.load_date

),

received as (

    select
        relation_id,
        destination_name,
        dataset_name,
        table_name,
        pipeline_id,
        day_number,
        lag(day_number, 7) over (partition by relation_id order by day_number) as eighth_last,
        lead(day_number) over (partition by relation_id order by day_number) as next_number
    from days
    where observed_rows > 0

),

steps as (

    {% for step in range(1, 8) -%}
    select {{ step }} as step{{ ' union all ' if not loop.last }}
    {% endfor %}

),

-- a table with rows on eight of the fourteen days before is loaded daily: a day without a load is a day with no rows
empty_days as (

    select
        received.relation_id,
        received.destination_name,
        received.dataset_name,
        received.table_name,
        received.pipeline_id,
        received.day_number + steps.step as day_number,
        0 as observed_rows
    from received
    inner join steps
        on received.next_number is null
        or received.day_number + steps.step < received.next_number
    where received.eighth_last >= received.day_number + steps.step - 14
        and not exists (
            select 1
            from days
            where days.relation_id = received.relation_id
                and days.day_number = received.day_number + steps.step
        )

),

all_days as (

    select * from days
    union all
    select * from empty_days

),

-- the day that is not over yet may still get rows
day_observations as (

    select
        all_days.relation_id as series_id,
        all_days.relation_id,
        all_days.pipeline_id,
        all_days.destination_name,
        all_days.dataset_name,
        all_days.table_name,
        'day' as grain,
        cast(null as {{ dbt.type_string() }}) as load_id,
        {{ from_epoch('all_days.day_number * 86400') }} as observed_at,
        all_days.observed_rows
    from all_days
    inner join readings
        on readings.destination_name = all_days.destination_name
        and readings.dataset_name = all_days.dataset_name
    where (all_days.day_number + 1) * 86400 <= {{ to_epoch('readings.read_until') }}

),

united as (

    select * from load_observations
    union all
    select * from day_observations

),

final as (

    select
        united.*,
        cast(row_number() over (
            partition by series_id, grain order by observed_at, load_id
        ) as {{ dbt.type_bigint() }}) as observation_number
    from united

)

select * from final
