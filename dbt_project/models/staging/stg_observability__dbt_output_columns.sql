with raw as (

    select * from {{ source('observability', 'dbt_output_columns') }}

),

final as (

    select
        cast(raw.analysis_hash as {{ dbt.type_string() }}) as analysis_hash,
        cast(raw.ordinal_position as {{ dbt.type_bigint() }}) as ordinal_position,
        cast(raw.column_name as {{ dbt.type_string() }}) as column_name,
        cast(raw.state as {{ dbt.type_string() }}) as state,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
