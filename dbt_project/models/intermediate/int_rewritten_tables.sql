{{ config(materialized='view') }}

with version_tables as (

    select * from {{ ref('stg_observability__schema_version_tables') }}

),

definitions as (

    select * from {{ ref('stg_observability__schema_tables') }}

),

-- the write disposition stands on the root table only
final as (

    select
        version_tables.version_hash,
        version_tables.table_name
    from version_tables
    inner join version_tables as root_tables
        on root_tables.version_hash = version_tables.version_hash
        and root_tables.table_name = version_tables.root_table
    inner join definitions on definitions.table_hash = root_tables.table_hash
    where definitions.write_disposition in ('merge', 'replace')
        and not {{ is_dlt_table('version_tables.table_name') }}

)

select * from final
