{{ config(**replaced_by(['destination_name', 'dataset_name', 'load_id'], day='committed_at')) }}

-- depends_on: {{ ref('int_call_packages') }}
-- depends_on: {{ ref('int_stitched_calls') }}

{% set own_columns = [
    'schema_name', 'pipeline_name', 'attribution', 'pipeline_candidates', 'committed_at', 'status', 'rows_loaded',
    'count_method', 'schema_version_hash', 'run_id', 'orchestrator', 'run_url', 'extract_seconds', 'normalize_seconds',
    'load_seconds',
] %}

with observed_loads as (

    select * from {{ ref('stg_observability__loads') }}

),

counted_loads as (

    select * from {{ ref('int_counted_loads') }}

),

table_counts as (

    select * from {{ ref('int_table_counts') }}

),

evidence as (

    select * from {{ ref('int_load_evidence') }}

),

schema_candidates as (

    select * from {{ ref('int_schema_candidates') }}

),

load_runs as (

    select * from {{ ref('int_load_runs') }}

),

{% if is_incremental() %}
relisted_schemas as (

    select * from {{ ref('int_schema_candidates') }}
    where {{ is_collected_since('changed_at') }}

),

-- each of these reads its model for itself: a warehouse can then skip what is not new
touched as (

    select destination_name, dataset_name, load_id
    from {{ ref('stg_observability__loads') }}
    where {{ is_collected_since() }}

    union all

    select destination_name, dataset_name, load_id
    from {{ ref('int_counted_loads') }}
    where {{ is_collected_since() }}

    union all

    select destination_name, dataset_name, load_id
    from {{ ref('int_table_counts') }}
    where {{ is_collected_since() }}

    union all

    -- a state that is read late names an earlier load
    select destination_name, dataset_name, load_id
    from {{ ref('int_load_evidence') }}
    where {{ is_collected_since() }}

    union all

    select destination_name, dataset_name, load_id
    from {{ ref('stg_observability__loads') }}
    where load_id in ({{ touched_packages() }})

    union all

    -- a pipeline that lists a schema for the first time is a candidate for all of the schema's loads
    select loads.destination_name, loads.dataset_name, loads.load_id
    from {{ ref('stg_observability__loads') }} as loads
    inner join relisted_schemas
        on relisted_schemas.destination_name = loads.destination_name
        and relisted_schemas.dataset_name = loads.dataset_name
        and relisted_schemas.schema_name = loads.schema_name

),

touched_once as (

    select distinct destination_name, dataset_name, load_id from touched

),
{% endif %}

considered as (

    select observed_loads.* from observed_loads
    {% if is_incremental() %}
    inner join touched_once
        on touched_once.destination_name = observed_loads.destination_name
        and touched_once.dataset_name = observed_loads.dataset_name
        and touched_once.load_id = observed_loads.load_id
    {% endif %}

),

row_totals as (

    select
        table_counts.destination_name,
        table_counts.dataset_name,
        table_counts.load_id,
        sum(table_counts.row_count) as rows_loaded
    from table_counts
    inner join considered
        on considered.destination_name = table_counts.destination_name
        and considered.dataset_name = table_counts.dataset_name
        and considered.load_id = table_counts.load_id
    group by table_counts.destination_name, table_counts.dataset_name, table_counts.load_id

),

-- a load that was counted and has no rows in any table is known to have none
counted as (

    select
        considered.destination_name,
        considered.dataset_name,
        considered.load_id,
        cast(coalesce(row_totals.rows_loaded, 0) as {{ dbt.type_bigint() }}) as rows_loaded,
        case when coalesce(load_runs.is_counted, false) then 'traced' else 'scanned' end as count_method
    from considered
    left join counted_loads
        on counted_loads.destination_name = considered.destination_name
        and counted_loads.dataset_name = considered.dataset_name
        and counted_loads.load_id = considered.load_id
    left join load_runs
        on load_runs.destination_name = considered.destination_name
        and load_runs.dataset_name = considered.dataset_name
        and load_runs.load_id = considered.load_id
    left join row_totals
        on row_totals.destination_name = considered.destination_name
        and row_totals.dataset_name = considered.dataset_name
        and row_totals.load_id = considered.load_id
    where coalesce(counted_loads.is_whole, false) or coalesce(load_runs.is_counted, false)

),

