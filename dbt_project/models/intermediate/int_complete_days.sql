{{ config(**replaced_by(['destination_name', 'dataset_name'])) }}

with readings as (

    select * from {{ ref('int_dataset_readings') }}

),

-- the day that is not over yet may still get rows
counted as (

    select
        destination_name,
        dataset_name,
        cast(floor({{ to_epoch('read_until') }} / 86400) as {{ dbt.type_bigint() }}) as open_day_number,
        {{ built_at() }} as built_at
    from readings

),

final as (

    select counted.* from counted
    {% if is_incremental() %}
    left join {{ this }} as known
        on known.destination_name = counted.destination_name
        and known.dataset_name = counted.dataset_name
    where known.open_day_number is distinct from counted.open_day_number
    {% endif %}

)

select * from final
