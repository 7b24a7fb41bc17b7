with raw as (

    select * from {{ source('observability', 'exported_schemas') }}

),

final as (

    select
        cast(raw.file_name as {{ dbt.type_string() }}) as file_name,
        cast(raw.schema_name as {{ dbt.type_string() }}) as schema_name,
        cast(raw.version_hash as {{ dbt.type_string() }}) as version_hash,
        cast(raw.version as {{ dbt.type_bigint() }}) as version,
        cast(raw.engine_version as {{ dbt.type_bigint() }}) as engine_version,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_known('raw.collected_at') }}

)

select * from final
