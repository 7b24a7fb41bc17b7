{{
    config(
        post_hook="{{ delete_superseded_versions() }}",
        **replaced_by(['destination_name', 'dataset_name', 'schema_name', 'version_hash'])
    )
}}

with schema_versions as (

    select * from {{ ref('stg_observability__schema_versions') }}

),

recent_loads as (

    select * from {{ ref('int_recent_loads') }}

),

streams as (

    select * from {{ ref('int_load_streams') }}

),

-- each pipeline that loads into the dataset has a version of its own
loaded as (

    select
        streams.destination_name,
        streams.dataset_name,
        streams.schema_name,
        recent_loads.schema_version_hash as version_hash,
        recent_loads.committed_at
    from recent_loads
    inner join streams on streams.stream_id = recent_loads.stream_id
    where recent_loads.is_latest

),

loaded_versions as (

    select distinct
        schema_versions.destination_name,
        schema_versions.dataset_name,
        schema_versions.schema_name,
        schema_versions.version_hash,
        schema_versions.stored_at
    from schema_versions
    inner join loaded
        on loaded.destination_name = schema_versions.destination_name
        and loaded.dataset_name = schema_versions.dataset_name
        and loaded.schema_name = schema_versions.schema_name
        and loaded.version_hash = schema_versions.version_hash

),

-- only a load whose version is known tells whether a version that was stored before it is still in use
last_loads as (

    select
        loaded.destination_name,
        loaded.dataset_name,
        loaded.schema_name,
        max(loaded.committed_at) as committed_at
    from loaded
    inner join loaded_versions
        on loaded_versions.destination_name = loaded.destination_name
        and loaded_versions.dataset_name = loaded.dataset_name
        and loaded_versions.schema_name = loaded.schema_name
        and loaded_versions.version_hash = loaded.version_hash
    group by loaded.destination_name, loaded.dataset_name, loaded.schema_name

),

ranked_versions as (

    select
        *,
        row_number() over (
            partition by destination_name, dataset_name, schema_name
            order by stored_at desc, version desc, version_hash
        ) as newness
    from schema_versions

),

-- a version stored after the last load is there although its load failed or is still under way
stored_versions as (

    select
        ranked_versions.destination_name,
        ranked_versions.dataset_name,
        ranked_versions.schema_name,
        ranked_versions.version_hash,
        ranked_versions.stored_at
    from ranked_versions
    left join last_loads
        on last_loads.destination_name = ranked_versions.destination_name
        and last_loads.dataset_name = ranked_versions.dataset_name
        and last_loads.schema_name = ranked_versions.schema_name
    where ranked_versions.newness = 1
        and (last_loads.committed_at is null or ranked_versions.stored_at > last_loads.committed_at)

),

current_versions as (

    select * from loaded_versions
    union all
    select * from stored_versions
    where not exists (
        select 1
        from loaded_versions
        where loaded_versions.destination_name = stored_versions.destination_name
            and loaded_versions.dataset_name = stored_versions.dataset_name
            and loaded_versions.schema_name = stored_versions.schema_name
            and loaded_versions.version_hash = stored_versions.version_hash
    )

),

ordered as (

    select
        destination_name,
        dataset_name,
        schema_name,
        version_hash,
        cast(row_number() over (
            partition by destination_name, dataset_name, schema_name
            order by stored_at desc, version_hash
        ) as {{ dbt.type_bigint() }}) as version_rank
    from current_versions

),

{% if is_incremental() %}
changed as (

    select
        coalesce(ordered.destination_name, known.destination_name) as destination_name,
        coalesce(ordered.dataset_name, known.dataset_name) as dataset_name,
        coalesce(ordered.schema_name, known.schema_name) as schema_name
    from ordered
    full outer join {{ this }} as known
        on known.destination_name = ordered.destination_name
        and known.dataset_name = ordered.dataset_name
        and known.schema_name = ordered.schema_name
        and known.version_hash = ordered.version_hash
        and known.version_rank = ordered.version_rank
    where ordered.version_hash is null or known.version_hash is null

),
{% endif %}

final as (

    select
        ordered.*,
        {{ built_at() }} as built_at
    from ordered
    {% if is_incremental() %}
    where exists (
        select 1
        from changed
        where changed.destination_name = ordered.destination_name
            and changed.dataset_name = ordered.dataset_name
            and changed.schema_name = ordered.schema_name
    )
    {% endif %}

)

select * from final
