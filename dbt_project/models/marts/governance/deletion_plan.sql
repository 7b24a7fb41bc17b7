with ways as (

    select * from {{ ref('int_deletion_ways') }}

),

columns as (

    select * from {{ ref('int_governed_columns') }}

),

relation_kinds as (

    select * from {{ ref('int_relation_kinds') }}

),

value_steps as (

    select * from {{ ref('int_value_steps') }}

),

lineage_edges as (

    select * from {{ ref('lineage_edges') }}

),

column_steps as (

    select
        from_relation_id,
        to_relation_id
    from value_steps
    where carries = 1
        and from_relation_id <> to_relation_id

    union all

    select
        from_node_id as from_relation_id,
        to_node_id as to_relation_id
    from lineage_edges
    where edge_type = 'nested'

),

relation_steps as (

    select distinct
        from_relation_id,
        to_relation_id
    from column_steps

),

-- what a relation reads in which the deletion does not arrive by itself
held_up as (

    select distinct
        ways.origin_id,
        ways.relation_id,
        holders.relation as held_up_by
    from ways
    inner join relation_steps on relation_steps.to_relation_id = ways.relation_id
    inner join ways as earlier
        on earlier.origin_id = ways.origin_id
        and earlier.relation_id = relation_steps.from_relation_id
        and not earlier.is_propagated
    inner join relation_kinds as holders on holders.relation_id = earlier.relation_id
    where ways.is_held_up

),

holding_up as (

    select
        origin_id,
        relation_id,
        {{ dbt.listagg('held_up_by', "', '", 'order by held_up_by') }} as relations
    from held_up
    group by origin_id, relation_id

),

described as (

    select
        ways.*,
        origins.destination_name as origin_destination_name,
        origins.relation as origin_relation,
        origins.column_name as origin_column,
        relation_kinds.destination_name,
        relation_kinds.dataset_name,
        relation_kinds.table_name,
        relation_kinds.relation,
        relation_kinds.project_name,
        relation_kinds.materialization,
        relation_kinds.is_rebuilt,
        relation_kinds.is_loaded,
        relation_kinds.is_nested,
        coalesce(holding_up.relations, origins.relation) as held_up_by,
        dense_rank() over (partition by ways.origin_id order by ways.longest_way) as step
    from ways
    inner join columns as origins on origins.column_id = ways.origin_id
    inner join relation_kinds on relation_kinds.relation_id = ways.relation_id
    left join holding_up
        on holding_up.origin_id = ways.origin_id
        and holding_up.relation_id = ways.relation_id

),

final as (

    select
        {{ key(['origin_id', 'relation_id']) }} as deletion_id,
        origin_relation_id,
        origin_destination_name,
        origin_relation,
        origin_column,
        relation_id,
        destination_name,
        dataset_name,
        table_name,
        relation,
        project_name,
        materialization,
        is_propagated,
        not is_rebuilt as is_action_needed,
        has_value,
        coalesce(is_masked, false) as is_masked,
        hops,
        cast(step as {{ dbt.type_bigint() }}) as step,
        case when is_held_up then held_up_by end as held_up_by,
        case
            when materialization = 'view' then 'a view shows what the tables below it hold'
            when materialization in ('materialized_view', 'dynamic_table') then 'made anew when it is refreshed'
            when is_rebuilt and is_loaded then 'every load replaces it whole'
            when is_rebuilt then 'every build makes it anew'
            when materialization = 'incremental' then 'an incremental model keeps the rows that it has'
            when materialization = 'snapshot' then 'a snapshot keeps what was'
            when materialization = 'seed' then 'a seed is a file of the project'
            when is_nested then 'dlt deletes nested rows only where it replaces or deletes their parents itself'
            when materialization = 'dlt append' then 'a pipeline appends to it and deletes nothing'
            when materialization = 'dlt merge' then 'a merge replaces rows that come again, and leaves those that stay away'
            when is_loaded then 'its pipeline deletes nothing'
            else 'nobody knows how it is filled'
        end
        || case
            when is_held_up then '; it holds the value until that is gone from ' || held_up_by
            else ''
        end
        || case when not has_value then '; no tagged column is in it, but rows of the same persons are' else '' end
        || case when is_masked then '; what it holds is hashed or masked' else '' end as reason,
        case when is_held_up and not is_nested then 'Once it is gone from ' || held_up_by || ': ' else '' end
        || case
            when materialization = 'view' then 'nothing to do.'
            when materialization in ('materialized_view', 'dynamic_table') then 'refresh it, or wait for it.'
            when is_rebuilt and is_loaded then 'load it again, or wait for its next load.'
            when is_rebuilt then 'build it again, or wait for its next build.'
            when materialization = 'incremental' then 'delete the rows in it, or build it with --full-refresh.'
            when materialization = 'snapshot' then 'delete all versions of the rows in it.'
            when materialization = 'seed' then 'delete the rows in the file and run dbt seed.'
            when is_nested
                then 'delete the rows whose _dlt_parent_id (deeper down: that of their parents, or _dlt_root_id) is the '
                    || '_dlt_id of rows that are deleted; note these before.'
            when is_loaded then 'delete the rows in it by key.'
            else 'find out what fills it, and delete the rows in it.'
        end as action
    from described

)

select * from final
