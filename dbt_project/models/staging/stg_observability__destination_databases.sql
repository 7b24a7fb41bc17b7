with raw as (

    select * from {{ source('observability', 'destination_databases') }}

),

final as (

    select
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.database_name as {{ dbt.type_string() }}) as database_name,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
