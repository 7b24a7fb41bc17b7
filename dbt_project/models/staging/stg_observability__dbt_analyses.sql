with raw as (

    select * from {{ source('observability', 'dbt_analyses') }}

),

final as (

    select
        cast(raw.analysis_hash as {{ dbt.type_string() }}) as analysis_hash,
        cast(raw.error as {{ dbt.type_string() }}) as error,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
