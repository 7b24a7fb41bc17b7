with observed_tables as (

    select * from {{ ref('observed_tables') }}

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

final as (

    select * from resource_nodes
    union all
    select * from table_nodes

)

select * from final
