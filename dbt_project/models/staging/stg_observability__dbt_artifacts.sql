with raw as (

    select * from {{ source('observability', 'dbt_artifacts') }}

),

final as (

    select
        cast(raw.artifact_path as {{ dbt.type_string() }}) as artifact_path,
        cast(raw.since as {{ timestamp_type() }}) as since,
        cast(raw.project_name as {{ dbt.type_string() }}) as project_name,
        cast(raw.adapter_type as {{ dbt.type_string() }}) as adapter_type,
        cast(raw.manifest_version as {{ dbt.type_bigint() }}) as manifest_version,
        cast(raw.dbt_version as {{ dbt.type_string() }}) as dbt_version,
        cast(raw.generated_at as {{ timestamp_type() }}) as generated_at,
        cast(raw.has_catalog as {{ dbt.type_boolean() }}) as has_catalog,
        cast(raw.outcome as {{ dbt.type_string() }}) as outcome,
        cast(raw.error as {{ dbt.type_string() }}) as error,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_known('raw.since') }}

)

select * from final
