with exported_schemas as (

    select * from {{ ref('stg_observability__exported_schemas') }}

),

schema_versions as (

    select * from {{ ref('stg_observability__schema_versions') }}

),

current_versions as (

    select * from {{ ref('int_current_versions') }}

),

observed_tables as (

    select * from {{ ref('observed_tables') }}

),

schema_changes as (

    select * from {{ ref('schema_changes') }}

),

table_loads as (

    select * from {{ ref('table_loads') }}

),

loads as (

    select * from {{ ref('loads') }}

),

table_pipelines as (

    select * from {{ ref('int_table_pipelines') }}

),

runs as (

    select * from {{ ref('runs') }}

),

exports as (

    select
        *,
        row_number() over (partition by file_name order by collected_at desc, version desc, version_hash) as recency
    from exported_schemas

),

current_schemas as (

    select distinct
        schema_name,
        version_hash
    from current_versions

),

known_schemas as (

    select distinct
        schema_name,
        version_hash
    from schema_versions

),

observed_schemas as (

    select distinct schema_name from current_versions

),

differing_exports as (

    select
        'export_differs' as finding_type,
        'info' as severity,
        {{ nothing_in(['destination_name', 'dataset_name', 'relation_id', 'relation', 'pipeline_id', 'pipeline_name']) }},
        exports.file_name as subject,
        'the file holds ' || case
            when known_schemas.version_hash is not null then 'an older version of schema ' || exports.schema_name
            else 'another schema ' || exports.schema_name || ' than any dataset'
        end as summary,
        'export it again (export_schema_path), or load with it (import_schema_path) where the file is meant' as suggestion
    from exports
    inner join observed_schemas on observed_schemas.schema_name = exports.schema_name
    left join current_schemas
        on current_schemas.schema_name = exports.schema_name
        and current_schemas.version_hash = exports.version_hash
    left join known_schemas
        on known_schemas.schema_name = exports.schema_name
        and known_schemas.version_hash = exports.version_hash
    where exports.recency = 1
        and current_schemas.version_hash is null

),

-- by what a load brought, and by schemas that only one pipeline has
writing as (

    select
        table_loads.relation_id,
        loads.pipeline_id,
        loads.pipeline_name
    from table_loads
    inner join loads
        on loads.destination_name = table_loads.destination_name
        and loads.dataset_name = table_loads.dataset_name
        and loads.load_id = table_loads.load_id
    where loads.pipeline_name is not null
        and table_loads.row_count > 0

    union all

    select
        relation_id,
        pipeline_id,
        pipeline_name
    from table_pipelines
    where candidate_count = 1

),

writers as (

    select distinct
        relation_id,
        pipeline_id,
        pipeline_name
    from writing

),

writer_lists as (

    select
        relation_id,
        {{ dbt.listagg('pipeline_name', "', '", 'order by pipeline_name') }} as pipeline_names
    from writers
    group by relation_id
    having count(*) > 1

),

tables as (

    select
        relation_id,
        min(destination_name) as destination_name,
        min(dataset_name) as dataset_name,
        min(table_name) as table_name,
        max(case when {{ holds_text('hints', '"schema_contract":') }} then 1 else 0 end) as contracted
    from observed_tables
    group by relation_id

),

shared_tables as (

    select
        'shared_table' as finding_type,
        'warning' as severity,
        tables.destination_name,
        tables.dataset_name,
        tables.relation_id,
        tables.dataset_name || '.' || tables.table_name as relation,
        {{ nothing_in(['pipeline_id', 'pipeline_name']) }},
        tables.dataset_name || '.' || tables.table_name as subject,
        'several pipelines write it: ' || writer_lists.pipeline_names as summary,
        'let one of them own it, or give each a dataset of its own: they may replace, or change the types of, what the '
            || 'other loaded' as suggestion
    from writer_lists
    inner join tables on tables.relation_id = writer_lists.relation_id

),

last_runs as (

    select
        pipeline_id,
        pipeline_name,
        destination_name,
        dataset_name,
        dlt_version,
        row_number() over (partition by pipeline_id order by started_at desc, run_id) as recency
    from runs
    where pipeline_id is not null
        and dlt_version is not null

),

