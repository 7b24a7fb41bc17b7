with raw as (

    select * from {{ source('observability', 'loads') }}

),

final as (

    select
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.schema_name as {{ dbt.type_string() }}) as schema_name,
        cast(raw.status as {{ dbt.type_bigint() }}) as status,
        cast(raw.inserted_at as {{ timestamp_type() }}) as committed_at,
        cast(raw.schema_version_hash as {{ dbt.type_string() }}) as schema_version_hash,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_known('raw.inserted_at') }}

)

select * from final
