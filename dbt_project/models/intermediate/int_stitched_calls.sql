{#-
    A call may change the run of calls that are three load packages away from it, and theirs depends on calls as far
    again: two for the passes below, one for what a stronger capture tells again.
-#}
{% set reach = 3 %}

with calls as (

    select * from {{ ref('int_calls') }}

),

packages as (

    select * from {{ ref('int_call_packages') }}

),

shared_packages as (

    select * from {{ ref('int_shared_packages') }}

),

{% if is_continued() %}
reached_0 as (

    select transaction_id from {{ ref('int_calls') }}
    where {{ is_built_since() }}

),

{% for hop in range(1, 2 * reach + 1) %}
linked_{{ hop }} as (

    select distinct shared_packages.pipeline_name, shared_packages.load_id
    from shared_packages
    inner join reached_{{ hop - 1 }} as reached on reached.transaction_id = shared_packages.transaction_id

),

reached_{{ hop }} as (

    select distinct shared_packages.transaction_id
    from shared_packages
    inner join linked_{{ hop }} as linked
        on linked.pipeline_name = shared_packages.pipeline_name
        and linked.load_id = shared_packages.load_id

),

{% endfor %}
affected as (

    select transaction_id from reached_0
    union all
    select transaction_id from reached_{{ reach }}

),

looked_at as (

    select transaction_id from reached_0
    union all
    select transaction_id from reached_{{ 2 * reach }}

),
{% else %}
affected as (

    select transaction_id from calls

),

looked_at as (

    select transaction_id from calls

),
{% endif %}

looked_at_calls as (

    select * from calls
    where transaction_id in (select transaction_id from looked_at)

),

told as (

    select
        packages.transaction_id,
        packages.pipeline_name,
        packages.load_id,
        packages.step_name,
        case
            when calls.captured_by in ('plugin', 'receiver') then 1
            when calls.captured_by = 'load_info_table' then 3
            else 2
        end as weakness
    from packages
    inner join looked_at_calls as calls on calls.transaction_id = packages.transaction_id

),

strongest as (

    select
        *,
        min(weakness) over (partition by pipeline_name, load_id, step_name) as least_weakness
    from told

),

-- the same step of the same load package, told by a weaker way of capturing under another id
retold as (

    select distinct transaction_id
    from strongest
    where weakness > least_weakness

),

kept as (

    select
        calls.*,
        row_number() over (
            partition by calls.pipeline_name order by calls.started_at, calls.transaction_id
        ) as call_number
    from looked_at_calls as calls
    left join retold on retold.transaction_id = calls.transaction_id
    where retold.transaction_id is null

),

-- a `run` is a run as it is, also where it finishes what an earlier one left pending
separate_steps as (

    select distinct
        kept.pipeline_name,
        kept.transaction_id,
        kept.call_number,
        packages.load_id,
        case kept.called_step
            when 'extract' then 1
            when 'normalize' then 2
            else 3
        end as step_rank
    from kept
    inner join packages on packages.transaction_id = kept.transaction_id
    where kept.called_step <> 'run'

),

followed as (

    select
        *,
        lag(step_rank) over (partition by pipeline_name, load_id order by call_number) as previous_rank
    from separate_steps

),

-- a step that comes again, or after a later one, begins another attempt
attempts as (

    select
        *,
        sum(case when step_rank > previous_rank then 0 else 1 end) over (
            partition by pipeline_name, load_id
            order by call_number
            rows between unbounded preceding and current row
        ) as attempt_number
    from followed

),

-- calls that share an attempt at a load package are one run, of the name of its first call ...
first_pass as (

    select
        *,
        min(call_number) over (partition by pipeline_name, load_id, attempt_number) as package_first
    from attempts

),

first_calls as (

    select
        *,
        min(package_first) over (partition by pipeline_name, transaction_id) as call_first
    from first_pass

),

-- ... and so are those that share one with these: several extracts, then one load of all their packages
second_pass as (

    select
        *,
        min(call_first) over (partition by pipeline_name, load_id, attempt_number) as package_second
    from first_calls

),

stitched as (

    select
        pipeline_name,
        transaction_id,
        min(package_second) as first_number
    from second_pass
    group by pipeline_name, transaction_id

),

final as (

    select
        calls.transaction_id,
        case
            when kept.transaction_id is not null
                then coalesce(first_calls_of_runs.transaction_id, kept.transaction_id)
        end as run_id,
        calls.pipeline_name,
        calls.collected_at
    from looked_at_calls as calls
    left join kept on kept.transaction_id = calls.transaction_id
    left join stitched on stitched.transaction_id = kept.transaction_id
    left join kept as first_calls_of_runs
        on first_calls_of_runs.pipeline_name = stitched.pipeline_name
        and first_calls_of_runs.call_number = stitched.first_number
    where calls.transaction_id in (select transaction_id from affected)

)

select * from final
