{{ config(materialized='table') }}

select
    md5(tail_number) as aircraft_key,
    date_trunc('week', departed_at) as week,
    sum(distance_miles) as miles
from {{ ref('aircraft_legs') }}
group by 1, 2
