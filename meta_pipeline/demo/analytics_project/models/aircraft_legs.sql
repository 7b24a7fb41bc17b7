{{ config(materialized='incremental') }}

with rotations as (

    select * from {{ ref('stg_rotations') }}

),

legs as (

    select * from {{ ref('stg_legs') }}

)

select
    rotations.tail_number,
    legs.departed_at,
    legs.flight_number,
    legs.origin,
    legs.destination,
    legs.distance_miles
from rotations
inner join legs on legs.rotation_id = rotations.rotation_id
{% if is_incremental() %}
where legs.departed_at > (select max(departed_at) from {{ this }})
{% endif %}
