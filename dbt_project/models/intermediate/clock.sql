-- built last of all, so that a transform that broke off leaves the one before in place
-- depends_on: {{ ref('int_counted_loads') }}
-- depends_on: {{ ref('loads') }}
-- depends_on: {{ ref('int_recent_loads') }}
-- depends_on: {{ ref('int_current_versions') }}
-- depends_on: {{ ref('incremental_cursors') }}
-- depends_on: {{ ref('orphaned_loads') }}
-- depends_on: {{ ref('table_loads') }}
-- depends_on: {{ ref('table_volume_daily') }}
-- depends_on: {{ ref('int_volume_observations') }}
-- depends_on: {{ ref('int_volume_predictions') }}
-- depends_on: {{ ref('int_volume_bands') }}
-- depends_on: {{ ref('volume_scores') }}
-- depends_on: {{ ref('observed_columns') }}
-- depends_on: {{ ref('schema_changes') }}
-- depends_on: {{ ref('int_call_packages') }}
-- depends_on: {{ ref('int_call_counts') }}
-- depends_on: {{ ref('int_load_counts') }}
-- depends_on: {{ ref('int_load_runs') }}
-- depends_on: {{ ref('int_shared_packages') }}
-- depends_on: {{ ref('int_run_calls') }}
-- depends_on: {{ ref('int_run_places') }}
-- depends_on: {{ ref('int_traced_flows') }}
-- depends_on: {{ ref('runs') }}
-- depends_on: {{ ref('run_steps') }}
-- depends_on: {{ ref('int_pipeline_statuses') }}

with collections as (

    select * from {{ ref('stg_observability__collections') }}

),

-- a collection that finished while this transform was running may have been read by halves: the next one reads it again
final as (

    select
        {{ as_of() }} as as_of,
        {{ 'true' if shows_past() else 'false' }} as is_past,
        '{{ env_var("META_PIPELINE_PROJECT_FINGERPRINT", "") }}' as project_fingerprint,
        max(collected_at) as read_up_to,
        {{ built_at() }} as built_at
    from collections
    where recorded_at <= {{ built_at() }}

)

select * from final
