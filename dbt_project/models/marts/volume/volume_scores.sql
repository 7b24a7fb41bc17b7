{{
    config(
        pre_hook=["{{ delete_recounted_loads() }}", "{{ delete_changed_days() }}"],
        **replaced_by(['series_id', 'observation_number'], day='observed_at')
    )
}}

-- depends_on: {{ ref('int_loads_to_count') }}

with bands as (

    select * from {{ ref('int_volume_bands') }}
    where tolerated_log is not null
    {% if is_incremental() %}
        and {{ is_built_since() }}
    {% endif %}

),

observations as (

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

-- no more than fits a whole number of rows
measured as (

    select
        *,
        expected_log / {{ log_unit() }} as expected_ln,
        greatest(expected_log - tolerated_log, 0) / {{ log_unit() }} as lower_ln,
        least((expected_log + tolerated_log) / {{ log_unit() }}, 43) as upper_ln
    from bands

),

tolerated as (

    select
        *,
        {{ hundredth('exp(expected_ln) - 1') }} as expected_rows,
        {{ hundredth('exp(lower_ln) - 1') }} as lowest_rows,
        {{ hundredth('exp(upper_ln) - 1') }} as highest_rows
    from measured

),

-- a quarter more or less, or three rows, is nobody's alarm; but none at all is, where there always were some
bounded as (

    select
        *,
        least(lowest_rows, {{ hundredth('0.75 * expected_rows') }}, greatest(expected_rows - 3, 0.5)) as lower_bound,
        greatest(highest_rows, {{ hundredth('1.25 * expected_rows') }}, expected_rows + 3) as upper_bound
    from tolerated

),

observed as (

    select
        observations.*,
        bounded.method,
        bounded.history_count,
        bounded.expected_rows,
        bounded.lower_bound,
        bounded.upper_bound,
        case
            when observations.observed_rows < bounded.lower_bound then 'low'
            when observations.observed_rows > bounded.upper_bound then 'high'
        end as direction,
        abs(ln(cast(observations.observed_rows + 1 as {{ number_type() }})) - bounded.expected_ln) as distance,
        abs(
            ln(case
                when observations.observed_rows < bounded.expected_rows then bounded.lower_bound
                else bounded.upper_bound
            end + 1) - bounded.expected_ln
        ) as half_width
    from bounded
    inner join observations
        on observations.series_id = bounded.series_id
        and observations.observation_number = bounded.observation_number

),

final as (

    select
        observed.relation_id,
        observed.series_id,
        observed.observation_number,
        observed.pipeline_id,
        observed.destination_name,
        observed.dataset_name,
        observed.table_name,
        pipelines.pipeline_name,
        observed.grain,
        observed.load_id,
        observed.observed_at,
        observed.observed_rows,
        cast(observed.expected_rows as {{ number_type() }}) as expected_rows,
        cast(observed.lower_bound as {{ number_type() }}) as lower_bound,
        cast(observed.upper_bound as {{ number_type() }}) as upper_bound,
        cast(case
            when observed.half_width > 0 then {{ hundredth('observed.distance / observed.half_width') }}
            else 0
        end as {{ number_type() }}) as score,
        observed.direction,
        observed.direction is not null as is_anomalous,
        observed.method,
        cast(observed.history_count as {{ dbt.type_bigint() }}) as history_count,
        {{ built_at() }} as built_at
    from observed
    left join pipelines on pipelines.pipeline_id = observed.pipeline_id

)

select * from final
