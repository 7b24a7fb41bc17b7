with raw as (

    select * from {{ source('observability', 'dbt_dependencies') }}

),

final as (

    select
        cast(raw.node_hash as {{ dbt.type_string() }}) as node_hash,
        cast(raw.parent_id as {{ dbt.type_string() }}) as parent_id,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
