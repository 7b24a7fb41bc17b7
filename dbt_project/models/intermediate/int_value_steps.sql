with columns as (

    select * from {{ ref('int_governed_columns') }}

),

observed_tables as (

    select * from {{ ref('observed_tables') }}

),

column_lineage as (

    select * from {{ ref('column_lineage') }}

),

lineage_edges as (

    select * from {{ ref('lineage_edges') }}

),

built as (

    select
        {{ column_key('from_node_id', 'from_column') }} as from_column_id,
        {{ column_key('to_node_id', 'to_column') }} as to_column_id,
        case when {{ carries_value('transformation', 'functions') }} then 1 else 0 end as carries,
        case when is_masked then 1 else 0 end as masked,
        functions,
        confidence
    from column_lineage
    where transformation <> 'filter'

),

tables as (

    select distinct
        relation_id,
        destination_name,
        dataset_name,
        table_name,
        root_table
    from observed_tables

),

nested_in as (

    select
        parents.column_id,
        nested.relation_id
    from columns as parents
    inner join tables as own on own.relation_id = parents.relation_id
    inner join tables as nested
        on nested.destination_name = own.destination_name
        and nested.dataset_name = own.dataset_name
        and nested.root_table = own.root_table
    where substring(lower(nested.table_name) || '__', 1, length(own.table_name) + length(parents.folded_name) + 4)
        = lower(own.table_name) || '__' || parents.folded_name || '__'

),

-- dlt writes what stands in a column into columns, or nested tables, of its name with two underscores behind it
unfolded as (

    select
        parents.column_id as from_column_id,
        children.column_id as to_column_id
    from columns as parents
    inner join columns as children on children.relation_id = parents.relation_id
    inner join tables on tables.relation_id = parents.relation_id
    where substring(children.folded_name, 1, length(parents.folded_name) + 2) = parents.folded_name || '__'

    union all

    select
        nested_in.column_id as from_column_id,
        children.column_id as to_column_id
    from nested_in
    inner join columns as children on children.relation_id = nested_in.relation_id

),

-- a pipeline that reads a table and loads another one: columns of the same name
copied as (

    select
        origins.column_id as from_column_id,
        copies.column_id as to_column_id,
        max(least(reading.confidence, 0.7)) as confidence
    from lineage_edges as reading
    inner join lineage_edges as loading
        on loading.from_node_id = reading.to_node_id
        and loading.edge_type = 'loads'
    inner join columns as origins on origins.relation_id = reading.from_node_id
    inner join columns as copies
        on copies.relation_id = loading.to_node_id
        and copies.folded_name = origins.folded_name
    where reading.edge_type = 'reads'
    group by origins.column_id, copies.column_id

),

united as (

    select *, 'dbt' as way from built

    union all

    select
        from_column_id,
        to_column_id,
        1 as carries,
        0 as masked,
        cast(null as {{ dbt.type_string() }}) as functions,
        cast(1 as {{ number_type() }}) as confidence,
        'nested' as way
    from unfolded

    union all

    select
        from_column_id,
        to_column_id,
        1 as carries,
        0 as masked,
        cast(null as {{ dbt.type_string() }}) as functions,
        cast(confidence as {{ number_type() }}) as confidence,
        'copied' as way
    from copied

),

final as (

    select
        united.from_column_id,
        united.to_column_id,
        min(from_columns.relation_id) as from_relation_id,
        min(to_columns.relation_id) as to_relation_id,
        max(united.carries) as carries,
        min(united.masked) as masked,
        max(united.confidence) as confidence,
        min(united.functions) as functions,
        min(united.way) as way
    from united
    inner join columns as from_columns on from_columns.column_id = united.from_column_id
    inner join columns as to_columns on to_columns.column_id = united.to_column_id
    where united.from_column_id <> united.to_column_id
    group by united.from_column_id, united.to_column_id

)

select * from final
