with raw as (

    select * from {{ source('observability', 'schema_tables') }}

),

final as (

    select
        cast(raw.table_hash as {{ dbt.type_string() }}) as table_hash,
        cast(raw.table_name as {{ dbt.type_string() }}) as table_name,
        cast(raw.parent_table as {{ dbt.type_string() }}) as parent_table,
        cast(raw.resource_name as {{ dbt.type_string() }}) as resource_name,
        cast(raw.write_disposition as {{ dbt.type_string() }}) as write_disposition,
        cast(raw.description as {{ dbt.type_string() }}) as description,
        cast(raw.has_seen_data as {{ dbt.type_boolean() }}) as has_seen_data,
        cast(raw.hints as {{ dbt.type_string() }}) as hints
    from raw

)

select * from final
