with pipeline_states as (

    select * from {{ ref('stg_observability__pipeline_states') }}

),

pipeline_schemas as (

    select * from {{ ref('stg_observability__pipeline_schemas') }}

),

pipeline_streams as (

    select * from {{ ref('int_pipeline_streams') }}

),

streams as (

    select * from {{ ref('int_load_streams') }}

),

destinations as (

    select * from {{ ref('int_destinations') }}

),

runs as (

    select * from {{ ref('runs') }}

),

load_runs as (

    select * from {{ ref('int_load_runs') }}

),

listed_schemas as (

    select distinct
        destination_name,
        dataset_name,
        pipeline_name,
        schema_name
    from pipeline_schemas

),

schema_lists as (

    select
        destination_name,
        dataset_name,
        pipeline_name,
        {{ dbt.listagg('schema_name', "', '", 'order by schema_name') }} as schema_names
    from listed_schemas
    group by destination_name, dataset_name, pipeline_name

),

-- a pipeline that never loaded is known from its runs; one whose dataset was copied, from the copied loads too
named as (

    select destination_name, dataset_name, pipeline_name from pipeline_states
    union all
    select destination_name, dataset_name, pipeline_name from runs where pipeline_id is not null
    union all
    select destination_name, dataset_name, pipeline_name from load_runs

),

named_pipelines as (

    select distinct
        {{ pipeline_key() }} as pipeline_id,
        destination_name,
        dataset_name,
        pipeline_name
    from named

),

run_orchestrators as (

    select distinct
        pipeline_id,
        orchestrator
    from runs
    where orchestrator is not null

),

orchestrator_lists as (

    select
        pipeline_id,
        {{ dbt.listagg('orchestrator', "', '", 'order by orchestrator') }} as orchestrators
    from run_orchestrators
    group by pipeline_id

),

run_types as (

    select
        pipeline_id,
        max(destination_type) as destination_type
    from runs
    group by pipeline_id

),

-- loads that no pipeline claims stand as a pipeline without a name, so that nothing is invisible
unknown_pipelines as (

    select
        pipeline_id,
        destination_name,
        dataset_name,
        cast(null as {{ dbt.type_string() }}) as pipeline_name,
        schema_name as schema_names
    from streams
    where pipeline_name is null
        and pipeline_id is not null

),

all_pipelines as (

    select
        named_pipelines.*,
        schema_lists.schema_names
    from named_pipelines
    left join schema_lists
        on schema_lists.destination_name = named_pipelines.destination_name
        and schema_lists.dataset_name = named_pipelines.dataset_name
        and schema_lists.pipeline_name = named_pipelines.pipeline_name

    union all

    select * from unknown_pipelines

),

activity as (

    select
        pipeline_id,
        min(case when is_certain then first_load_at end) as first_load_at,
        max(case when is_certain then last_load_at end) as last_load_at,
        sum(case when is_certain then load_count else 0 end) as load_count,
        sum(case when is_certain then 0 else load_count end) as possible_load_count,
        max(last_load_at) as last_possible_load_at
    from pipeline_streams
    group by pipeline_id

),

final as (

    select
        all_pipelines.pipeline_id,
        all_pipelines.destination_name,
        coalesce(destinations.destination_type, run_types.destination_type) as destination_type,
        all_pipelines.dataset_name,
        all_pipelines.pipeline_name,
        all_pipelines.schema_names,
        orchestrator_lists.orchestrators,
        activity.first_load_at,
        activity.last_load_at,
        activity.last_possible_load_at,
        cast(coalesce(activity.load_count, 0) as {{ dbt.type_bigint() }}) as load_count,
        cast(coalesce(activity.possible_load_count, 0) as {{ dbt.type_bigint() }}) as possible_load_count
    from all_pipelines
    left join activity on activity.pipeline_id = all_pipelines.pipeline_id
    left join orchestrator_lists on orchestrator_lists.pipeline_id = all_pipelines.pipeline_id
    left join run_types on run_types.pipeline_id = all_pipelines.pipeline_id
    left join destinations on destinations.destination_name = all_pipelines.destination_name

)

select * from final
