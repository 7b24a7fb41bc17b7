{{ config(**looked_up_by(['column_id'])) }}

with steps as (

    select * from {{ ref('int_pii_steps') }}

),

reached as (

    select * from {{ ref('int_pii_after_20') }}

),

{{ ten_steps_on() }}

final as (

    select * from step_10

)

select * from final
