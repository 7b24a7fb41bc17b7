with observed_tables as (

    select * from {{ ref('observed_tables') }}

),

flow_nodes as (

    select * from {{ ref('int_flow_nodes') }}

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

-- both stand in the schema that dlt itself keeps
declared as (

    select * from loading
    union all
    select * from nesting

),

declared_targets as (

    select distinct to_node_id from declared

),

reading as (

    select
        node_id as from_node_id,
        resource_node_id as to_node_id,
        'reads' as edge_type,
        confidence
    from flow_nodes
    where direction = 'input'

),

-- what wrote a table is taken from its schema where that is known
writing as (

    select
        flow_nodes.resource_node_id as from_node_id,
        flow_nodes.node_id as to_node_id,
        'loads' as edge_type,
        flow_nodes.confidence
    from flow_nodes
    left join declared_targets on declared_targets.to_node_id = flow_nodes.node_id
    where flow_nodes.direction = 'output'
        and declared_targets.to_node_id is null

),

traced as (

    select * from reading
    union all
    select * from writing

),

united as (

    select
        from_node_id,
        to_node_id,
        edge_type,
        'declared' as method,
        cast(1 as {{ number_type() }}) as confidence
    from declared

    union all

    select
        from_node_id,
        to_node_id,
        edge_type,
        'traced' as method,
        max(confidence) as confidence
    from traced
    group by from_node_id, to_node_id, edge_type

),

final as (

    select * from united

)

select * from final
