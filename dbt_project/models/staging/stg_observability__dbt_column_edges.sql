with raw as (

    select * from {{ source('observability', 'dbt_column_edges') }}

),

final as (

    select
        cast(raw.analysis_hash as {{ dbt.type_string() }}) as analysis_hash,
        cast(raw.from_database as {{ dbt.type_string() }}) as from_database,
        cast(raw.from_schema as {{ dbt.type_string() }}) as from_schema,
        cast(raw.from_identifier as {{ dbt.type_string() }}) as from_identifier,
        cast(raw.from_column as {{ dbt.type_string() }}) as from_column,
        cast(raw.to_column as {{ dbt.type_string() }}) as to_column,
        cast(raw.transformation as {{ dbt.type_string() }}) as transformation,
        cast(raw.is_masked as {{ dbt.type_boolean() }}) as is_masked,
        cast(raw.functions as {{ dbt.type_string() }}) as functions,
        cast(raw.is_declared as {{ dbt.type_boolean() }}) as is_declared,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
