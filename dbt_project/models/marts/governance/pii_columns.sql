with columns as (

    select * from {{ ref('int_governed_columns') }}

),

reach as (

    select * from {{ ref('int_pii_reach') }}

),

value_steps as (

    select * from {{ ref('int_value_steps') }}

),

names as (

    select * from {{ ref('int_pii_names') }}

),

table_pipelines as (

    select * from {{ ref('int_table_pipelines') }}

),

reached_columns as (

    select
        column_id,
        min(case when is_masked then 1 else 0 end) as masked
    from reach
    group by column_id

),

declared as (

    select
        columns.column_id,
        columns.column_id as origin_id,
        'declared' as status,
        0 as hops,
        coalesce(reached_columns.masked, 0) = 1 as is_masked,
        columns.tagged_by as method,
        cast(1 as {{ number_type() }}) as confidence
    from columns
    left join reached_columns on reached_columns.column_id = columns.column_id
    where columns.tagged_by is not null

),

inherited as (

    select
        reach.column_id,
        reach.origin_id,
        'inherited' as status,
        reach.hops,
        reach.is_masked,
        'lineage' as method,
        reach.confidence
    from reach
    inner join columns on columns.column_id = reach.column_id
    where columns.tagged_by is null

),

-- columns that hold values of an origin, the origin itself among them
holding as (

    select origin_id, column_id, hops, is_masked, confidence from reach

    union all

    select
        declared.origin_id,
        declared.column_id,
        declared.hops,
        false as is_masked,
        declared.confidence
    from declared
    left join reached_columns on reached_columns.column_id = declared.column_id
    where reached_columns.column_id is null

),

stopped as (

    select
        value_steps.to_column_id as column_id,
        holding.origin_id,
        'declassified' as status,
        min(holding.hops) + 1 as hops,
        min(case when holding.is_masked or value_steps.masked = 1 then 1 else 0 end) = 1 as is_masked,
        max(case when columns.cleared_by is not null then 'mark' else 'aggregate' end) as method,
        max(least(holding.confidence, value_steps.confidence)) as confidence
    from value_steps
    inner join holding on holding.column_id = value_steps.from_column_id
    inner join columns on columns.column_id = value_steps.to_column_id
    left join reach as reached
        on reached.column_id = value_steps.to_column_id
        and reached.origin_id = holding.origin_id
    where columns.tagged_by is null
        and reached.column_id is null
        and (value_steps.carries = 0 or columns.cleared_by is not null)
    group by value_steps.to_column_id, holding.origin_id

),

settled as (

    select * from declared
    union all
    select * from inherited
    union all
    select * from stopped

),

marked as (

    select
        columns.column_id,
        cast(null as {{ dbt.type_string() }}) as origin_id,
        'declassified' as status,
        0 as hops,
        false as is_masked,
        'mark' as method,
        cast(1 as {{ number_type() }}) as confidence
    from columns
    left join settled on settled.column_id = columns.column_id
    where columns.cleared_by is not null
        and settled.column_id is null

),

suggested as (

    select
        columns.column_id,
        cast(null as {{ dbt.type_string() }}) as origin_id,
        'suggested' as status,
        0 as hops,
        false as is_masked,
        'name' as method,
        coalesce(names.confidence, cast(0.6 as {{ number_type() }})) as confidence
    from columns
    left join names
        on names.folded_name = columns.folded_name
        and names.type_kind = coalesce({{ type_kind('columns.data_type') }}, '')
    left join settled on settled.column_id = columns.column_id
    where columns.cleared_by is null
        and settled.column_id is null
        and (names.folded_name is not null or {{ is_name_of_person('columns') }})

),

united as (

    select * from settled
    union all
    select * from marked
    union all
    select * from suggested

),

-- the column that the value was in one step before
previous as (

    select
        united.column_id,
        united.origin_id,
        sources.relation || '.' || sources.column_name as came_from,
        value_steps.way,
        value_steps.functions,
        row_number() over (
            partition by united.column_id, united.origin_id
            order by holding.hops, sources.relation, sources.column_name
        ) as choice
    from united
    inner join value_steps on value_steps.to_column_id = united.column_id
    inner join holding
        on holding.column_id = value_steps.from_column_id
        and holding.origin_id = united.origin_id
    inner join columns as sources on sources.column_id = value_steps.from_column_id
    where united.status in ('inherited', 'declassified')

),

pipelines as (

    select distinct
        relation_id,
        pipeline_id,
        pipeline_name
    from table_pipelines

),

single_pipelines as (

    select
        relation_id,
        min(pipeline_id) as pipeline_id,
        min(pipeline_name) as pipeline_name
    from pipelines
    group by relation_id
    having count(*) = 1

),

described as (

    select
        united.*,
        columns.relation_id,
        columns.destination_name,
        columns.dataset_name,
        columns.table_name,
        columns.relation,
        columns.column_name,
        columns.data_type,
        columns.cleared_by,
        names.word,
        coalesce(
            own_names.category,
            names.category,
            case when {{ is_name_of_person('columns') }} then 'name' end,
            'unspecified'
        ) as category,
        origins.relation_id as origin_relation_id,
        origins.destination_name as origin_destination_name,
        origins.relation as origin_relation,
        origins.column_name as origin_column,
        previous.came_from,
        previous.way,
        previous.functions
    from united
    inner join columns on columns.column_id = united.column_id
    left join columns as origins on origins.column_id = united.origin_id
    left join names
        on names.folded_name = columns.folded_name
        and names.type_kind = coalesce({{ type_kind('columns.data_type') }}, '')
    left join names as own_names
        on own_names.folded_name = origins.folded_name
        and own_names.type_kind = coalesce({{ type_kind('origins.data_type') }}, '')
    left join previous
        on previous.column_id = united.column_id
        and previous.origin_id = united.origin_id
        and previous.choice = 1

),

final as (

    select
        {{ key(['described.column_id', 'described.origin_id']) }} as pii_column_id,
        described.relation_id,
        single_pipelines.pipeline_id,
        single_pipelines.pipeline_name,
        described.destination_name,
        described.dataset_name,
        described.table_name,
        described.relation,
        described.column_name,
        described.data_type,
        described.status,
        described.category,
        described.origin_relation_id,
        described.origin_destination_name,
        described.origin_relation,
        described.origin_column,
        cast(described.hops as {{ dbt.type_bigint() }}) as hops,
        described.is_masked,
        described.method,
        described.confidence,
        {{ pii_reason('described') }} as reason
    from described
    left join single_pipelines on single_pipelines.relation_id = described.relation_id

)

select * from final
