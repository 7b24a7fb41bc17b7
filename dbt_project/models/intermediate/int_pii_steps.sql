{{ config(**looked_up_by(['from_column_id'])) }}

with value_steps as (

    select * from {{ ref('int_value_steps') }}

),

columns as (

    select * from {{ ref('int_governed_columns') }}

),

relation_kinds as (

    select * from {{ ref('int_relation_kinds') }}

),

lineage_edges as (

    select * from {{ ref('lineage_edges') }}

),

onward as (

    select
        value_steps.from_column_id,
        value_steps.from_relation_id as from_node_id,
        value_steps.to_column_id,
        value_steps.to_relation_id as to_node_id,
        1 as hops,
        value_steps.masked,
        value_steps.confidence,
        case when relation_kinds.is_rebuilt then 0 else 1 end as holds_up
    from value_steps
    inner join columns on columns.column_id = value_steps.to_column_id
    left join relation_kinds on relation_kinds.relation_id = value_steps.from_relation_id
    where value_steps.carries = 1
        and columns.cleared_by is null

),

touched_ids as (

    select from_column_id as column_id from onward
    union all
    select to_column_id as column_id from onward

),

touched as (

    select distinct
        columns.column_id,
        columns.relation_id
    from columns
    inner join touched_ids on touched_ids.column_id = columns.column_id

),

-- tables and views one by one, under their own keys: what makes one column of a table may come after another one's readers
relation_steps as (

    select
        from_node_id,
        to_node_id
    from onward
    where from_node_id <> to_node_id

    union all

    select
        from_node_id,
        to_node_id
    from lineage_edges
    where edge_type = 'nested'

),

relation_steps_once as (

    select distinct
        from_node_id,
        to_node_id
    from relation_steps

),

relation_ids as (

    select from_node_id as relation_id from relation_steps
    union all
    select to_node_id as relation_id from relation_steps

),

relation_ids_once as (

    select distinct relation_id from relation_ids

),

final as (

    select
        from_column_id,
        from_node_id,
        to_column_id,
        hops,
        masked,
        confidence,
        holds_up
    from onward

    union all

    select
        from_node_id as from_column_id,
        from_node_id,
        to_node_id as to_column_id,
        1 as hops,
        0 as masked,
        cast(1 as {{ number_type() }}) as confidence,
        0 as holds_up
    from relation_steps_once

    union all

    select
        relation_id as from_column_id,
        relation_id as from_node_id,
        relation_id as to_column_id,
        0 as hops,
        0 as masked,
        cast(1 as {{ number_type() }}) as confidence,
        0 as holds_up
    from relation_ids_once

    union all

    select
        column_id as from_column_id,
        relation_id as from_node_id,
        column_id as to_column_id,
        0 as hops,
        0 as masked,
        cast(1 as {{ number_type() }}) as confidence,
        0 as holds_up
    from touched

)

select * from final
