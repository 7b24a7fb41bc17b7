with pii_columns as (

    select * from {{ ref('pii_columns') }}

),

relation_kinds as (

    select * from {{ ref('int_relation_kinds') }}

),

value_steps as (

    select * from {{ ref('int_value_steps') }}

),

columns as (

    select * from {{ ref('int_governed_columns') }}

),

schema_findings as (

    select * from {{ ref('int_schema_findings') }}

),

tagged as (

    select
        relation_id,
        column_name,
        min(destination_name) as destination_name,
        min(dataset_name) as dataset_name,
        min(relation) as relation,
        min(pipeline_id) as pipeline_id,
        min(pipeline_name) as pipeline_name,
        min(case when is_masked then 1 else 0 end) as masked
    from pii_columns
    where status in ('declared', 'inherited')
    group by relation_id, column_name

),

tagged_in_incremental as (

    select
        'tagged_in_incremental' as finding_type,
        'warning' as severity,
        tagged.destination_name,
        tagged.dataset_name,
        tagged.relation_id,
        tagged.relation,
        tagged.column_name,
        tagged.pipeline_id,
        tagged.pipeline_name,
        tagged.relation || '.' || tagged.column_name as subject,
        'personal data in ' || case
            when relation_kinds.materialization = 'snapshot' then 'a snapshot' else 'an incremental model'
        end || ': rows deleted at the source stay in it' as summary,
        'build it as a view or table, hash the column, or delete in it too (deletion_plan)' as suggestion
    from tagged
    inner join relation_kinds on relation_kinds.relation_id = tagged.relation_id
    where tagged.masked = 0
        and relation_kinds.materialization in ('incremental', 'snapshot')

),

suggested as (

    select
        pii_columns.*,
        columns.column_id
    from pii_columns
    inner join columns
        on columns.relation_id = pii_columns.relation_id
        and columns.column_name = pii_columns.column_name
    where pii_columns.status = 'suggested'

),

-- a tag is best set where the value enters; what is made of it inherits it
made_of_suggested as (

    select distinct value_steps.to_column_id as column_id
    from value_steps
    inner join suggested on suggested.column_id = value_steps.from_column_id
    where value_steps.carries = 1

),

untagged as (

    select
        'untagged' as finding_type,
        case when suggested.confidence >= 0.9 then 'warning' else 'info' end as severity,
        suggested.destination_name,
        suggested.dataset_name,
        suggested.relation_id,
        suggested.relation,
        suggested.column_name,
        suggested.pipeline_id,
        suggested.pipeline_name,
        suggested.relation || '.' || suggested.column_name as subject,
        'looks like personal data (' || suggested.category || ') and is not tagged: ' || suggested.reason as summary,
        'tag it (meta-pipeline annotate writes how), mark it with x-annotation-pii: false, or make it an exception' as suggestion
    from suggested
    left join made_of_suggested on made_of_suggested.column_id = suggested.column_id
    where made_of_suggested.column_id is null

),

untagged_variants as (

    select
        'variant_untagged' as finding_type,
        'warning' as severity,
        variants.destination_name,
        variants.dataset_name,
        variants.relation_id,
        variants.relation,
        variants.column_name,
        cast(null as {{ dbt.type_string() }}) as pipeline_id,
        cast(null as {{ dbt.type_string() }}) as pipeline_name,
        variants.relation || '.' || variants.column_name as subject,
        'dlt made this variant of ' || tagged_columns.column_name || ', which is tagged; the variant is not' as summary,
        'tag it too, or give the column one type (data_type) so that there is no variant' as suggestion
    from columns as variants
    inner join columns as tagged_columns
        on tagged_columns.relation_id = variants.relation_id
        and substring(variants.folded_name, 1, length(tagged_columns.folded_name) + 4)
            = tagged_columns.folded_name || '__v_'
    where tagged_columns.tagged_by is not null
        and variants.tagged_by is null
        and variants.cleared_by is null

),

united as (

    select * from tagged_in_incremental
    union all
    select * from untagged
    union all
    select * from untagged_variants
    union all
    select
        finding_type,
        severity,
        destination_name,
        dataset_name,
        relation_id,
        relation,
        cast(null as {{ dbt.type_string() }}) as column_name,
        pipeline_id,
        pipeline_name,
        subject,
        summary,
        suggestion
    from schema_findings

),

judged as (

    select
        *,
        {{ exception_reason('finding_type', 'subject') }} as exception_reason
    from united

),

final as (

    select
        {{ key(['finding_type', 'destination_name', 'dataset_name', 'relation_id', 'subject']) }} as finding_key,
        finding_type,
        severity,
        destination_name,
        dataset_name,
        relation_id,
        relation,
        column_name,
        pipeline_id,
        pipeline_name,
        subject,
        summary,
        suggestion,
        exception_reason is not null as is_excepted,
        exception_reason
    from judged

)

select * from final
