with reach as (

    select * from {{ ref('int_pii_reach') }}

),

columns as (

    select * from {{ ref('int_governed_columns') }}

),

relation_kinds as (

    select * from {{ ref('int_relation_kinds') }}

),

-- the longest way from table to table, whatever columns it leads through: each comes after all that it reads
orders as (

    select
        origin_id,
        column_id as relation_id,
        longest_way
    from reach

),

reached as (

    select
        reach.origin_id,
        origins.relation_id as origin_relation_id,
        columns.relation_id,
        min(reach.hops) as hops,
        min(case when reach.is_masked then 1 else 0 end) as masked,
        max(case when reach.is_held_up then 1 else 0 end) as held_up
    from reach
    inner join columns on columns.column_id = reach.column_id
    inner join columns as origins on origins.column_id = reach.origin_id
    where columns.relation_id <> origins.relation_id
    group by reach.origin_id, origins.relation_id, columns.relation_id

),

starting as (

    select
        column_id as origin_id,
        relation_id as origin_relation_id,
        relation_id,
        0 as hops,
        0 as held_up
    from columns
    where tagged_by is not null
        and not exists (select 1 from reach where reach.column_id = columns.column_id)

),

holders as (

    select
        origin_id,
        origin_relation_id,
        relation_id,
        hops,
        held_up
    from reached

    union all

    select * from starting

),

-- rows that dlt nested in rows that hold a value are of the same person
nested as (

    select
        holders.origin_id,
        holders.origin_relation_id,
        children.relation_id,
        holders.hops + 1 as hops,
        case
            when holders.hops > 0 and not parents.is_rebuilt then 1
            else holders.held_up
        end as held_up
    from holders
    inner join relation_kinds as parents on parents.relation_id = holders.relation_id
    inner join relation_kinds as children
        on children.destination_name = parents.destination_name
        and children.dataset_name = parents.dataset_name
        and children.root_table = parents.root_table
    where parents.is_loaded
        and children.is_nested
        and substring(children.table_name, 1, length(parents.table_name) + 2) = parents.table_name || '__'

),

united as (

    select
        origin_id,
        origin_relation_id,
        relation_id,
        hops,
        masked,
        held_up,
        1 as holds_value
    from reached

    union all

    select
        origin_id,
        origin_relation_id,
        relation_id,
        hops,
        0 as masked,
        held_up,
        0 as holds_value
    from nested

),

final as (

    select
        united.origin_id,
        united.origin_relation_id,
        united.relation_id,
        cast(min(united.hops) as {{ dbt.type_bigint() }}) as hops,
        max(orders.longest_way) as longest_way,
        max(united.holds_value) = 1 as has_value,
        min(case when united.holds_value = 1 then united.masked end) = 1 as is_masked,
        max(united.held_up) = 1 as is_held_up,
        max(case when relation_kinds.is_rebuilt then 1 else 0 end) = 1 and max(united.held_up) = 0 as is_propagated
    from united
    inner join orders
        on orders.origin_id = united.origin_id
        and orders.relation_id = united.relation_id
    left join relation_kinds on relation_kinds.relation_id = united.relation_id
    group by united.origin_id, united.origin_relation_id, united.relation_id

)

select * from final
