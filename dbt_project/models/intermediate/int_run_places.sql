{{
    config(
        pre_hook="{{ delete_joined_runs() }}",
        **replaced_by(['run_id'])
    )
}}

{% set own_columns = [
    'pipeline_id', 'destination_type', 'own_destination_name', 'own_dataset_name', 'is_observed', 'is_by_load',
] %}

-- depends_on: {{ ref('int_stitched_calls') }}
-- depends_on: {{ ref('stg_observability__loads') }}

with {% if is_incremental() %} touched as (

    {{ stitched_runs() }}

    union all

    -- a load may be seen after its run
    select run_calls.run_id
    from {{ ref('int_call_packages') }} as packages
    inner join {{ ref('int_run_calls') }} as run_calls on run_calls.transaction_id = packages.transaction_id
    where packages.load_id in ({{ touched_packages() }})

    union all

    -- where others of its kind went may be known by now
    select run_id from {{ this }}
    where not is_by_load

),

{% endif %} run_calls as (

    select * from {{ ref('int_run_calls') }}
    {% if is_incremental() %}
    where run_id in (select run_id from touched)
    {% endif %}

),

calls as (

    select * from {{ ref('int_calls') }}

),

packages as (

    select * from {{ ref('int_call_packages') }}

),

load_runs as (

    select * from {{ ref('int_load_runs') }}

),

pipeline_states as (

    select * from {{ ref('stg_observability__pipeline_states') }}

),

destinations as (

    select * from {{ ref('int_destinations') }}

),

-- where its calls say that it loads to, by the names that the pipeline has for it
captured as (

    select
        run_calls.run_id,
        max(run_calls.pipeline_name) as pipeline_name,
        max(calls.destination_name) as destination_name,
        max(calls.destination_type) as destination_type,
        max(calls.dataset_name) as dataset_name,
        max(calls.found_destination_name) as found_destination_name,
        max(calls.found_dataset_name) as found_dataset_name
    from run_calls
    inner join calls on calls.transaction_id = run_calls.transaction_id
    group by run_calls.run_id

),

loaded as (

    select
        run_calls.run_id,
        load_runs.destination_name,
        load_runs.dataset_name,
        count(*) as load_count
    from packages
    inner join run_calls on run_calls.transaction_id = packages.transaction_id
    inner join load_runs
        on load_runs.pipeline_name = packages.pipeline_name
        and load_runs.load_id = packages.load_id
    group by run_calls.run_id, load_runs.destination_name, load_runs.dataset_name

),

ranked as (

    select
        *,
        row_number() over (
            partition by run_id order by load_count desc, destination_name, dataset_name
        ) as place
    from loaded

),

by_load as (

    select
        captured.*,
        ranked.destination_name as observed_destination,
        ranked.dataset_name as observed_dataset
    from captured
    inner join ranked on ranked.run_id = captured.run_id
    where ranked.place = 1

),

all_by_load as (

    select pipeline_name, destination_name, dataset_name, observed_destination, observed_dataset
    from by_load
    {% if is_incremental() %}

    union all

    select
        pipeline_name,
        own_destination_name as destination_name,
        own_dataset_name as dataset_name,
        destination_name as observed_destination,
        dataset_name as observed_dataset
    from {{ this }}
    where is_by_load
        and run_id not in (select run_id from touched)
    {% endif %}

),

-- a run without a load goes where others of the same names went, if that is one place only
by_names as (

    select
        pipeline_name,
        destination_name,
        dataset_name,
        min(observed_destination) as only_destination,
        min(observed_dataset) as only_dataset
    from all_by_load
    group by pipeline_name, destination_name, dataset_name
    having min(observed_destination) = max(observed_destination)
        and min(observed_dataset) = max(observed_dataset)

),

-- or where the pipeline left a state, in a dataset of that name and a destination of that type
by_state as (

    select
        pipeline_states.pipeline_name,
        destinations.destination_type,
        lower(pipeline_states.dataset_name) as folded_name,
        min(pipeline_states.destination_name) as observed_destination,
        min(pipeline_states.dataset_name) as observed_dataset
    from pipeline_states
    inner join destinations on destinations.destination_name = pipeline_states.destination_name
    group by
        pipeline_states.pipeline_name,
        destinations.destination_type,
        lower(pipeline_states.dataset_name)
    having min(pipeline_states.destination_name) = max(pipeline_states.destination_name)
        and min(pipeline_states.dataset_name) = max(pipeline_states.dataset_name)

),

placed as (

    select
        captured.run_id,
        captured.pipeline_name,
        captured.destination_type,
        captured.destination_name as own_destination_name,
        captured.dataset_name as own_dataset_name,
        by_load.run_id is not null as is_by_load,
        coalesce(
            by_load.observed_destination,
            by_names.only_destination,
            by_state.observed_destination,
            captured.destination_name,
            captured.found_destination_name
        ) as destination_name,
        coalesce(
            by_load.observed_dataset,
            by_names.only_dataset,
            by_state.observed_dataset,
            captured.dataset_name,
            captured.found_dataset_name
        ) as dataset_name,
        coalesce(
            by_load.observed_dataset, by_names.only_dataset, by_state.observed_dataset
        ) is not null as is_observed
    from captured
    left join by_load on by_load.run_id = captured.run_id
    left join by_names
        on by_names.pipeline_name = captured.pipeline_name
        and coalesce(by_names.destination_name, '') = coalesce(captured.destination_name, '')
        and coalesce(by_names.dataset_name, '') = coalesce(captured.dataset_name, '')
    left join by_state
        on by_state.pipeline_name = captured.pipeline_name
        and by_state.destination_type = captured.destination_type
        and by_state.folded_name = lower(captured.dataset_name)

),

built as (

    select
        run_id,
        case
            when pipeline_name is not null and destination_name is not null and dataset_name is not null
                then {{ pipeline_key() }}
        end as pipeline_id,
        pipeline_name,
        destination_name,
        destination_type,
        dataset_name,
        own_destination_name,
        own_dataset_name,
        is_observed,
        is_by_load,
        {{ built_at() }} as built_at
    from placed

),

final as (

    select built.* from built
    {% if is_incremental() %}
    left join {{ this }} as known on known.run_id = built.run_id
    where known.run_id is null
    {% for column in own_columns %}
        or known.{{ column }} is distinct from built.{{ column }}
    {% endfor %}
    {% endif %}

)

select * from final
