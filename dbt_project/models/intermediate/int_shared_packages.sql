{{
    config(
        pre_hook="{{ delete_retold_calls() }}",
        **replaced_by(['transaction_id', 'pipeline_name', 'load_id'])
    )
}}

with {% if is_incremental() %} touched as (

    select packages.load_id
    from {{ ref('int_call_packages') }} as packages
    inner join {{ ref('int_calls') }} as calls on calls.transaction_id = packages.transaction_id
    where {{ is_built_since('calls.built_at') }}

),

{% endif %} packages as (

    select distinct
        transaction_id,
        pipeline_name,
        load_id
    from {{ ref('int_call_packages') }}
    {% if is_incremental() %}
    where load_id in (select load_id from touched)
    {% endif %}

),

shared as (

    select
        pipeline_name,
        load_id
    from packages
    group by pipeline_name, load_id
    having count(*) > 1

),

final as (

    select packages.*
    from packages
    inner join shared
        on shared.pipeline_name = packages.pipeline_name
        and shared.load_id = packages.load_id

)

select * from final
