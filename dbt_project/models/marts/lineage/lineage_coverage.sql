with artifacts as (

    select * from {{ ref('int_dbt_artifacts') }}

),

nodes as (

    select * from {{ ref('int_dbt_nodes') }}

),

relations as (

    select * from {{ ref('int_dbt_relations') }}

),

outputs as (

    select * from {{ ref('int_dbt_outputs') }}

),

changes as (

    select
        artifact_path,
        max(changed_at) as last_changed_at
    from nodes
    group by artifact_path

),

models as (

    select
        artifact_path,
        count(*) as model_count,
        sum(case when outcome = 'analysed' then 1 else 0 end) as analysed_count,
        sum(case when outcome = 'partial' then 1 else 0 end) as partial_count,
        sum(case when outcome = 'failed' then 1 else 0 end) as failed_count,
        sum(column_count) as column_count,
        sum(traced_count) as traced_count,
        sum(without_input_count) as without_input_count,
        sum(unknown_count) as unknown_count
    from outputs
    group by artifact_path

),

sources as (

    select
        nodes.artifact_path,
        count(*) as source_count,
        sum(case when relations.match_outcome = 'matched' then 1 else 0 end) as matched_count,
        sum(case when relations.match_outcome = 'ambiguous' then 1 else 0 end) as ambiguous_count
    from nodes
    inner join relations on relations.dbt_relation_id = nodes.dbt_relation_id
    where nodes.resource_type = 'source'
    group by nodes.artifact_path

),

final as (

    select
        artifacts.artifact_path,
        artifacts.project_name,
        artifacts.adapter_type,
        artifacts.dbt_version,
        changes.last_changed_at,
        artifacts.outcome,
        artifacts.error,
        {{ count_or_zero('models.model_count') }} as model_count,
        {{ count_or_zero('models.analysed_count') }} as analysed_count,
        {{ count_or_zero('models.partial_count') }} as partial_count,
        {{ count_or_zero('models.failed_count') }} as failed_count,
        {{ count_or_zero('models.column_count') }} as column_count,
        {{ count_or_zero('models.traced_count') }} as traced_column_count,
        {{ count_or_zero('models.without_input_count') }} as without_input_column_count,
        {{ count_or_zero('models.unknown_count') }} as unknown_column_count,
        {{ count_or_zero('sources.source_count') }} as source_count,
        {{ count_or_zero('sources.matched_count') }} as matched_source_count,
        {{ count_or_zero('sources.ambiguous_count') }} as ambiguous_source_count,
        cast(
            case when models.model_count > 0 then models.analysed_count * 1.0 / models.model_count end
            as {{ number_type() }}
        ) as coverage
    from artifacts
    left join changes on changes.artifact_path = artifacts.artifact_path
    left join models on models.artifact_path = artifacts.artifact_path
    left join sources on sources.artifact_path = artifacts.artifact_path

)

select * from final
