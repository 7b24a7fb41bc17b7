{{ config(**looked_up_by(['column_id'])) }}

with reached as (

    select * from {{ ref('int_pii_after_30') }}

),

columns as (

    select * from {{ ref('int_governed_columns') }}

),

-- a tagged column that takes its values from another one is no origin; of those that go in a circle one is
fed as (

    select distinct reached.column_id as origin_id
    from reached
    inner join columns on columns.column_id = reached.column_id
    left join reached as back
        on back.origin_id = reached.column_id
        and back.column_id = reached.origin_id
    where columns.tagged_by is not null
        and reached.origin_id <> reached.column_id
        and (back.origin_id is null or reached.origin_id < reached.column_id)

),

final as (

    select
        reached.origin_id,
        reached.column_id,
        cast(reached.hops as {{ dbt.type_bigint() }}) as hops,
        cast(reached.longest_way as {{ dbt.type_bigint() }}) as longest_way,
        reached.masked = 1 as is_masked,
        reached.confidence,
        reached.held_up = 1 as is_held_up
    from reached
    left join fed on fed.origin_id = reached.origin_id
    where fed.origin_id is null
        and reached.hops > 0

)

select * from final
