with anomalies as (

    select * from {{ ref('volume_anomalies') }}
    where is_latest and pipeline_id is not null

),

ranked as (

    select
        *,
        count(*) over (partition by pipeline_id) as anomaly_count,
        row_number() over (
            partition by pipeline_id order by score desc, table_name, grain desc, load_id
        ) as place
    from anomalies

),

final as (

    select
        pipeline_id,
        cast(anomaly_count as {{ dbt.type_bigint() }}) as anomaly_count,
        table_name,
        grain,
        observed_at,
        load_id,
        observed_rows,
        expected_rows,
        lower_bound,
        upper_bound,
        score,
        direction
    from ranked
    where place = 1

)

select * from final
