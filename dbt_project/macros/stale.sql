{#-
    What incremental models delete beside what they replace. A row may have to go although none takes its place, which
    dbt's own delete by key cannot do.
-#}

{% macro delete_stale(columns, stale) -%}
    {%- if is_incremental() -%}
        {{ delete_rows(this, columns, stale) }}
    {%- endif -%}
{%- endmacro %}

{% macro delete_recounted_loads() -%}
    {%- set stale -%}
        select destination_name, dataset_name, load_id
        from {{ ref('int_loads_to_count') }}
        where is_recounted
    {%- endset -%}
    {{ delete_stale(['destination_name', 'dataset_name', 'load_id'], stale) }}
{%- endmacro %}

{#- The earliest day of each dataset on which a load is counted anew: it and the days after it are summed anew. -#}
{% macro first_changed_days() -%}
    select
        destination_name,
        dataset_name,
        min({{ utc_date('committed_at') }}) as load_date
    from {{ ref('int_loads_to_count') }}
    where is_recounted
    group by destination_name, dataset_name
{%- endmacro %}

{% macro delete_summed_days() -%}
    {%- set stale -%}
        select known.relation_id, known.load_date
        from {{ this }} as known
        inner join ({{ first_changed_days() }}) as changed
            on changed.destination_name = known.destination_name
            and changed.dataset_name = known.dataset_name
            and changed.load_date <= known.load_date
    {%- endset -%}
    {{ delete_stale(['relation_id', 'load_date'], stale) }}
{%- endmacro %}

{% macro delete_changed_streams() -%}
    {%- set stale -%}
        select known.stream_id
        from {{ this }} as known
        left join {{ ref('int_load_streams') }} as unchanged
            on unchanged.stream_id = known.stream_id
            and unchanged.load_count = known.stream_load_count
            and unchanged.built_at = known.stream_built_at
        where unchanged.stream_id is null
    {%- endset -%}
    {{ delete_stale(['stream_id'], stale) }}
{%- endmacro %}

{#- A schema's versions are written together, so those written before its newest ones are no longer current. -#}
{% macro delete_superseded_versions() -%}
    {%- set stale -%}
        select earlier.destination_name, earlier.dataset_name, earlier.schema_name, earlier.version_hash
        from {{ this }} as earlier
        inner join {{ this }} as later
            on later.destination_name = earlier.destination_name
            and later.dataset_name = earlier.dataset_name
            and later.schema_name = earlier.schema_name
            and later.built_at > earlier.built_at
    {%- endset -%}
    {{ delete_stale(['destination_name', 'dataset_name', 'schema_name', 'version_hash'], stale) }}
{%- endmacro %}

{#- Versions of schemas that were read anew, or that loads built anew use: one of these may be the first that does. -#}
{% macro touched_versions() -%}
    select destination_name, dataset_name, schema_name, version_hash
    from {{ ref('stg_observability__schema_versions') }}
    where {{ is_collected_since() }}

    union all

    select destination_name, dataset_name, schema_name, schema_version_hash as version_hash
    from {{ ref('loads') }}
    where {{ is_built_since() }}
{%- endmacro %}

{% macro delete_touched_versions() -%}
    {{ delete_stale(['destination_name', 'dataset_name', 'schema_name', 'version_hash'], touched_versions()) }}
{%- endmacro %}

{% macro delete_changed_schemas() -%}
    {%- set stale -%}
        select destination_name, dataset_name, schema_name
        from {{ ref('int_current_versions') }}
        where {{ is_built_since() }}
    {%- endset -%}
    {{ delete_stale(['destination_name', 'dataset_name', 'schema_name'], stale) }}
{%- endmacro %}

{#- A retry may have committed the load after all. -#}
{% macro delete_committed_orphans() -%}
    {%- set stale -%}
        select destination_name, dataset_name, load_id
        from {{ ref('stg_observability__loads') }}
        where {{ is_collected_since() }}
    {%- endset -%}
    {{ delete_stale(['destination_name', 'dataset_name', 'load_id'], stale) }}
{%- endmacro %}

{% macro delete_moved_cursors() -%}
    {%- set stale -%}
        select destination_name, dataset_name
        from {{ ref('int_moved_datasets') }}
    {%- endset -%}
    {{ delete_stale(['destination_name', 'dataset_name'], stale) }}
{%- endmacro %}

{#- A call that is captured again, by a better way, may have other packages and tables. -#}
{% macro delete_retold_calls() -%}
    {%- set stale -%}
        select transaction_id
        from {{ ref('int_calls') }}
        where {{ is_built_since() }}
    {%- endset -%}
    {{ delete_stale(['transaction_id'], stale) }}
{%- endmacro %}

{#- Load packages that a call, captured anew, counted. -#}
{% macro recounted_packages() -%}
    select call_counts.pipeline_name, call_counts.load_id
    from {{ ref('int_call_counts') }} as call_counts
    inner join {{ ref('int_calls') }} as calls on calls.transaction_id = call_counts.transaction_id
    where {{ is_built_since('calls.built_at') }}
{%- endmacro %}

{% macro delete_recounted_packages() -%}
    {{ delete_stale(['pipeline_name', 'load_id'], recounted_packages()) }}
{%- endmacro %}

{% macro delete_retold_run_calls() -%}
    {%- set stale -%}
        select transaction_id
        from {{ ref('int_stitched_calls') }}
        where run_id is null
    {%- endset -%}
    {{ delete_stale(['transaction_id'], stale) }}
{%- endmacro %}

{#- Calls that turn out to belong together become one run. -#}
{% macro delete_joined_runs() -%}
    {%- set stale -%}
        select known.run_id
        from {{ this }} as known
        left join {{ ref('int_run_calls') }} as calls on calls.run_id = known.run_id
        where calls.run_id is null
    {%- endset -%}
    {{ delete_stale(['run_id'], stale) }}
{%- endmacro %}

{#- Load packages of calls that were looked at again, and of loads: one may be seen after its run. -#}
{% macro touched_packages() -%}
    select packages.load_id
    from {{ ref('int_call_packages') }} as packages
    inner join {{ ref('int_stitched_calls') }} as stitched_calls
        on stitched_calls.transaction_id = packages.transaction_id

    union all

    select load_id
    from {{ ref('stg_observability__loads') }}
    where {{ is_collected_since() }}
{%- endmacro %}

{#- A load that is seen in the dataset that a run names is no longer one that was seen in a copy. -#}
{% macro delete_touched_load_runs() -%}
    {%- set stale -%}
        select destination_name, dataset_name, load_id
        from {{ this }}
        where load_id in ({{ touched_packages() }})
    {%- endset -%}
    {{ delete_stale(['destination_name', 'dataset_name', 'load_id'], stale) }}
{%- endmacro %}

{#- Runs that a call was captured of since, or that may have lost or won one. -#}
{% macro stitched_runs() -%}
    select run_calls.run_id
    from {{ ref('int_run_calls') }} as run_calls
    inner join {{ ref('int_stitched_calls') }} as stitched_calls
        on stitched_calls.transaction_id = run_calls.transaction_id
{%- endmacro %}

{#- Runs whose steps are written anew: themselves or a call of theirs changed. -#}
{% macro touched_runs() -%}
    select run_id
    from {{ ref('runs') }}
    where {{ is_built_since() }}

    union all

    {{ stitched_runs() }}
{%- endmacro %}

{% macro delete_touched_steps() -%}
    {%- set stale -%}
        {{ touched_runs() }}

        union all

        select known.run_id
        from {{ this }} as known
        left join {{ ref('int_run_calls') }} as calls on calls.run_id = known.run_id
        where calls.run_id is null
    {%- endset -%}
    {{ delete_stale(['run_id'], stale) }}
{%- endmacro %}

{#- Days are scored anew from the first that changed on. -#}
{% macro delete_changed_days() -%}
    {%- set stale -%}
        select known.series_id, known.observation_number
        from {{ this }} as known
        inner join ({{ first_changed_days() }}) as changed
            on changed.destination_name = known.destination_name
            and changed.dataset_name = known.dataset_name
            and changed.load_date <= {{ utc_date('known.observed_at') }}
        where known.load_id is null
    {%- endset -%}
    {{ delete_stale(['series_id', 'observation_number'], stale) }}
{%- endmacro %}
