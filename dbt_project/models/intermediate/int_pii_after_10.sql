{{ config(**looked_up_by(['column_id'])) }}

with steps as (

    select * from {{ ref('int_pii_steps') }}

),

columns as (

    select * from {{ ref('int_governed_columns') }}

),

reached as (

    select
        column_id as origin_id,
        relation_id as origin_node_id,
        column_id,
        0 as hops,
        0 as longest_way,
        0 as masked,
        cast(1 as {{ number_type() }}) as confidence,
        0 as held_up
    from columns
    where tagged_by is not null

    union all

    select
        column_id as origin_id,
        relation_id as origin_node_id,
        relation_id as column_id,
        0 as hops,
        0 as longest_way,
        0 as masked,
        cast(1 as {{ number_type() }}) as confidence,
        0 as held_up
    from columns
    where tagged_by is not null

),

{{ ten_steps_on() }}

final as (

    select * from step_10

)

select * from final
