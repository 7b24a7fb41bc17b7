{{
    config(
        pre_hook="{{ delete_touched_versions() }}",
        **replaced_by(['destination_name', 'dataset_name', 'schema_name', 'change_id'], day='changed_at')
    )
}}

with {% if is_incremental() %} touched as (

    {{ touched_versions() }}

),

touched_once as (

    select distinct destination_name, dataset_name, schema_name, version_hash from touched

),

{% endif %} schema_versions as (

    select schema_versions.*
    from {{ ref('stg_observability__schema_versions') }} as schema_versions
    {% if is_incremental() %}
    inner join touched_once
        on touched_once.destination_name = schema_versions.destination_name
        and touched_once.dataset_name = schema_versions.dataset_name
        and touched_once.schema_name = schema_versions.schema_name
        and touched_once.version_hash = schema_versions.version_hash
    {% endif %}

),

differences as (

    select * from {{ ref('stg_observability__schema_changes') }}

),

-- a content hash says nothing of who brought the change: the first load that used the version does
uses as (

    select
        schema_versions.destination_name,
        schema_versions.dataset_name,
        schema_versions.schema_name,
        schema_versions.version_hash,
        min(loads.committed_at) as committed_at
    from schema_versions
    inner join {{ ref('loads') }} as loads
        on loads.destination_name = schema_versions.destination_name
        and loads.dataset_name = schema_versions.dataset_name
        and loads.schema_name = schema_versions.schema_name
        and loads.schema_version_hash = schema_versions.version_hash
        and loads.committed_at >= schema_versions.stored_at
    group by
        schema_versions.destination_name,
        schema_versions.dataset_name,
        schema_versions.schema_name,
        schema_versions.version_hash

),

first_loads as (

    select
        uses.destination_name,
        uses.dataset_name,
        uses.schema_name,
        uses.version_hash,
        loads.load_id,
        loads.pipeline_name,
        loads.pipeline_id,
        row_number() over (
            partition by uses.destination_name, uses.dataset_name, uses.schema_name, uses.version_hash
            order by loads.load_id
        ) as load_number
    from uses
    inner join {{ ref('loads') }} as loads
        on loads.destination_name = uses.destination_name
        and loads.dataset_name = uses.dataset_name
        and loads.schema_name = uses.schema_name
        and loads.schema_version_hash = uses.version_hash
        and loads.committed_at = uses.committed_at

),

final as (

    select
        differences.change_id,
        schema_versions.destination_name,
        schema_versions.dataset_name,
        schema_versions.schema_name,
        schema_versions.stored_at as changed_at,
        differences.change_type,
        differences.table_name,
        differences.column_name,
        differences.hint_name,
        differences.old_value,
        differences.new_value,
        first_loads.load_id,
        first_loads.pipeline_name,
        first_loads.pipeline_id,
        case
            when differences.table_name is not null
                then {{ relation_key('differences.table_name', 'schema_versions.') }}
        end as relation_id,
        schema_versions.version_hash,
        schema_versions.parent_hash
    from schema_versions
    inner join differences
        on differences.version_hash = schema_versions.version_hash
        and coalesce(differences.parent_hash, '') = coalesce(schema_versions.parent_hash, '')
    left join first_loads
        on first_loads.destination_name = schema_versions.destination_name
        and first_loads.dataset_name = schema_versions.dataset_name
        and first_loads.schema_name = schema_versions.schema_name
        and first_loads.version_hash = schema_versions.version_hash
        and first_loads.load_number = 1

)

select * from final
