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

onward as (

    select
        value_steps.from_column_id,
        value_steps.from_relation_id as from_node_id,
        value_steps.to_column_id,
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

final as (

    select * from onward

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
