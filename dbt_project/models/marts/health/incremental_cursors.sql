{{
    config(
        pre_hook="{{ delete_moved_cursors() }}",
        **replaced_by(['pipeline_id', 'source_name', 'resource_name', 'cursor_path'])
    )
}}

-- depends_on: {{ ref('int_moved_datasets') }}

with changes as (

    select * from {{ ref('int_cursor_changes') }}

),

pipeline_streams as (

    select * from {{ ref('int_pipeline_streams') }}

),

sources as (

    select distinct
        pipeline_id,
        source_name
    from changes

),

-- a source loads into the schema of its name, unless the pipeline was given another schema
source_streams as (

    select
        sources.pipeline_id,
        sources.source_name,
        pipeline_streams.stream_id,
        pipeline_streams.schema_name = sources.source_name as is_of_source,
        max(case when pipeline_streams.schema_name = sources.source_name then 1 else 0 end) over (
            partition by sources.pipeline_id, sources.source_name
        ) = 1 as has_own_schema
    from sources
    inner join pipeline_streams
        on pipeline_streams.pipeline_id = sources.pipeline_id
        and pipeline_streams.is_certain

),

source_loads as (

    select
        source_streams.pipeline_id,
        source_streams.source_name,
        loads.committed_at
    from source_streams
    inner join {{ ref('loads') }} as loads on loads.stream_id = source_streams.stream_id
    where loads.is_complete
        and (source_streams.is_of_source or not source_streams.has_own_schema)

),

-- a change is as old as the load that carried it
dated_changes as (

    select
        changes.pipeline_id,
        changes.source_name,
        changes.cursor_id,
        changes.recency,
        coalesce(loads.committed_at, changes.changed_at) as carried_at
    from changes
    left join {{ ref('loads') }} as loads
        on loads.destination_name = changes.destination_name
        and loads.dataset_name = changes.dataset_name
        and loads.load_id = changes.load_id

),

events as (

    select
        pipeline_id,
        source_name,
        cast(null as {{ dbt.type_string() }}) as cursor_id,
        cast(null as {{ dbt.type_bigint() }}) as recency,
        committed_at as happened_at,
        1 as load_count
    from source_loads

    union all

    select
        pipeline_id,
        source_name,
        cursor_id,
        recency,
        carried_at as happened_at,
        0 as load_count
    from dated_changes

),

-- how many of the source's loads there were up to each event, the load that carried a change included
positioned as (

    select
        *,
        sum(load_count) over (
            partition by pipeline_id, source_name
            order by happened_at, load_count desc
            rows between unbounded preceding and current row
        ) as loads_so_far,
        sum(load_count) over (partition by pipeline_id, source_name) as loads_in_all
    from events

),

waits as (

    select
        cursor_id,
        recency,
        loads_in_all - loads_so_far as loads_since,
        loads_so_far - 1 - lag(loads_so_far) over (partition by cursor_id order by recency desc) as loads_before
    from positioned
    where cursor_id is not null

),

patience as (

    select
        cursor_id,
        max(case when recency = 1 then loads_since end) as loads_since_advance,
        coalesce(max(loads_before), 0) as most_loads_before,
        count(*) - 1 as advance_count
    from waits
    group by cursor_id

),

final as (

    select
        changes.pipeline_id,
        changes.destination_name,
        changes.dataset_name,
        changes.pipeline_name,
        changes.source_name,
        changes.resource_name,
        changes.cursor_path,
        changes.initial_value,
        changes.last_value,
        changes.last_value_number,
        changes.unique_hash_count,
        changes.changed_at as last_advanced_at,
        cast(patience.loads_since_advance as {{ dbt.type_bigint() }}) as loads_since_advance,
        -- more loads went by than ever before, and enough of them to mean something
        changes.last_value is not null
        and patience.loads_since_advance > patience.most_loads_before
        and patience.loads_since_advance >= case when patience.advance_count >= 2 then 3 else 5 end as is_stuck,
        -- against the way it went before, which is up where there is no before
        changes.direction = case when changes.other_directions < 0 then 1 else -1 end as has_regressed
    from changes
    inner join patience on patience.cursor_id = changes.cursor_id
    where changes.recency = 1

)

select * from final
