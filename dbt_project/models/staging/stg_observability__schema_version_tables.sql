with raw as (

    select * from {{ source('observability', 'schema_version_tables') }}

),

final as (

    select
        cast(raw.version_hash as {{ dbt.type_string() }}) as version_hash,
        cast(raw.table_name as {{ dbt.type_string() }}) as table_name,
        cast(raw.table_hash as {{ dbt.type_string() }}) as table_hash,
        cast(raw.root_table as {{ dbt.type_string() }}) as root_table
    from raw

)

select * from final
