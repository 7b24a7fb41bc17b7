-- a load that is attributed anew moves the cursors of whom it was attributed to before as well
with moved as (

    select destination_name, dataset_name
    from {{ ref('loads') }}
    where {{ is_built_since() }}

    union all

    select destination_name, dataset_name
    from {{ ref('stg_observability__pipeline_cursors') }}
    where {{ is_collected_since() }}

    union all

    -- also a state without any cursor counts: it may be the one that dropped them
    select destination_name, dataset_name
    from {{ ref('stg_observability__pipeline_states') }}
    where {{ is_collected_since() }}

),

final as (

    select distinct
        destination_name,
        dataset_name
    from moved

)

select * from final
