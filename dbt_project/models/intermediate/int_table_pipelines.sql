with observed_tables as (

    select * from {{ ref('observed_tables') }}

),

pipeline_schemas as (

    select * from {{ ref('stg_observability__pipeline_schemas') }}

),

streams as (

    select * from {{ ref('int_load_streams') }}

),

named as (

    select destination_name, dataset_name, schema_name, pipeline_name from pipeline_schemas
    union all
    select destination_name, dataset_name, schema_name, pipeline_name from streams where pipeline_name is not null

),

schema_pipelines as (

    select distinct
        {{ pipeline_key() }} as pipeline_id,
        destination_name,
        dataset_name,
        schema_name,
        pipeline_name
    from named

),

final as (

    select
        observed_tables.relation_id,
        observed_tables.destination_name,
        observed_tables.dataset_name,
        observed_tables.schema_name,
        observed_tables.table_name,
        schema_pipelines.pipeline_id,
        schema_pipelines.pipeline_name,
        cast(count(*) over (
            partition by observed_tables.relation_id, observed_tables.schema_name
        ) as {{ dbt.type_bigint() }}) as candidate_count
    from observed_tables
    inner join schema_pipelines
        on schema_pipelines.destination_name = observed_tables.destination_name
        and schema_pipelines.dataset_name = observed_tables.dataset_name
        and schema_pipelines.schema_name = observed_tables.schema_name

)

select * from final
