with coverage as (

    select * from {{ ref('stg_observability__coverage') }}

),

collections as (

    select * from {{ ref('stg_observability__collections') }}

),

begun as (

    select
        *,
        row_number() over (
            partition by destination_name, dataset_name order by first_collected_at desc, coverage_id
        ) as recency
    from coverage
    where first_collected_at <= {{ as_of() }}

),

-- a stretch that went on after the moment shown had been confirmed, by then, by the collections before it
latest as (

    select
        begun.coverage_id,
        begun.destination_name,
        begun.destination_type,
        begun.dataset_name,
        begun.outcome,
        begun.error,
        begun.schemas_seen,
        begun.first_collected_at,
        case
            when begun.last_collected_at <= {{ as_of() }} then begun.last_collected_at
            else coalesce(max(collections.collected_at), begun.first_collected_at)
        end as last_collected_at
    from begun
    left join collections
        on collections.destination_name = begun.destination_name
        and collections.collected_at between begun.first_collected_at and begun.last_collected_at
        and collections.collected_at <= {{ as_of() }}
    where begun.recency = 1
    group by
        begun.coverage_id,
        begun.destination_name,
        begun.destination_type,
        begun.dataset_name,
        begun.outcome,
        begun.error,
        begun.schemas_seen,
        begun.first_collected_at,
        begun.last_collected_at

),

costs as (

    select
        destination_name,
        bytes_scanned,
        bytes_billed,
        row_number() over (partition by destination_name order by collected_at desc) as recency
    from collections
    where collected_at <= {{ as_of() }}

),

last_listings as (

    select
        destination_name,
        max(last_collected_at) as last_collected_at
    from latest
    where dataset_name is not null
    group by destination_name

),

final as (

    select
        latest.destination_name,
        latest.destination_type,
        latest.dataset_name,
        latest.outcome,
        latest.error,
        latest.schemas_seen,
        latest.first_collected_at,
        latest.last_collected_at,
        costs.bytes_scanned,
        costs.bytes_billed,
        latest.outcome = 'dev_mode' as is_dev_mode
    from latest
    left join costs on costs.destination_name = latest.destination_name and costs.recency = 1
    left join last_listings on last_listings.destination_name = latest.destination_name
    -- "the destination could not be listed" is over once a dataset of it was found
    where latest.dataset_name is not null
        or last_listings.last_collected_at is null
        or last_listings.last_collected_at < latest.last_collected_at

)

select * from final
