with streams as (

    select * from {{ ref('int_load_streams') }}

),

pipeline_states as (

    select * from {{ ref('stg_observability__pipeline_states') }}

),

named_pipelines as (

    select distinct
        destination_name,
        dataset_name,
        pipeline_name
    from pipeline_states

),

-- attributed to one pipeline, or to the stand-in for an unknown one
certain as (

    select
        pipeline_id,
        stream_id,
        true as is_certain
    from streams
    where pipeline_id is not null

),

-- shared by several pipelines, each of which may have done it
possible as (

    select
        {{ pipeline_key('named_pipelines.') }} as pipeline_id,
        streams.stream_id,
        false as is_certain
    from streams
    inner join named_pipelines
        on named_pipelines.destination_name = streams.destination_name
        and named_pipelines.dataset_name = streams.dataset_name
        and {{ dbt.position(
            "', ' || named_pipelines.pipeline_name || ', '",
            "', ' || streams.pipeline_candidates || ', '"
        ) }} > 0
    where streams.pipeline_id is null

),

united as (

    select * from certain
    union all
    select * from possible

),

final as (

    select
        united.pipeline_id,
        united.stream_id,
        united.is_certain,
        cast(count(*) over (partition by united.stream_id) as {{ dbt.type_bigint() }}) as pipeline_count,
        streams.schema_name,
        streams.pipeline_candidates,
        streams.load_count,
        streams.first_load_at,
        streams.last_load_at
    from united
    inner join streams on streams.stream_id = united.stream_id

)

select * from final
