with raw as (

    select * from {{ source('observability', 'run_table_metrics') }}

),

final as (

    select
        cast(raw.capture_id as {{ dbt.type_string() }}) as capture_id,
        cast(raw.step_number as {{ dbt.type_bigint() }}) as step_number,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.table_name as {{ dbt.type_string() }}) as table_name,
        cast(raw.row_count as {{ dbt.type_bigint() }}) as row_count,
        cast(raw.byte_count as {{ dbt.type_bigint() }}) as byte_count,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw

)

select * from final
