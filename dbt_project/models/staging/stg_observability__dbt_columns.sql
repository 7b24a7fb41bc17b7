with raw as (

    select * from {{ source('observability', 'dbt_columns') }}

),

final as (

    select
        cast(raw.node_hash as {{ dbt.type_string() }}) as node_hash,
        cast(raw.column_name as {{ dbt.type_string() }}) as column_name,
        cast(raw.ordinal_position as {{ dbt.type_bigint() }}) as ordinal_position,
        cast(raw.data_type as {{ dbt.type_string() }}) as data_type,
        cast(raw.tags as {{ dbt.type_string() }}) as tags,
        cast(raw.meta as {{ dbt.type_string() }}) as meta,
        cast(raw.description as {{ dbt.type_string() }}) as description,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
