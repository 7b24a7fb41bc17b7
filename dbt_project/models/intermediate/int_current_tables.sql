{{ config(materialized='view') }}

with current_versions as (

    select * from {{ ref('int_current_versions') }}

),

version_tables as (

    select * from {{ ref('stg_observability__schema_version_tables') }}

),

final as (

    select
        current_versions.destination_name,
        current_versions.dataset_name,
        current_versions.schema_name,
        current_versions.version_hash,
        current_versions.version_rank,
        current_versions.built_at,
        version_tables.table_name,
        version_tables.table_hash,
        version_tables.root_table,
        -- the newest of the current versions says what the table is
        row_number() over (
            partition by
                current_versions.destination_name,
                current_versions.dataset_name,
                current_versions.schema_name,
                version_tables.table_name
            order by current_versions.version_rank
        ) = 1 as is_newest
    from current_versions
    inner join version_tables on version_tables.version_hash = current_versions.version_hash
    where not {{ is_dlt_table('version_tables.table_name') }}

)

select * from final
