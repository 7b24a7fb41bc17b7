{{ config(materialized='view') }}

with nodes as (

    select * from {{ ref('int_dbt_nodes') }}

),

analyses as (

    select * from {{ ref('stg_observability__dbt_analyses') }}

),

output_columns as (

    select * from {{ ref('stg_observability__dbt_output_columns') }}

),

counts as (

    select
        analysis_hash,
        count(*) as column_count,
        sum(case when state = 'traced' then 1 else 0 end) as traced_count,
        sum(case when state = 'without_input' then 1 else 0 end) as without_input_count,
        sum(case when state = 'unknown' then 1 else 0 end) as unknown_count
    from output_columns
    group by analysis_hash

),

final as (

    select
        nodes.dbt_node_id,
        nodes.artifact_path,
        nodes.project_name,
        nodes.unique_id,
        nodes.analysis_hash,
        analyses.error,
        coalesce(counts.column_count, 0) as column_count,
        coalesce(counts.traced_count, 0) as traced_count,
        coalesce(counts.without_input_count, 0) as without_input_count,
        coalesce(counts.unknown_count, 0) as unknown_count,
        case
            when analyses.error is not null then 'failed'
            when counts.unknown_count > 0 then 'partial'
            else 'analysed'
        end as outcome
    from nodes
    inner join analyses on analyses.analysis_hash = nodes.analysis_hash
    left join counts on counts.analysis_hash = nodes.analysis_hash

)

select * from final
