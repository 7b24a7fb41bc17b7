{{ config(materialized='view') }}

with changes as (

    select * from {{ ref('stg_observability__dbt_nodes') }}

),

artifacts as (

    select * from {{ ref('int_dbt_artifacts') }}

),

ranked as (

    select
        *,
        row_number() over (partition by artifact_path, unique_id order by changed_at desc) as recency
    from changes

),

final as (

    select
        {{ key(['ranked.artifact_path', 'ranked.unique_id']) }} as dbt_node_id,
        ranked.artifact_path,
        ranked.unique_id,
        ranked.project_name,
        ranked.adapter_type,
        ranked.resource_type,
        ranked.package_name,
        ranked.node_name,
        ranked.database_name,
        ranked.schema_name,
        ranked.identifier,
        case
            when ranked.identifier is not null then {{ dbt_relation_key(
                'ranked.adapter_type', 'ranked.database_name', 'ranked.schema_name', 'ranked.identifier'
            ) }}
        end as dbt_relation_id,
        ranked.materialization,
        ranked.language,
        ranked.tags,
        ranked.meta,
        ranked.description,
        ranked.node_hash,
        ranked.analysis_hash,
        ranked.changed_at
    from ranked
    inner join artifacts on artifacts.artifact_path = ranked.artifact_path
    where ranked.recency = 1
        and not ranked.is_removed

)

select * from final
