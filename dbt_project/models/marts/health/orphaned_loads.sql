{{
    config(
        pre_hook="{{ delete_committed_orphans() }}",
        **replaced_by(['destination_name', 'dataset_name', 'load_id'])
    )
}}

with observed_loads as (

    select * from {{ ref('stg_observability__loads') }}

),

run_places as (

    select * from {{ ref('int_run_places') }}

),

-- a load that a run began and did not finish may have left rows behind
traced as (

    select
        run_places.destination_name,
        run_places.dataset_name,
        packages.load_id,
        min(packages.pipeline_name) as pipeline_name
    from {{ ref('int_call_packages') }} as packages
    inner join {{ ref('int_run_calls') }} as run_calls on run_calls.transaction_id = packages.transaction_id
    inner join run_places on run_places.run_id = run_calls.run_id
    where packages.step_name = 'load'
        and not packages.is_loaded
        and run_places.is_observed
    group by run_places.destination_name, run_places.dataset_name, packages.load_id

),

-- each load id is looked at once, when it is collected; of a failed run the place may become known later
seen as (

    select destination_name, dataset_name, load_id from traced

    union all

    select destination_name, dataset_name, load_id
    from {{ ref('stg_observability__pipeline_states') }}
    {% if is_incremental() %}
    where {{ is_collected_since() }}
    {% endif %}

    union all

    select destination_name, dataset_name, load_id
    from {{ ref('int_table_counts') }}
    {% if is_incremental() %}
    where {{ is_collected_since() }}
    {% endif %}

),

never_committed as (

    select distinct
        seen.destination_name,
        seen.dataset_name,
        seen.load_id
    from seen
    where not exists (
        select 1
        from observed_loads
        where observed_loads.destination_name = seen.destination_name
            and observed_loads.dataset_name = seen.dataset_name
            and observed_loads.load_id = seen.load_id
    )

),

named_by_state as (

    select
        pipeline_states.destination_name,
        pipeline_states.dataset_name,
        pipeline_states.load_id,
        {{ dbt.listagg(
            'pipeline_states.pipeline_name', "', '", 'order by pipeline_states.pipeline_name'
        ) }} as pipeline_names
    from {{ ref('stg_observability__pipeline_states') }} as pipeline_states
    inner join never_committed
        on never_committed.destination_name = pipeline_states.destination_name
        and never_committed.dataset_name = pipeline_states.dataset_name
        and never_committed.load_id = pipeline_states.load_id
    group by pipeline_states.destination_name, pipeline_states.dataset_name, pipeline_states.load_id

),

found_in_data as (

    select
        table_counts.destination_name,
        table_counts.dataset_name,
        table_counts.load_id,
        cast(sum(table_counts.row_count) as {{ dbt.type_bigint() }}) as row_count
    from {{ ref('int_table_counts') }} as table_counts
    inner join never_committed
        on never_committed.destination_name = table_counts.destination_name
        and never_committed.dataset_name = table_counts.dataset_name
        and never_committed.load_id = table_counts.load_id
    group by table_counts.destination_name, table_counts.dataset_name, table_counts.load_id

),

orphans as (

    select
        never_committed.destination_name,
        never_committed.dataset_name,
        never_committed.load_id,
        substring(
            case when found_in_data.load_id is not null then ', data' else '' end
            || case when named_by_state.load_id is not null then ', state' else '' end
            || case when traced.load_id is not null then ', trace' else '' end,
            3
        ) as evidence,
        coalesce(named_by_state.pipeline_names, traced.pipeline_name) as pipeline_names,
        found_in_data.row_count,
        {{ load_id_time('never_committed.load_id') }} as started_at
    from never_committed
    left join named_by_state
        on named_by_state.destination_name = never_committed.destination_name
        and named_by_state.dataset_name = never_committed.dataset_name
        and named_by_state.load_id = never_committed.load_id
    left join found_in_data
        on found_in_data.destination_name = never_committed.destination_name
        and found_in_data.dataset_name = never_committed.dataset_name
        and found_in_data.load_id = never_committed.load_id
    left join traced
        on traced.destination_name = never_committed.destination_name
        and traced.dataset_name = never_committed.dataset_name
        and traced.load_id = never_committed.load_id

),

final as (

    select
        destination_name,
        dataset_name,
        load_id,
        evidence,
        case when pipeline_names not like '%,%' then {{ key(['destination_name', 'dataset_name', 'pipeline_names']) }} end
            as pipeline_id,
        pipeline_names,
        row_count,
        started_at
    from orphans

)

select * from final
