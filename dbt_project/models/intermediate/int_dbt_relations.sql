with nodes as (

    select * from {{ ref('int_dbt_nodes') }}

),

column_edges as (

    select * from {{ ref('stg_observability__dbt_column_edges') }}

),

observed_tables as (

    select * from {{ ref('observed_tables') }}

),

destinations as (

    select * from {{ ref('int_destinations') }}

),

databases as (

    select * from {{ ref('stg_observability__destination_databases') }}

),

-- what a project builds or declares, and what its code names past dbt
named as (

    select
        dbt_relation_id,
        adapter_type,
        database_name,
        schema_name,
        identifier
    from nodes
    where dbt_relation_id is not null

    union all

    select
        {{ dbt_relation_key(
            'nodes.adapter_type', 'column_edges.from_database', 'column_edges.from_schema', 'column_edges.from_identifier'
        ) }} as dbt_relation_id,
        nodes.adapter_type,
        column_edges.from_database as database_name,
        column_edges.from_schema as schema_name,
        column_edges.from_identifier as identifier
    from column_edges
    inner join nodes on nodes.analysis_hash = column_edges.analysis_hash

),

relations as (

    select
        dbt_relation_id,
        {{ dbt_warehouse('min(adapter_type)') }} as warehouse,
        min(database_name) as database_name,
        min(schema_name) as schema_name,
        min(identifier) as identifier
    from named
    group by dbt_relation_id

),

tables as (

    select distinct
        observed_tables.relation_id,
        observed_tables.destination_name,
        observed_tables.dataset_name,
        observed_tables.table_name,
        {{ dlt_warehouse('destinations.destination_type') }} as warehouse,
        databases.database_name
    from observed_tables
    inner join destinations on destinations.destination_name = observed_tables.destination_name
    left join databases on databases.destination_name = observed_tables.destination_name

),

-- a database that neither names decides nothing; DuckDB may attach a file under any name
candidates as (

    select
        relations.dbt_relation_id,
        tables.relation_id,
        tables.destination_name,
        tables.dataset_name,
        tables.table_name,
        case when lower(tables.database_name) = lower(relations.database_name) then 1 else 2 end as distance
    from relations
    inner join tables
        on tables.warehouse = relations.warehouse
        and lower(tables.dataset_name) = lower(relations.schema_name)
        and lower(tables.table_name) = lower(relations.identifier)
    where lower(tables.database_name) = lower(relations.database_name)
        or tables.database_name is null
        or coalesce(relations.database_name, '') = ''
        or relations.warehouse = 'duckdb'

),

nearest as (

    select
        dbt_relation_id,
        min(distance) as distance
    from candidates
    group by dbt_relation_id

),

matches as (

    select
        candidates.dbt_relation_id,
        count(*) as candidate_count,
        min(candidates.relation_id) as relation_id,
        min(candidates.destination_name) as destination_name,
        min(candidates.dataset_name) as dataset_name,
        min(candidates.table_name) as table_name,
        min(candidates.distance) as distance,
        {{ dbt.listagg('candidates.destination_name', "', '", 'order by candidates.destination_name') }} as destination_names
    from candidates
    inner join nearest
        on nearest.dbt_relation_id = candidates.dbt_relation_id
        and nearest.distance = candidates.distance
    group by candidates.dbt_relation_id

),

final as (

    select
        relations.dbt_relation_id,
        case when matches.candidate_count = 1 then matches.relation_id else relations.dbt_relation_id end as node_id,
        case
            when matches.candidate_count = 1 then 'matched'
            when matches.candidate_count > 1 then 'ambiguous'
            else 'unmatched'
        end as match_outcome,
        case when matches.candidate_count > 1 then matches.destination_names end as candidates,
        case when matches.candidate_count = 1 then matches.destination_name end as destination_name,
        relations.database_name,
        case when matches.candidate_count = 1 then matches.dataset_name else relations.schema_name end as dataset_name,
        case when matches.candidate_count = 1 then matches.table_name else relations.identifier end as table_name,
        cast(
            case when matches.candidate_count = 1 and matches.distance = 2 then 0.7 else 1 end as {{ number_type() }}
        ) as confidence
    from relations
    left join matches on matches.dbt_relation_id = relations.dbt_relation_id

)

select * from final
