with source as (

    select * from {{ source('maintenance', 'rotations') }}

),

renamed as (

    select
        _dlt_id as rotation_id,
        trim(tail_number) as tail_number,
        last_departed_at
    from source

)

select * from renamed
