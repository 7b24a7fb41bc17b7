with raw as (

    select * from {{ source('observability', 'schema_versions') }}

),

final as (

    select
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.schema_name as {{ dbt.type_string() }}) as schema_name,
        cast(raw.version_hash as {{ dbt.type_string() }}) as version_hash,
        cast(raw.parent_hash as {{ dbt.type_string() }}) as parent_hash,
        cast(raw.parent_method as {{ dbt.type_string() }}) as parent_method,
        cast(raw.version as {{ dbt.type_bigint() }}) as version,
        cast(raw.engine_version as {{ dbt.type_bigint() }}) as engine_version,
        cast(raw.inserted_at as {{ timestamp_type() }}) as stored_at,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_known('raw.inserted_at') }}

)

select * from final
