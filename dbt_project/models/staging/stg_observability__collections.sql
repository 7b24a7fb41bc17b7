with raw as (

    select * from {{ source('observability', 'collections') }}

),

finished as (

    select load_id, inserted_at
    from {{ source('observability', '_dlt_loads') }}
    where status = 0

),

final as (

    select
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.destination_type as {{ dbt.type_string() }}) as destination_type,
        cast(raw.outcome as {{ dbt.type_string() }}) as outcome,
        cast(raw.error as {{ dbt.type_string() }}) as error,
        cast(raw.bytes_scanned as {{ dbt.type_bigint() }}) as bytes_scanned,
        cast(raw.bytes_billed as {{ dbt.type_bigint() }}) as bytes_billed,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at,
        cast(finished.inserted_at as {{ timestamp_type() }}) as recorded_at
    from raw
    inner join finished on finished.load_id = raw._dlt_load_id

)

select * from final
