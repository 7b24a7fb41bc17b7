{{ config(**replaced_by(['destination_name'])) }}

with coverage as (

    select * from {{ ref('stg_observability__coverage') }}

),

collections as (

    select * from {{ ref('stg_observability__collections') }}

),

named as (

    select destination_name, destination_type, last_collected_at as collected_at from coverage
    union all
    select destination_name, destination_type, collected_at from collections

),

ranked as (

    select
        *,
        row_number() over (partition by destination_name order by collected_at desc, destination_type) as recency
    from named
    where destination_type is not null

),

final as (

    select
        ranked.destination_name,
        ranked.destination_type,
        {{ built_at() }} as built_at
    from ranked
    {% if is_incremental() %}
    left join {{ this }} as known on known.destination_name = ranked.destination_name
    {% endif %}
    where ranked.recency = 1
        {% if is_incremental() %}
        and known.destination_type is distinct from ranked.destination_type
        {% endif %}

)

select * from final
