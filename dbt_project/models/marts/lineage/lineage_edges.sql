with observed_tables as (

    select * from {{ ref('observed_tables') }}

),

flow_nodes as (

    select * from {{ ref('int_flow_nodes') }}

),

dbt_nodes as (

    select * from {{ ref('int_dbt_nodes') }}

),

dbt_relations as (

    select * from {{ ref('int_dbt_relations') }}

),

dependencies as (

    select * from {{ ref('stg_observability__dbt_dependencies') }}

),

column_edges as (

    select * from {{ ref('stg_observability__dbt_column_edges') }}

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

dbt_places as (

    select
        dbt_nodes.*,
        coalesce(dbt_relations.node_id, dbt_nodes.dbt_node_id) as node_id,
        coalesce(dbt_relations.confidence, 1) as confidence
    from dbt_nodes
    left join dbt_relations on dbt_relations.dbt_relation_id = dbt_nodes.dbt_relation_id

),

referring as (

    select
        parents.node_id as from_node_id,
        children.node_id as to_node_id,
        case when children.resource_type = 'exposure' then 'exposes' else 'transforms' end as edge_type,
        least(parents.confidence, children.confidence) as confidence
    from dbt_places as children
    inner join dependencies on dependencies.node_hash = children.node_hash
    inner join dbt_places as parents
        on parents.artifact_path = children.artifact_path
        and parents.unique_id = dependencies.parent_id

),

-- code may name a table past dbt
naming as (

    select
        dbt_relations.node_id as from_node_id,
        dbt_places.node_id as to_node_id,
        'transforms' as edge_type,
        least(dbt_relations.confidence, dbt_places.confidence) as confidence
    from column_edges
    inner join dbt_places on dbt_places.analysis_hash = column_edges.analysis_hash
    inner join dbt_relations
        on dbt_relations.dbt_relation_id = {{ dbt_relation_key(
            'dbt_places.adapter_type', 'column_edges.from_database', 'column_edges.from_schema', 'column_edges.from_identifier'
        ) }}
    where not column_edges.is_declared

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

all_edges as (

    select * from united

    union all

    select
        from_node_id,
        to_node_id,
        edge_type,
        'declared' as method,
        max(confidence) as confidence
    from referring
    where from_node_id <> to_node_id
    group by from_node_id, to_node_id, edge_type

    union all

    select
        from_node_id,
        to_node_id,
        edge_type,
        'inferred' as method,
        max(confidence) as confidence
    from naming
    where from_node_id <> to_node_id
    group by from_node_id, to_node_id, edge_type

),

-- the surest way in which an edge is known
ranked as (

    select
        *,
        row_number() over (
            partition by from_node_id, to_node_id
            order by case method when 'declared' then 1 when 'traced' then 2 else 3 end, confidence desc, edge_type
        ) as choice
    from all_edges

),

final as (

    select
        from_node_id,
        to_node_id,
        edge_type,
        method,
        cast(confidence as {{ number_type() }}) as confidence
    from ranked
    where choice = 1

)

select * from final
