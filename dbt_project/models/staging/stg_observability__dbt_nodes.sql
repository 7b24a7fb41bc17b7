with raw as (

    select * from {{ source('observability', 'dbt_nodes') }}

),

finished as (

    select load_id
    from {{ source('observability', '_dlt_loads') }}
    where status = 0

),

final as (

    select
        cast(raw.artifact_path as {{ dbt.type_string() }}) as artifact_path,
        cast(raw.unique_id as {{ dbt.type_string() }}) as unique_id,
        cast(raw.changed_at as {{ timestamp_type() }}) as changed_at,
        cast(raw.node_hash as {{ dbt.type_string() }}) as node_hash,
        cast(raw.analysis_hash as {{ dbt.type_string() }}) as analysis_hash,
        cast(raw.is_removed as {{ dbt.type_boolean() }}) as is_removed,
        cast(raw.project_name as {{ dbt.type_string() }}) as project_name,
        cast(raw.adapter_type as {{ dbt.type_string() }}) as adapter_type,
        cast(raw.resource_type as {{ dbt.type_string() }}) as resource_type,
        cast(raw.package_name as {{ dbt.type_string() }}) as package_name,
        cast(raw.node_name as {{ dbt.type_string() }}) as node_name,
        cast(raw.database_name as {{ dbt.type_string() }}) as database_name,
        cast(raw.schema_name as {{ dbt.type_string() }}) as schema_name,
        cast(raw.identifier as {{ dbt.type_string() }}) as identifier,
        cast(raw.materialization as {{ dbt.type_string() }}) as materialization,
        cast(raw.language as {{ dbt.type_string() }}) as language,
        cast(raw.tags as {{ dbt.type_string() }}) as tags,
        cast(raw.meta as {{ dbt.type_string() }}) as meta,
        cast(raw.description as {{ dbt.type_string() }}) as description,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    inner join finished on finished.load_id = raw._dlt_load_id
    {{ where_known('raw.changed_at') }}

)

select * from final
