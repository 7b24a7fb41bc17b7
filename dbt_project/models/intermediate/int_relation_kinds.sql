with lineage_nodes as (

    select * from {{ ref('lineage_nodes') }}

),

observed_tables as (

    select * from {{ ref('observed_tables') }}

),

-- the schemas of a dataset share its tables; one that keeps rows decides
loaded as (

    select
        relation_id,
        min(write_disposition) as write_disposition,
        max(root_table) as root_table,
        max(case when parent_table is not null then 1 else 0 end) as nested
    from observed_tables
    group by relation_id

),

final as (

    select
        lineage_nodes.node_id as relation_id,
        lineage_nodes.destination_name,
        lineage_nodes.dataset_name,
        lineage_nodes.table_name,
        coalesce(lineage_nodes.dataset_name || '.', '') || lineage_nodes.table_name as relation,
        lineage_nodes.project_name,
        coalesce(
            lineage_nodes.materialization,
            'dlt ' || loaded.write_disposition,
            case when loaded.relation_id is not null then 'dlt' else 'unknown' end
        ) as materialization,
        loaded.relation_id is not null and lineage_nodes.materialization is null as is_loaded,
        coalesce(loaded.nested, 0) = 1 as is_nested,
        loaded.root_table,
        case
            when lineage_nodes.materialization in ('view', 'table', 'materialized_view', 'dynamic_table') then true
            when lineage_nodes.materialization is not null then false
            else coalesce(loaded.write_disposition, '') = 'replace'
        end as is_rebuilt
    from lineage_nodes
    left join loaded on loaded.relation_id = lineage_nodes.node_id
    where lineage_nodes.table_name is not null

)

select * from final
