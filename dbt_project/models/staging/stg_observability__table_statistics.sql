with raw as (

    select * from {{ source('observability', 'table_statistics') }}

),

final as (

    select
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.table_name as {{ dbt.type_string() }}) as table_name,
        cast(raw.row_count as {{ dbt.type_bigint() }}) as row_count,
        cast(raw.byte_count as {{ dbt.type_bigint() }}) as byte_count,
        cast(raw.is_estimate as {{ dbt.type_boolean() }}) as is_estimate,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_known('raw.collected_at') }}

)

select * from final
