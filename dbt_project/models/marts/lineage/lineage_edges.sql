with observed_tables as (

    select * from {{ ref('observed_tables') }}

),

loading as (

    select distinct
        {{ resource_key() }} as from_node_id,
        relation_id as to_node_id,
        'loads' as edge_type
    from observed_tables
    where resource_name is not null
        and parent_table is null

),

nesting as (

    select distinct
        {{ relation_key('parent_table') }} as from_node_id,
        relation_id as to_node_id,
        'nested' as edge_type
    from observed_tables
    where parent_table is not null

),

united as (

    select * from loading
    union all
    select * from nesting

),

-- both stand in the schema that dlt itself keeps
final as (

    select
        from_node_id,
        to_node_id,
        edge_type,
        'declared' as method,
        cast(1 as {{ number_type() }}) as confidence
    from united

)

select * from final
