with loads_to_count as (

    select * from {{ ref('int_loads_to_count') }}

),

table_loads as (

    select * from {{ ref('table_loads') }}

),

rewritten_tables as (

    select * from {{ ref('int_rewritten_tables') }}

),

placed as (

    select
        *,
        {{ hour_number('committed_at') }} as hour_number,
        lag({{ hour_number('committed_at') }}) over (partition by stream_id order by load_number) as previous_hour
    from loads_to_count

),

-- a table is looked for in the first load of each hour
first_loads as (

    select * from placed
    where is_recounted
        and (previous_hour is null or previous_hour <> hour_number)

),

since as (

    select
        destination_name,
        dataset_name,
        min(hour_number) as first_hour
    from first_loads
    group by destination_name, dataset_name

),

received_hours as (

    select distinct
        table_loads.relation_id,
        table_loads.destination_name,
        table_loads.dataset_name,
        table_loads.schema_name,
        table_loads.pipeline_id,
        table_loads.table_name,
        {{ hour_number('table_loads.committed_at') }} as hour_number
    from table_loads
    inner join since
        on since.destination_name = table_loads.destination_name
        and since.dataset_name = table_loads.dataset_name
        and since.first_hour - 168 <= {{ hour_number('table_loads.committed_at') }}
    where table_loads.row_count > 0

),

received as (

    select
        *,
        lag(hour_number, 3) over (
            partition by relation_id, schema_name, pipeline_id, mod(hour_number, 24) order by hour_number
        ) as fourth_last,
        lead(hour_number) over (
            partition by relation_id, schema_name, pipeline_id, mod(hour_number, 24) order by hour_number
        ) as next_hour
    from received_hours

),

steps as (

    {% for step in range(1, 4) -%}
    select {{ 24 * step }} as step{{ ' union all ' if not loop.last }}
    {% endfor %}

),

-- rows at this hour on four of the seven days before
expected as (

    select
        received.*,
        received.hour_number + steps.step as missed_hour
    from received
    inner join steps
        on received.next_hour is null
        or received.hour_number + steps.step < received.next_hour
    where received.fourth_last >= received.hour_number + steps.step - 168

),

final as (

    select
        expected.relation_id,
        first_loads.pipeline_id,
        first_loads.destination_name,
        first_loads.dataset_name,
        first_loads.schema_name,
        first_loads.load_id,
        expected.table_name,
        first_loads.committed_at
    from expected
    inner join first_loads
        on first_loads.destination_name = expected.destination_name
        and first_loads.dataset_name = expected.dataset_name
        and first_loads.schema_name = expected.schema_name
        and coalesce(first_loads.pipeline_id, '') = coalesce(expected.pipeline_id, '')
        and first_loads.hour_number = expected.missed_hour
    left join rewritten_tables
        on rewritten_tables.version_hash = first_loads.schema_version_hash
        and rewritten_tables.table_name = expected.table_name
    left join table_loads
        on table_loads.destination_name = first_loads.destination_name
        and table_loads.dataset_name = first_loads.dataset_name
        and table_loads.load_id = first_loads.load_id
        and table_loads.table_name = expected.table_name
    where table_loads.load_id is null
        and (rewritten_tables.table_name is null or not first_loads.is_late)

)

select * from final
