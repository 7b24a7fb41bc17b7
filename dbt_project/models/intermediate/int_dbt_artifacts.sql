{{ config(materialized='view') }}

with changes as (

    select * from {{ ref('stg_observability__dbt_artifacts') }}

),

ranked as (

    select
        *,
        row_number() over (partition by artifact_path order by since desc) as recency
    from changes

),

final as (

    select
        artifact_path,
        project_name,
        adapter_type,
        dbt_version,
        outcome,
        error,
        since
    from ranked
    where recency = 1
        and outcome <> 'excluded'

)

select * from final
