with loads as (

    select * from {{ ref('loads') }}

),

counted_loads as (

    select * from {{ ref('int_counted_loads') }}

),

-- the first load of each schema that changed since the last transform: it and all after it are counted anew
changed as (

    select
        destination_name,
        dataset_name,
        schema_name,
        min(committed_at) as committed_at
    from {{ ref('loads') }}
    where {{ is_built_since() }}
    group by destination_name, dataset_name, schema_name

),

numbered as (

    select
        loads.*,
        -- a traced count is as old as its load
        counted_loads.is_late and coalesce(loads.count_method, '') <> 'traced' as is_late,
        case when loads.count_method = 'traced' then 'traced' else 'scanned' end as counted_by,
        loads.committed_at >= changed.committed_at as is_recounted,
        row_number() over (
            partition by loads.stream_id order by loads.committed_at, loads.load_id
        ) as load_number
    from loads
    inner join changed
        on changed.destination_name = loads.destination_name
        and changed.dataset_name = loads.dataset_name
        and changed.schema_name = loads.schema_name
    left join counted_loads
        on counted_loads.destination_name = loads.destination_name
        and counted_loads.dataset_name = loads.dataset_name
        and counted_loads.load_id = loads.load_id
    where counted_loads.load_id is not null
        or loads.count_method = 'traced'

),

-- what a load is expected to bring depends on the ten before it
windowed as (

    select
        *,
        min(case when is_recounted then load_number end) over (partition by stream_id) - 10 as first_number
    from numbered

),

final as (

    select
        destination_name,
        dataset_name,
        load_id,
        schema_name,
        pipeline_id,
        stream_id,
        committed_at,
        schema_version_hash,
        load_number,
        coalesce(is_late, false) as is_late,
        counted_by as count_method,
        is_recounted
    from windowed
    where load_number >= first_number

)

select * from final
