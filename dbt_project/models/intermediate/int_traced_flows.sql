{{ config(**replaced_by(['flow_id'])) }}

with calls as (

    select * from {{ ref('int_calls') }}
    {% if is_incremental() %}
    where {{ is_built_since() }}
    {% endif %}

),

run_calls as (

    select * from {{ ref('int_run_calls') }}

),

packages as (

    select * from {{ ref('int_call_packages') }}

),

traced as (

    select 'input' as direction, inputs.* from {{ ref('stg_observability__run_inputs') }} as inputs
    union all
    select 'output' as direction, outputs.* from {{ ref('stg_observability__run_outputs') }} as outputs

),

package_schemas as (

    select distinct
        transaction_id,
        load_id,
        schema_name
    from packages

),

-- where dlt does not name the package it is one of the call's, mostly the only one
call_schemas as (

    select
        transaction_id,
        min(schema_name) as schema_name
    from packages
    group by transaction_id

),

flows as (

    select
        traced.direction,
        calls.transaction_id,
        calls.pipeline_name,
        calls.destination_name as own_destination,
        calls.dataset_name as own_dataset,
        calls.started_at,
        coalesce(package_schemas.schema_name, call_schemas.schema_name) as schema_name,
        traced.resource_name,
        traced.location_kind,
        traced.location,
        traced.destination_type,
        coalesce(traced.physical_dataset_name, traced.database_schema, traced.dataset_name) as place_name,
        traced.table_name,
        traced.endpoint
    from calls
    inner join run_calls on run_calls.transaction_id = calls.transaction_id
    inner join traced on traced.capture_id = calls.capture_id
    left join package_schemas
        on package_schemas.transaction_id = calls.transaction_id
        and package_schemas.load_id = traced.load_id
    left join call_schemas on call_schemas.transaction_id = calls.transaction_id
    where traced.resource_name is not null
        and not {{ is_dlt_table("coalesce(traced.table_name, '')") }}
        and coalesce(traced.table_name, traced.endpoint, traced.location) is not null

),

placed as (

    select
        *,
        {{ key(['pipeline_name', 'own_destination', 'own_dataset', 'schema_name', 'resource_name']) }} as resource_id,
        {{ key(['location_kind', 'location', 'place_name', 'table_name', 'endpoint']) }} as place_id
    from flows

),

identified as (

    select
        *,
        {{ key(['direction', 'resource_id', 'place_id']) }} as flow_id
    from placed

),

ranked as (

    select
        *,
        row_number() over (partition by flow_id order by started_at desc, transaction_id) as recency
    from identified

),

final as (

    select
        flow_id,
        place_id,
        direction,
        transaction_id,
        pipeline_name,
        schema_name,
        resource_name,
        location_kind,
        location,
        destination_type,
        place_name,
        table_name,
        endpoint,
        started_at as seen_at
    from ranked
    where recency = 1

)

select * from final
