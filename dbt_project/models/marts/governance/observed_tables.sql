with current_tables as (

    select * from {{ ref('int_current_tables') }}

),

definitions as (

    select * from {{ ref('stg_observability__schema_tables') }}

),

version_tables as (

    select * from {{ ref('stg_observability__schema_version_tables') }}

),

statistics as (

    select * from {{ ref('stg_observability__table_statistics') }}

),

-- a dataset's statistics are stored together, so a table without a row in the last ones is gone
last_statistics as (

    select
        destination_name,
        dataset_name,
        max(collected_at) as collected_at
    from statistics
    group by destination_name, dataset_name

),

sizes as (

    select statistics.*
    from statistics
    inner join last_statistics
        on last_statistics.destination_name = statistics.destination_name
        and last_statistics.dataset_name = statistics.dataset_name
        and last_statistics.collected_at = statistics.collected_at

),

-- a warehouse may write names in another case than dlt
unambiguous_names as (

    select
        destination_name,
        dataset_name,
        lower(table_name) as folded_name,
        max(table_name) as table_name
    from sizes
    group by destination_name, dataset_name, lower(table_name)
    having count(*) = 1

),

-- resource and write disposition stand on the root table only, within the same version
rooted as (

    select
        current_tables.*,
        root_tables.table_hash as root_hash
    from current_tables
    left join version_tables as root_tables
        on root_tables.version_hash = current_tables.version_hash
        and root_tables.table_name = current_tables.root_table
    where current_tables.is_newest

),

final as (

    select
        {{ relation_key('rooted.table_name', 'rooted.') }} as relation_id,
        rooted.destination_name,
        rooted.dataset_name,
        rooted.schema_name,
        rooted.table_name,
        coalesce(definitions.resource_name, root_definitions.resource_name) as resource_name,
        definitions.parent_table,
        rooted.root_table,
        coalesce(definitions.write_disposition, root_definitions.write_disposition) as write_disposition,
        definitions.description,
        definitions.has_seen_data,
        definitions.hints,
        sizes.row_count,
        sizes.byte_count,
        case when sizes.row_count is not null then sizes.is_estimate end as is_estimate,
        rooted.version_hash
    from rooted
    left join definitions on definitions.table_hash = rooted.table_hash
    left join definitions as root_definitions on root_definitions.table_hash = rooted.root_hash
    left join unambiguous_names
        on unambiguous_names.destination_name = rooted.destination_name
        and unambiguous_names.dataset_name = rooted.dataset_name
        and unambiguous_names.folded_name = lower(rooted.table_name)
    left join sizes
        on sizes.destination_name = rooted.destination_name
        and sizes.dataset_name = rooted.dataset_name
        and sizes.table_name = coalesce(unambiguous_names.table_name, rooted.table_name)

)

select * from final
