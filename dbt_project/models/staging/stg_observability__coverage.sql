with raw as (

    select * from {{ source('observability', 'coverage') }}

),

finished as (

    select load_id, inserted_at
    from {{ source('observability', '_dlt_loads') }}
    where status = 0

),

final as (

    select
        cast(raw.coverage_id as {{ dbt.type_string() }}) as coverage_id,
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.destination_type as {{ dbt.type_string() }}) as destination_type,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.outcome as {{ dbt.type_string() }}) as outcome,
        cast(raw.error as {{ dbt.type_string() }}) as error,
        cast(raw.schemas_seen as {{ dbt.type_bigint() }}) as schemas_seen,
        cast(raw.since as {{ timestamp_type() }}) as first_collected_at,
        cast(raw.collected_at as {{ timestamp_type() }}) as last_collected_at
    from raw
    inner join finished on finished.load_id = raw._dlt_load_id

)

select * from final
