with scores as (

    select * from {{ ref('volume_scores') }}
    where is_anomalous

),

recent_loads as (

    select * from {{ ref('int_recent_loads') }}

),

streams as (

    select * from {{ ref('int_load_streams') }}

),

readings as (

    select * from {{ ref('int_dataset_readings') }}

),

latest_loads as (

    select distinct
        streams.destination_name,
        streams.dataset_name,
        recent_loads.load_id
    from recent_loads
    inner join streams on streams.stream_id = recent_loads.stream_id
    where recent_loads.is_latest

),

final as (

    select
        scores.relation_id,
        scores.pipeline_id,
        scores.destination_name,
        scores.dataset_name,
        scores.table_name,
        scores.pipeline_name,
        scores.grain,
        scores.load_id,
        scores.observed_at,
        scores.observed_rows,
        scores.expected_rows,
        scores.lower_bound,
        scores.upper_bound,
        scores.score,
        scores.direction,
        scores.method,
        scores.history_count,
        case scores.grain
            when 'load' then latest_loads.load_id is not null
            else {{ to_epoch('readings.read_until') }} - {{ to_epoch('scores.observed_at') }} < 2 * 86400
        end as is_latest
    from scores
    left join latest_loads
        on latest_loads.destination_name = scores.destination_name
        and latest_loads.dataset_name = scores.dataset_name
        and latest_loads.load_id = scores.load_id
    left join readings
        on readings.destination_name = scores.destination_name
        and readings.dataset_name = scores.dataset_name

)

select * from final
