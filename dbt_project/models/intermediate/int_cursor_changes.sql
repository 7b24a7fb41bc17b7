with moved_datasets as (

    select * from {{ ref('int_moved_datasets') }}

),

cursors as (

    select cursors.*
    from {{ ref('stg_observability__pipeline_cursors') }} as cursors
    inner join moved_datasets
        on moved_datasets.destination_name = cursors.destination_name
        and moved_datasets.dataset_name = cursors.dataset_name

),

pipeline_states as (

    select * from {{ ref('stg_observability__pipeline_states') }}

),

ranked_states as (

    select
        *,
        row_number() over (
            partition by destination_name, dataset_name, pipeline_name
            order by created_at desc, version desc, load_id desc
        ) as recency
    from pipeline_states

),

identified as (

    select
        *,
        {{ key([
            'destination_name', 'dataset_name', 'pipeline_name', 'source_name', 'resource_name', 'cursor_path'
        ]) }} as cursor_id
    from cursors

),

-- a cursor that the last state no longer has belongs to a resource that was dropped
present as (

    select identified.*
    from identified
    inner join ranked_states
        on ranked_states.destination_name = identified.destination_name
        and ranked_states.dataset_name = identified.dataset_name
        and ranked_states.pipeline_name = identified.pipeline_name
        and ranked_states.load_id = identified.load_id
        and ranked_states.recency = 1

),

compared as (

    select
        identified.cursor_id,
        identified.load_id,
        identified.created_at,
        identified.last_value,
        identified.last_value_number,
        row_number() over (
            partition by identified.cursor_id order by identified.created_at, identified.load_id
        ) as state_number,
        lag(identified.last_value) over (
            partition by identified.cursor_id order by identified.created_at, identified.load_id
        ) as previous_value,
        lag(identified.last_value_number) over (
            partition by identified.cursor_id order by identified.created_at, identified.load_id
        ) as previous_number
    from identified
    inner join present on present.cursor_id = identified.cursor_id

),

changed as (

    select
        *,
        case
            when last_value_number > previous_number then 1
            when last_value_number < previous_number then -1
            when last_value_number = previous_number then 0
            when last_value > previous_value then 1
            when last_value < previous_value then -1
            else 0
        end as direction
    from compared
    where state_number = 1
        or last_value is distinct from previous_value

),

final as (

    select
        {{ pipeline_key('present.') }} as pipeline_id,
        present.destination_name,
        present.dataset_name,
        present.pipeline_name,
        present.source_name,
        present.resource_name,
        present.cursor_path,
        present.initial_value,
        present.last_value,
        present.last_value_number,
        present.unique_hash_count,
        changed.cursor_id,
        changed.load_id,
        changed.created_at as changed_at,
        changed.direction,
        sum(changed.direction) over (partition by changed.cursor_id) - changed.direction as other_directions,
        row_number() over (
            partition by changed.cursor_id order by changed.created_at desc, changed.load_id desc
        ) as recency
    from changed
    inner join present on present.cursor_id = changed.cursor_id

)

select * from final
