with observations as (

    select * from {{ ref('int_volume_observations') }}

),

streams as (

    select * from {{ ref('int_load_streams') }}

),

pipelines as (

    select distinct pipeline_id, pipeline_name
    from streams
    where pipeline_id is not null

),

-- whole millionths of a logarithm: sums of whole numbers are the same in whatever order a warehouse adds them up
measured as (

    select
        *,
        cast(round(ln(observed_rows + 1) * 1000000) as {{ dbt.type_bigint() }}) as log_rows
    from observations

),

levels as (

    select
        *,
        sum(log_rows) over recent as log_sum,
        min(log_rows) over recent as log_min,
        max(log_rows) over recent as log_max,
        count(*) over recent as level_count
    from measured
    window recent as (
        partition by series_id, grain order by observation_number rows between 7 preceding and 1 preceding
    )

),

predicted as (

    select
        *,
        case
            when level_count >= 3 then cast(floor((log_sum - log_min - log_max) / (level_count - 2.0)) as {{ dbt.type_bigint() }})
        end as expected_log
    from levels

),

missed as (

    select
        *,
        abs(log_rows - expected_log) as error
    from predicted

),

banded as (

    select
        *,
        count(error) over (
            partition by series_id, grain order by observation_number rows between 42 preceding and 1 preceding
        ) as history_count,
        {% for block in range(3) %}
        max(error) over (
            partition by series_id, grain
            order by observation_number rows between {{ 14 * (block + 1) }} preceding and {{ 14 * block + 1 }} preceding
        ) as error_{{ block }}{{ ',' if not loop.last }}
        {% endfor %}
    from missed

),

tolerated as (

    select
        *,
        error_0 + error_1 + error_2 - least(error_0, error_1, error_2) - greatest(error_0, error_1, error_2)
            as tolerance
    from banded
    where history_count >= 4

),

bounded as (

    select
        *,
        exp(expected_log / 1000000.0) - 1 as expected_rows,
        greatest(0, exp((expected_log - coalesce(tolerance, error_0)) / 1000000.0) - 1) as lower_bound,
        exp((expected_log + coalesce(tolerance, error_0)) / 1000000.0) - 1 as upper_bound
    from tolerated

),

judged as (

    select
        *,
        case
            when observed_rows < lower_bound and expected_rows - observed_rows >= 0.3 * expected_rows then 'low'
            when observed_rows > upper_bound and observed_rows - expected_rows >= 0.3 * expected_rows then 'high'
        end as direction,
        error / greatest(coalesce(tolerance, error_0), 10000.0) as score
    from bounded

),

final as (

    select
        judged.relation_id,
        judged.series_id,
        judged.pipeline_id,
        judged.destination_name,
        judged.dataset_name,
        judged.table_name,
        pipelines.pipeline_name,
        judged.grain,
        judged.load_id,
        judged.observed_at,
        judged.observation_number,
        judged.observed_rows,
        cast(judged.expected_rows as {{ number_type() }}) as expected_rows,
        cast(judged.lower_bound as {{ number_type() }}) as lower_bound,
        cast(judged.upper_bound as {{ number_type() }}) as upper_bound,
        cast(judged.score as {{ number_type() }}) as score,
        judged.direction,
        judged.direction is not null as is_anomalous,
        'level' as method,
        cast(judged.history_count as {{ dbt.type_bigint() }}) as history_count
    from judged
    left join pipelines on pipelines.pipeline_id = judged.pipeline_id

)

select * from final