dataset_versions as (

    select distinct
        destination_name,
        dataset_name,
        dlt_version
    from last_runs
    where recency = 1

),

dataset_version_lists as (

    select
        destination_name,
        dataset_name,
        {{ dbt.listagg('dlt_version', "', '", 'order by dlt_version') }} as dlt_versions
    from dataset_versions
    group by destination_name, dataset_name
    having count(*) > 1

),

fleet_versions as (

    select distinct
        {{ dbt.split_part('dlt_version', "'.'", 1) }} || '.' || {{ dbt.split_part('dlt_version', "'.'", 2) }} as dlt_version
    from last_runs
    where recency = 1

),

fleet_version_list as (

    select {{ dbt.listagg('dlt_version', "', '", 'order by dlt_version') }} as dlt_versions
    from fleet_versions
    having count(*) > 1

),

differing_versions as (

    select
        'dlt_versions_differ' as finding_type,
        'info' as severity,
        destination_name,
        dataset_name,
        {{ nothing_in(['relation_id', 'relation', 'pipeline_id', 'pipeline_name']) }},
        dataset_name as subject,
        'pipelines of one dataset run with dlt ' || dlt_versions as summary,
        'bring them to the same version: the oldest one may not read what the newest one stores' as suggestion
    from dataset_version_lists

    union all

    select
        'dlt_versions_differ' as finding_type,
        'info' as severity,
        {{ nothing_in(['destination_name', 'dataset_name', 'relation_id', 'relation', 'pipeline_id', 'pipeline_name']) }},
        'fleet' as subject,
        'the captured pipelines of the fleet run with dlt ' || dlt_versions as summary,
        'bring them to the same version' as suggestion
    from fleet_version_list

),

engines as (

    select
        schema_versions.destination_name,
        schema_versions.dataset_name,
        schema_versions.schema_name,
        min(schema_versions.engine_version) as engine_version
    from schema_versions
    inner join current_versions
        on current_versions.destination_name = schema_versions.destination_name
        and current_versions.dataset_name = schema_versions.dataset_name
        and current_versions.schema_name = schema_versions.schema_name
        and current_versions.version_hash = schema_versions.version_hash
    group by schema_versions.destination_name, schema_versions.dataset_name, schema_versions.schema_name

),

newest_engine as (

    select max(engine_version) as engine_version from engines

),

differing_engines as (

    select
        'schema_engines_differ' as finding_type,
        'info' as severity,
        engines.destination_name,
        engines.dataset_name,
        {{ nothing_in(['relation_id', 'relation', 'pipeline_id', 'pipeline_name']) }},
        engines.dataset_name || '.' || engines.schema_name as subject,
        'its schema is stored in format ' || {{ whole('engines.engine_version') }} || ', the newest of the fleet in format '
            || {{ whole('newest_engine.engine_version') }} as summary,
        'load it with the version of dlt that the others have' as suggestion
    from engines
    inner join newest_engine on newest_engine.engine_version > engines.engine_version

),

recent_changes as (

    select
        relation_id,
        count(distinct version_hash) as change_count
    from schema_changes
    where change_type in ('column_added', 'column_removed', 'data_type_changed', 'nullability_changed')
        and relation_id is not null
        and {{ is_recent('changed_at', days=30) }}
    group by relation_id

),

free_tables as (

    select
        'evolves_freely' as finding_type,
        'info' as severity,
        tables.destination_name,
        tables.dataset_name,
        tables.relation_id,
        tables.dataset_name || '.' || tables.table_name as relation,
        {{ nothing_in(['pipeline_id', 'pipeline_name']) }},
        tables.dataset_name || '.' || tables.table_name as subject,
        'its columns changed ' || {{ counted('recent_changes.change_count', 'time') }} || ' in 30 days, and no contract says which '
            || 'may' as summary,
        'give its resource a schema_contract, such as {"columns": "freeze"}' as suggestion
    from recent_changes
    inner join tables on tables.relation_id = recent_changes.relation_id
    where recent_changes.change_count >= {{ many_changes() }}
        and tables.contracted = 0

),

final as (

    select * from differing_exports
    union all
    select * from shared_tables
    union all
    select * from differing_versions
    union all
    select * from differing_engines
    union all
    select * from free_tables

)

select * from final
