{{
    config(
        pre_hook="{{ delete_recounted_loads() }}",
        **replaced_by(['destination_name', 'dataset_name', 'load_id', 'table_name'], day='committed_at')
    )
}}

with loads_to_count as (

    select * from {{ ref('int_loads_to_count') }}

),

table_counts as (

    select * from {{ ref('int_table_counts') }}

),

rewritten_tables as (

    select * from {{ ref('int_rewritten_tables') }}

),

-- a merge takes rows over and a replace removes them: once a later load did, their number says nothing
counted as (

    select
        loads_to_count.*,
        table_counts.table_name,
        table_counts.row_count
    from loads_to_count
    inner join table_counts
        on table_counts.destination_name = loads_to_count.destination_name
        and table_counts.dataset_name = loads_to_count.dataset_name
        and table_counts.load_id = loads_to_count.load_id
    left join rewritten_tables
        on rewritten_tables.version_hash = loads_to_count.schema_version_hash
        and rewritten_tables.table_name = table_counts.table_name
    where rewritten_tables.table_name is null or not loads_to_count.is_late

),

received as (

    select
        stream_id,
        table_name,
        load_number,
        lag(load_number, 1) over (partition by stream_id, table_name order by load_number) as second_last,
        lag(load_number, 2) over (partition by stream_id, table_name order by load_number) as third_last,
        lag(load_number, 3) over (partition by stream_id, table_name order by load_number) as fourth_last,
        lag(load_number, 4) over (partition by stream_id, table_name order by load_number) as fifth_last,
        lead(load_number) over (partition by stream_id, table_name order by load_number) as next_number
    from counted
    where row_count > 0

),

steps as (

    {% for step in range(1, 11) -%}
    select {{ step }} as step{{ ' union all ' if not loop.last }}
    {% endfor %}

),

-- the (up to) ten loads after one that brought rows, as long as none does again
missed as (

    select
        received.*,
        received.load_number + steps.step as missed_number,
        least(10, received.load_number + steps.step - 1) as preceding_count
    from received
    inner join steps
        on received.next_number is null
        or received.load_number + steps.step < received.next_number
    where received.next_number is null
        or received.next_number > received.load_number + 1

),

-- "rows in at least half of n loads" is "the half-of-n-th last load with rows is among those n"
expected as (

    select *
    from missed
    where preceding_count >= 3
        and missed_number - 10 <= case
            when preceding_count <= 4 then second_last
            when preceding_count <= 6 then third_last
            when preceding_count <= 8 then fourth_last
            else fifth_last
        end

),

empty as (

    select
        loads_to_count.*,
        expected.table_name,
        0 as row_count
    from expected
    inner join loads_to_count
        on loads_to_count.stream_id = expected.stream_id
        and loads_to_count.load_number = expected.missed_number
    left join rewritten_tables
        on rewritten_tables.version_hash = loads_to_count.schema_version_hash
        and rewritten_tables.table_name = expected.table_name
    where (rewritten_tables.table_name is null or not loads_to_count.is_late)
        and not exists (
            select 1
            from counted
            where counted.stream_id = expected.stream_id
                and counted.load_number = expected.missed_number
                and counted.table_name = expected.table_name
        )

),

united as (

    select * from counted
    union all
    select * from empty

),

final as (

    select
        {{ relation_key() }} as relation_id,
        pipeline_id,
        destination_name,
        dataset_name,
        load_id,
        table_name,
        schema_name,
        cast(row_count as {{ dbt.type_bigint() }}) as row_count,
        count_method,
        committed_at
    from united
    where is_recounted

)

select * from final
