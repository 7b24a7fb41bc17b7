{{
    config(
        pre_hook="{{ delete_summed_days() }}",
        **replaced_by(['relation_id', 'load_date'], day='load_date')
    )
}}

-- depends_on: {{ ref('int_loads_to_count') }}

with table_loads as (

    select * from {{ ref('table_loads') }}

),

{% if is_incremental() %}
changed as (

    {{ first_changed_days() }}

),
{% endif %}

dated as (

    select
        table_loads.*,
        {{ utc_date('table_loads.committed_at') }} as load_date
    from table_loads

),

summed as (

    select
        dated.relation_id,
        dated.destination_name,
        dated.dataset_name,
        dated.table_name,
        dated.load_date,
        cast(sum(dated.row_count) as {{ dbt.type_bigint() }}) as row_count,
        cast(count(*) as {{ dbt.type_bigint() }}) as load_count
    from dated
    {% if is_incremental() %}
    inner join changed
        on changed.destination_name = dated.destination_name
        and changed.dataset_name = dated.dataset_name
        and changed.load_date <= dated.load_date
    {% endif %}
    group by dated.relation_id, dated.destination_name, dated.dataset_name, dated.table_name, dated.load_date

),

final as (

    select * from summed

)

select * from final
