with observed_columns as (

    select * from {{ ref('observed_columns') }}

),

nodes as (

    select * from {{ ref('int_dbt_nodes') }}

),

relations as (

    select * from {{ ref('int_dbt_relations') }}

),

dbt_columns as (

    select * from {{ ref('stg_observability__dbt_columns') }}

),

output_columns as (

    select * from {{ ref('stg_observability__dbt_output_columns') }}

),

column_lineage as (

    select * from {{ ref('column_lineage') }}

),

loaded as (

    select
        relation_id,
        destination_name,
        dataset_name,
        table_name,
        column_name,
        data_type,
        case when {{ json_affirms('hints', pii_hints()) }} then 'hint' end as tagged_by,
        case when {{ json_denies('hints', pii_hints()) }} then 'hint' end as cleared_by,
        1 as place
    from observed_columns
    where lower(column_name) not in ('_dlt_id', '_dlt_parent_id', '_dlt_root_id', '_dlt_load_id', '_dlt_list_idx')

),

-- as somebody wrote about them beside dbt's models, or as dbt's catalog lists them
written as (

    select
        relations.node_id as relation_id,
        relations.destination_name,
        relations.dataset_name,
        relations.table_name,
        dbt_columns.column_name,
        dbt_columns.data_type,
        case
            when {{ json_affirms('dbt_columns.meta', pii_meta()) }} or {{ list_holds('dbt_columns.tags', pii_tags()) }} then 'dbt'
        end as tagged_by,
        case when {{ json_denies('dbt_columns.meta', pii_meta()) }} then 'dbt' end as cleared_by,
        2 as place
    from dbt_columns
    inner join nodes on nodes.node_hash = dbt_columns.node_hash
    inner join relations on relations.dbt_relation_id = nodes.dbt_relation_id

),

-- as code makes or reads them
made as (

    select
        relations.node_id as relation_id,
        relations.destination_name,
        relations.dataset_name,
        relations.table_name,
        output_columns.column_name
    from output_columns
    inner join nodes on nodes.analysis_hash = output_columns.analysis_hash
    inner join relations on relations.dbt_relation_id = nodes.dbt_relation_id

    union all

    select
        relations.node_id as relation_id,
        relations.destination_name,
        relations.dataset_name,
        relations.table_name,
        column_lineage.from_column as column_name
    from column_lineage
    inner join relations on relations.node_id = column_lineage.from_node_id
    where column_lineage.method = 'inferred'

),

united as (

    select * from loaded

    union all

    select * from written

    union all

    select
        *,
        cast(null as {{ dbt.type_string() }}) as data_type,
        cast(null as {{ dbt.type_string() }}) as tagged_by,
        cast(null as {{ dbt.type_string() }}) as cleared_by,
        3 as place
    from made
    where column_name <> '*'
        and not {{ is_dlt_table('column_name') }}

),

identified as (

    select
        *,
        {{ column_key('relation_id', 'column_name') }} as column_id
    from united

),

ranked as (

    select
        *,
        row_number() over (
            partition by column_id order by place, case when data_type is null then 1 else 0 end, data_type, column_name
        ) as choice
    from identified

),

marks as (

    select
        column_id,
        max(data_type) as data_type,
        max(tagged_by) as tagged_by,
        max(cleared_by) as cleared_by
    from identified
    group by column_id

),

final as (

    select
        ranked.column_id,
        ranked.relation_id,
        ranked.destination_name,
        ranked.dataset_name,
        ranked.table_name,
        coalesce(ranked.dataset_name || '.', '') || ranked.table_name as relation,
        ranked.column_name,
        lower(ranked.column_name) as folded_name,
        coalesce(ranked.data_type, marks.data_type) as data_type,
        marks.tagged_by,
        -- where both are said, the tag counts
        case when marks.tagged_by is null then marks.cleared_by end as cleared_by
    from ranked
    inner join marks on marks.column_id = ranked.column_id
    where ranked.choice = 1

)

select * from final
