with coverage as (

    select * from {{ ref('stg_observability__coverage') }}

),

-- what a later collection read says what there was at the moment shown, so the past is judged as if read right then
final as (

    select
        destination_name,
        dataset_name,
        least(max(last_collected_at), {{ as_of() }}) as read_until,
        {{ built_at() }} as built_at
    from coverage
    where outcome in ('complete', 'partial')
        and dataset_name is not null
    group by destination_name, dataset_name

)

select * from final
