{{ config(materialized='view') }}

with row_counts as (

    select * from {{ ref('stg_observability__row_counts') }}

),

-- counts of captured runs will be exact and go before these
final as (

    select
        destination_name,
        dataset_name,
        load_id,
        table_name,
        row_count,
        'scanned' as count_method,
        collected_at
    from row_counts
    where not {{ is_dlt_table('table_name') }}

)

select * from final
