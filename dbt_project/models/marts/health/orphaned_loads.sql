{{
    config(
        pre_hook="{{ delete_committed_orphans() }}",
        **replaced_by(['destination_name', 'dataset_name', 'load_id'])
    )
}}

with observed_loads as (

    select * from {{ ref('stg_observability__loads') }}

),

-- each load id is looked at once, when it is collected
seen as (

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

final as (

    select
        never_committed.destination_name,
        never_committed.dataset_name,
        never_committed.load_id,
        case
            when named_by_state.load_id is null then 'data'
            when found_in_data.load_id is null then 'state'
            else 'data, state'
        end as evidence,
        named_by_state.pipeline_names,
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

)

select * from final
