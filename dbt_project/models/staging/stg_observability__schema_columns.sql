with raw as (

    select * from {{ source('observability', 'schema_columns') }}

),

final as (

    select
        cast(raw.table_hash as {{ dbt.type_string() }}) as table_hash,
        cast(raw.column_name as {{ dbt.type_string() }}) as column_name,
        cast(raw.ordinal_position as {{ dbt.type_bigint() }}) as ordinal_position,
        cast(raw.data_type as {{ dbt.type_string() }}) as data_type,
        cast(raw.is_nullable as {{ dbt.type_boolean() }}) as is_nullable,
        cast(raw.description as {{ dbt.type_string() }}) as description,
        cast(raw.hints as {{ dbt.type_string() }}) as hints
    from raw

)

select * from final
