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

output_columns as (

    select * from {{ ref('stg_observability__dbt_output_columns') }}

),

unread as (

    select
        artifact_path,
        project_name,
        'artifact' as gap_type,
        artifact_path as subject,
        cast(null as {{ dbt.type_string() }}) as column_name,
        error as reason
    from artifacts
    where outcome in ('unreadable', 'missing')

),

failed as (

    select
        artifact_path,
        project_name,
        'model' as gap_type,
        unique_id as subject,
        cast(null as {{ dbt.type_string() }}) as column_name,
        error as reason
    from outputs
    where error is not null

),

unknown_columns as (

    select distinct
        outputs.artifact_path,
        outputs.project_name,
        'column' as gap_type,
        outputs.unique_id as subject,
        output_columns.column_name,
        case
            when output_columns.column_name = '*' then 'a star over a table whose columns are not known'
            else 'not all that it is made of was found'
        end as reason
    from outputs
    inner join output_columns on output_columns.analysis_hash = outputs.analysis_hash
    where output_columns.state = 'unknown'

),

unmatched as (

    select
        nodes.artifact_path,
        nodes.project_name,
        'source' as gap_type,
        nodes.unique_id as subject,
        cast(null as {{ dbt.type_string() }}) as column_name,
        case
            when relations.match_outcome = 'ambiguous'
                then 'several observed destinations have such a table: ' || relations.candidates
            else 'no observed dataset has such a table'
        end as reason
    from nodes
    inner join relations on relations.dbt_relation_id = nodes.dbt_relation_id
    where nodes.resource_type = 'source'
        and relations.match_outcome <> 'matched'

),

united as (

    select * from unread
    union all
    select * from failed
    union all
    select * from unknown_columns
    union all
    select * from unmatched

),

final as (

    select
        {{ key(['artifact_path', 'gap_type', 'subject', 'column_name']) }} as gap_id,
        artifact_path,
        project_name,
        gap_type,
        subject,
        column_name,
        reason
    from united

)

select * from final
