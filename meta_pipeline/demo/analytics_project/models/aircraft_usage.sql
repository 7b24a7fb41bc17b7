{{ config(materialized='table') }}

select
    tail_number,
    count(*) as legs,
    sum(distance_miles) as miles,
    max(departed_at) as last_departed_at
from {{ ref('aircraft_legs') }}
group by tail_number
