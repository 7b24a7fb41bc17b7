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

resource_nodes as (

    select distinct
        {{ resource_key() }} as node_id,
        'resource' as node_type,
        resource_name as node_name,
        destination_name,
        dataset_name,
        schema_name,
        resource_name,
        cast(null as {{ dbt.type_string() }}) as table_name
    from observed_tables
    where resource_name is not null

),

-- the schemas of a dataset share its tables
table_nodes as (

    select distinct
        relation_id as node_id,
        'table' as node_type,
        table_name as node_name,
        destination_name,
        dataset_name,
        cast(null as {{ dbt.type_string() }}) as schema_name,
        cast(null as {{ dbt.type_string() }}) as resource_name,
        table_name
    from observed_tables

),

-- what runs read and wrote, observed or not
traced_resources as (

    select
        resource_node_id as node_id,
        'resource' as node_type,
        resource_name as node_name,
        own_destination as destination_name,
        own_dataset as dataset_name,
        schema_name,
        resource_name,
        cast(null as {{ dbt.type_string() }}) as table_name
    from flow_nodes

),

traced_places as (

    select
        node_id,
        node_type,
        node_name,
        node_destination as destination_name,
        node_dataset as dataset_name,
        cast(null as {{ dbt.type_string() }}) as schema_name,
        cast(null as {{ dbt.type_string() }}) as resource_name,
        node_table as table_name,
        location
    from flow_nodes

),

-- what dbt declares or builds; where it is an observed table, it is that table's node
built as (

    select
        coalesce(dbt_relations.node_id, dbt_nodes.dbt_node_id) as node_id,
        dbt_nodes.resource_type as node_type,
        coalesce(dbt_relations.table_name, dbt_nodes.node_name) as node_name,
        dbt_relations.destination_name,
        dbt_relations.dataset_name,
        dbt_relations.table_name,
        dbt_relations.database_name,
        dbt_nodes.project_name,
        dbt_nodes.unique_id,
        dbt_nodes.materialization,
        case
            when dbt_nodes.resource_type = 'source' then 2 else 1
        end as place
    from dbt_nodes
    left join dbt_relations on dbt_relations.dbt_relation_id = dbt_nodes.dbt_relation_id

),

-- one project's source may be another project's model
builders as (

    select
        *,
        row_number() over (partition by node_id order by place, project_name, unique_id) as choice
    from built

),

-- tables that code names though no project declares them
named_tables as (

    select
        node_id,
        'table' as node_type,
        table_name as node_name,
        destination_name,
        dataset_name,
        cast(null as {{ dbt.type_string() }}) as schema_name,
        cast(null as {{ dbt.type_string() }}) as resource_name,
        table_name
    from dbt_relations

),

dbt_places as (

    select
        node_id,
        node_type,
        node_name,
        destination_name,
        dataset_name,
        cast(null as {{ dbt.type_string() }}) as schema_name,
        cast(null as {{ dbt.type_string() }}) as resource_name,
        table_name
    from builders
    where choice = 1

),

united as (

    select *, cast(null as {{ dbt.type_string() }}) as location, 1 as place from resource_nodes
    union all
    select *, cast(null as {{ dbt.type_string() }}) as location, 1 as place from table_nodes
    union all
    select *, cast(null as {{ dbt.type_string() }}) as location, 2 as place from traced_resources
    union all
    select *, 2 as place from traced_places
    union all
    select *, cast(null as {{ dbt.type_string() }}) as location, 3 as place from dbt_places
    union all
    select *, cast(null as {{ dbt.type_string() }}) as location, 4 as place from named_tables

),

locations as (

    select
        node_id,
        max(location) as location
    from united
    group by node_id

),

-- what a project reads and what it builds in the same database is at one address
database_locations as (

    select
        builders.project_name,
        builders.database_name,
        max(locations.location) as location
    from builders
    inner join locations on locations.node_id = builders.node_id
    where locations.location is not null
    group by builders.project_name, builders.database_name
    having count(distinct locations.location) = 1

),

ranked as (

    select
        *,
        row_number() over (partition by node_id order by place, node_name) as choice
    from united

),

final as (

    select
        ranked.node_id,
        ranked.node_type,
        ranked.node_name,
        ranked.destination_name,
        ranked.dataset_name,
        ranked.schema_name,
        ranked.resource_name,
        ranked.table_name,
        coalesce(locations.location, database_locations.location) as location,
        builders.database_name,
        builders.project_name,
        builders.unique_id,
        builders.materialization
    from ranked
    inner join locations on locations.node_id = ranked.node_id
    left join builders
        on builders.node_id = ranked.node_id
        and builders.choice = 1
    left join database_locations
        on database_locations.project_name = builders.project_name
        and database_locations.database_name = builders.database_name
    where ranked.choice = 1

)

select * from final
