with legs as (

    select * from {{ ref('aircraft_legs') }}

),

airports as (

    select * from {{ source('reference', 'airports') }}

),

movements as (

    select origin as faa, tail_number from legs
    union all
    select destination as faa, tail_number from legs

)

select
    movements.faa,
    airports.name as airport_name,
    count(*) as movements,
    count(distinct movements.tail_number) as aircraft
from movements
left join airports on airports.faa = movements.faa
group by movements.faa, airports.name
