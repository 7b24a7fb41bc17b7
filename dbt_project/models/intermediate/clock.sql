-- Built last of all, so that a transform that broke off leaves the one before in place: after these, of which no other
-- table is made.
-- depends_on: {{ ref('alerts') }}
-- depends_on: {{ ref('deletion_plan') }}
-- depends_on: {{ ref('governance_findings') }}
-- depends_on: {{ ref('lineage_coverage') }}
-- depends_on: {{ ref('lineage_gaps') }}
-- depends_on: {{ ref('pipeline_health_history') }}
-- depends_on: {{ ref('run_steps') }}

with collections as (

    select * from {{ ref('stg_observability__collections') }}

),

-- built before all that is known to have changed, so it tells when this transform began to read
readings as (

    select max(built_at) as built_at
    from {{ ref('int_dataset_readings') }}

),

-- a collection that finished while this transform was running may have been read by halves: the next one reads it again
final as (

    select
        {{ as_of() }} as as_of,
        {{ 'true' if shows_past() else 'false' }} as is_past,
        '{{ env_var("META_PIPELINE_PROJECT_FINGERPRINT", "") }}' as project_fingerprint,
        '{{ env_var("META_PIPELINE_SETTINGS_FINGERPRINT", "") }}' as settings_fingerprint,
        max(collections.collected_at) as read_up_to,
        {{ built_at() }} as built_at
    from collections
    cross join readings
    where collections.recorded_at <= readings.built_at

)

select * from final
