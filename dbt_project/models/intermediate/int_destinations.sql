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
        destination_name,
        destination_type
    from ranked
    where recency = 1

)

select * from final
