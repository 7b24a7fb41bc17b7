with raw as (

    select * from {{ source('observability', 'counted_loads') }}

),

final as (

    select
        cast(raw.destination_name as {{ dbt.type_string() }}) as destination_name,
        cast(raw.dataset_name as {{ dbt.type_string() }}) as dataset_name,
        cast(raw.load_id as {{ dbt.type_string() }}) as load_id,
        cast(raw.counted_at as {{ timestamp_type() }}) as counted_at,
        cast(raw.collected_at as {{ timestamp_type() }}) as collected_at
    from raw
    {{ where_load_known("coalesce(" ~ load_id_time("raw.load_id") ~ ", raw.counted_at)") }}

)

select * from final
