{{ config(**replaced_by(['destination_name', 'dataset_name', 'load_id'])) }}

with counted_loads as (

    select * from {{ ref('stg_observability__counted_loads') }}
    {% if is_incremental() %}
    where {{ is_collected_since() }}
    {% endif %}

),

-- whatever moment is shown, what counts is what had been committed when the rows were counted
committed_loads as (

    select * from {{ source('observability', 'loads') }}

),

rewritten_tables as (

    select * from {{ ref('int_rewritten_tables') }}

),

committed as (

    select
        counted_loads.*,
        committed_loads.schema_name,
        committed_loads.schema_version_hash,
        committed_loads.inserted_at as committed_at
    from counted_loads
    inner join committed_loads
        on committed_loads.destination_name = counted_loads.destination_name
        and committed_loads.dataset_name = counted_loads.dataset_name
        and committed_loads.load_id = counted_loads.load_id

),

-- a load is counted by the collection that sees it first, so whatever came after it by then was counted with it
last_commits as (

    select
        destination_name,
        dataset_name,
        schema_name,
        collected_at,
        max(committed_at) as committed_at
    from committed
    group by destination_name, dataset_name, schema_name, collected_at

),

rewriting_versions as (

    select distinct version_hash from rewritten_tables

),

final as (

    select
        committed.destination_name,
        committed.dataset_name,
        committed.load_id,
        committed.schema_version_hash,
        committed.committed_at < last_commits.committed_at as is_late,
        committed.committed_at >= last_commits.committed_at or rewriting_versions.version_hash is null as is_whole,
        committed.collected_at
    from committed
    inner join last_commits
        on last_commits.destination_name = committed.destination_name
        and last_commits.dataset_name = committed.dataset_name
        and last_commits.schema_name = committed.schema_name
        and last_commits.collected_at = committed.collected_at
    left join rewriting_versions on rewriting_versions.version_hash = committed.schema_version_hash

)

select * from final