-- what names this very load goes before what only names its schema
candidates as (

    select
        considered.*,
        coalesce(evidence.attribution, 'only_pipeline') as method,
        coalesce(evidence.pipeline_count, schema_candidates.pipeline_count, 0) as pipeline_count,
        coalesce(evidence.pipeline_name, schema_candidates.pipeline_name) as first_candidate,
        coalesce(evidence.pipeline_candidates, schema_candidates.pipeline_candidates) as all_candidates
    from considered
    left join evidence
        on evidence.destination_name = considered.destination_name
        and evidence.dataset_name = considered.dataset_name
        and evidence.load_id = considered.load_id
    left join schema_candidates
        on schema_candidates.destination_name = considered.destination_name
        and schema_candidates.dataset_name = considered.dataset_name
        and schema_candidates.schema_name = considered.schema_name

),

attributed as (

    select
        *,
        case
            when pipeline_count = 0 then 'unknown'
            when pipeline_count = 1 then method
            else 'ambiguous'
        end as attribution,
        case when pipeline_count = 1 then first_candidate end as pipeline_name,
        case when pipeline_count > 1 then all_candidates end as pipeline_candidates
    from candidates

),

identified as (

    select
        *,
        case attribution
            when 'ambiguous' then null
            when 'unknown' then {{ unknown_pipeline_key() }}
            else {{ pipeline_key() }}
        end as pipeline_id,
        {{ key([
            'destination_name', 'dataset_name', 'schema_name', 'pipeline_name', 'pipeline_candidates'
        ]) }} as stream_id,
        {{ load_id_time('load_id') }} as started_at
    from attributed

),

built as (

    select
        identified.pipeline_id,
        identified.destination_name,
        identified.dataset_name,
        identified.load_id,
        identified.schema_name,
        identified.pipeline_name,
        identified.attribution,
        identified.pipeline_candidates,
        identified.started_at,
        identified.committed_at,
        -- a commit before the start comes of a clock that was moved, and tells no duration
        case
            when identified.committed_at >= identified.started_at
                then {{ to_epoch('identified.committed_at') }} - {{ to_epoch('identified.started_at') }}
        end as duration_seconds,
        counted.rows_loaded,
        counted.count_method,
        identified.status,
        identified.status >= 0 as is_complete,
        identified.schema_version_hash,
        identified.stream_id,
        load_runs.run_id,
        load_runs.orchestrator,
        load_runs.run_url,
        load_runs.extract_seconds,
        load_runs.normalize_seconds,
        load_runs.load_seconds,
        {{ built_at() }} as built_at
    from identified
    left join load_runs
        on load_runs.destination_name = identified.destination_name
        and load_runs.dataset_name = identified.dataset_name
        and load_runs.load_id = identified.load_id
    left join counted
        on counted.destination_name = identified.destination_name
        and counted.dataset_name = identified.dataset_name
        and counted.load_id = identified.load_id

),

{% if is_incremental() %}
known as (

    select known.*
    from {{ this }} as known
    inner join considered
        on considered.destination_name = known.destination_name
        and considered.dataset_name = known.dataset_name
        and considered.load_id = known.load_id

),
{% endif %}

-- what is read again is mostly as it was
final as (

    select built.* from built
    {% if is_incremental() %}
    left join known
        on known.destination_name = built.destination_name
        and known.dataset_name = built.dataset_name
        and known.load_id = built.load_id
    where known.load_id is null
    {% for column in own_columns %}
        or known.{{ column }} is distinct from built.{{ column }}
    {% endfor %}
    {% endif %}

)

select * from final
