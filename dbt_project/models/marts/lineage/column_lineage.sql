with nodes as (

    select * from {{ ref('int_dbt_nodes') }}

),

relations as (

    select * from {{ ref('int_dbt_relations') }}

),

column_edges as (

    select * from {{ ref('stg_observability__dbt_column_edges') }}

),

observed_columns as (

    select * from {{ ref('observed_columns') }}

),

observed_tables as (

    select * from {{ ref('observed_tables') }}

),

nested_tables as (

    select distinct
        destination_name,
        dataset_name,
        table_name,
        parent_table,
        root_table
    from observed_tables
    where parent_table is not null

),

key_columns as (

    select distinct
        relation_id,
        destination_name,
        dataset_name,
        table_name,
        column_name,
        lower(column_name) as folded_name
    from observed_columns
    where lower(column_name) in ('_dlt_id', '_dlt_parent_id', '_dlt_root_id')

),

-- dlt copies the key of a row into the rows nested in it
nested_keys as (

    select
        parents.relation_id as from_node_id,
        parents.destination_name as from_destination_name,
        parents.dataset_name as from_dataset_name,
        parents.table_name as from_table_name,
        parents.column_name as from_column,
        children.relation_id as to_node_id,
        children.destination_name as to_destination_name,
        children.dataset_name as to_dataset_name,
        children.table_name as to_table_name,
        children.column_name as to_column
    from nested_tables
    inner join key_columns as children
        on children.destination_name = nested_tables.destination_name
        and children.dataset_name = nested_tables.dataset_name
        and children.table_name = nested_tables.table_name
        and children.folded_name <> '_dlt_id'
    inner join key_columns as parents
        on parents.destination_name = nested_tables.destination_name
        and parents.dataset_name = nested_tables.dataset_name
        and parents.table_name = case
            when children.folded_name = '_dlt_parent_id' then nested_tables.parent_table
            else nested_tables.root_table
        end
        and parents.folded_name = '_dlt_id'

),

declared as (

    select distinct
        *,
        'identity' as transformation,
        false as is_masked,
        cast(null as {{ dbt.type_string() }}) as functions,
        'declared' as method,
        cast(1 as {{ number_type() }}) as confidence,
        cast(null as {{ dbt.type_string() }}) as project_name
    from nested_keys

),

-- by the analysis of the code that builds a table or view
inferred as (

    select
        from_relations.node_id as from_node_id,
        from_relations.destination_name as from_destination_name,
        from_relations.dataset_name as from_dataset_name,
        from_relations.table_name as from_table_name,
        column_edges.from_column,
        to_relations.node_id as to_node_id,
        to_relations.destination_name as to_destination_name,
        to_relations.dataset_name as to_dataset_name,
        to_relations.table_name as to_table_name,
        column_edges.to_column,
        column_edges.transformation,
        column_edges.is_masked,
        column_edges.functions,
        'inferred' as method,
        least(from_relations.confidence, to_relations.confidence) as confidence,
        nodes.project_name
    from column_edges
    inner join nodes on nodes.analysis_hash = column_edges.analysis_hash
    inner join relations as to_relations on to_relations.dbt_relation_id = nodes.dbt_relation_id
    inner join relations as from_relations
        on from_relations.dbt_relation_id = {{ dbt_relation_key(
            'nodes.adapter_type', 'column_edges.from_database', 'column_edges.from_schema', 'column_edges.from_identifier'
        ) }}

),

united as (

    select * from declared
    union all
    select * from inferred

),

identified as (

    select
        *,
        {{ key(['from_node_id', 'from_column', 'to_node_id', 'to_column', 'transformation']) }} as column_edge_id
    from united

),

-- two projects may build the same view
ranked as (

    select
        *,
        row_number() over (
            partition by column_edge_id
            order by confidence desc, case when is_masked then 1 else 0 end, project_name
        ) as choice
    from identified

),

final as (

    select
        column_edge_id,
        from_node_id,
        from_destination_name,
        from_dataset_name,
        coalesce(from_dataset_name || '.', '') || from_table_name as from_relation,
        from_column,
        to_node_id,
        to_destination_name,
        to_dataset_name,
        coalesce(to_dataset_name || '.', '') || to_table_name as to_relation,
        to_column,
        transformation,
        is_masked,
        functions,
        method,
        confidence,
        project_name
    from ranked
    where choice = 1

)

select * from final
