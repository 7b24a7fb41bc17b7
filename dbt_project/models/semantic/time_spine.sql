{{ config(materialized='view') }}

with digits as (

    {% for digit in range(10) -%}
    select {{ digit }} as digit
    {{- ' union all' if not loop.last }}
    {% endfor %}

),

numbered as (

    select thousands.digit * 1000 + hundreds.digit * 100 + tens.digit * 10 + ones.digit as day_number
    from digits as thousands
    cross join digits as hundreds
    cross join digits as tens
    cross join digits as ones

),

final as (

    select cast({{ dbt.dateadd('day', 'day_number', "cast('2015-01-01' as date)") }} as date) as date_day
    from numbered

)

select * from final
