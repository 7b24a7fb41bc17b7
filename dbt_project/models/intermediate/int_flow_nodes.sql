with flows as (

    select * from {{ ref('int_traced_flows') }}

),

run_calls as (

    select * from {{ ref('int_run_calls') }}

),

run_places as (

    select * from {{ ref('int_run_places') }}

),

observed_tables as (

    select * from {{ ref('observed_tables') }}

),

destinations as (

    select * from {{ ref('int_destinations') }}

),

-- the resource belongs to the dataset that its run loaded to
placed as (

    select
        flows.*,
        run_places.destination_name as own_destination,
        run_places.dataset_name as own_dataset
    from flows
    inner join run_calls on run_calls.transaction_id = flows.transaction_id
    inner join run_places on run_places.run_id = run_calls.run_id
    where run_places.pipeline_id is not null

),

-- outputs tell which address an observed dataset has; one that was redacted may be that of any
addresses as (

    select
        location,
        lower(place_name) as folded_name,
        min(own_destination) as destination_name,
        min(own_dataset) as dataset_name
    from placed
    where direction = 'output'
        and location not like '%***%'
        and place_name is not null
    group by location, lower(place_name)
    having min(own_destination) = max(own_destination)
        and min(own_dataset) = max(own_dataset)

),

table_names as (

    select distinct
        observed_tables.destination_name,
        destinations.destination_type,
        observed_tables.dataset_name,
        observed_tables.table_name
    from observed_tables
    left join destinations on destinations.destination_name = observed_tables.destination_name

),

-- without an address, the only observed table of that name in a dataset of that name
namesakes as (

    select
        lower(dataset_name) as folded_name,
        lower(table_name) as folded_table,
        destination_type,
        min(destination_name) as destination_name,
        min(dataset_name) as dataset_name,
        min(table_name) as table_name
    from table_names
    group by lower(dataset_name), lower(table_name), destination_type
    having count(*) = 1

),

matched as (

    select
        placed.*,
        case
            when placed.direction = 'output' then 1
            when addresses.dataset_name is not null then 1
            when namesakes.dataset_name is not null then 0.7
        end as match_confidence,
        case
            when placed.direction = 'output' then placed.own_destination
            else coalesce(addresses.destination_name, namesakes.destination_name)
        end as node_destination,
        case
            when placed.direction = 'output' then placed.own_dataset
            else coalesce(addresses.dataset_name, namesakes.dataset_name, placed.place_name)
        end as node_dataset,
        case
            when placed.direction = 'input' and addresses.dataset_name is null
                then coalesce(namesakes.table_name, placed.table_name)
            else placed.table_name
        end as node_table
    from placed
    left join addresses
        on addresses.location = placed.location
        and addresses.folded_name = lower(placed.place_name)
    left join namesakes
        on namesakes.folded_name = lower(placed.place_name)
        and namesakes.folded_table = lower(placed.table_name)
        and namesakes.destination_type = placed.destination_type

),

final as (

    select
        flow_id,
        direction,
        {{ key(['own_destination', 'own_dataset', 'schema_name', 'resource_name']) }} as resource_node_id,
        own_destination,
        own_dataset,
        schema_name,
        resource_name,
        case
            when table_name is not null and match_confidence is not null
                then {{ key(['node_destination', 'node_dataset', 'node_table']) }}
            else place_id
        end as node_id,
        case
            when table_name is not null then 'table'
            when endpoint is not null then 'endpoint'
            else 'location'
        end as node_type,
        coalesce(node_table, endpoint, location) as node_name,
        node_destination,
        case when table_name is not null then node_dataset end as node_dataset,
        node_table,
        location,
        cast(coalesce(match_confidence, 1) as {{ number_type() }}) as confidence,
        seen_at
    from matched

)

select * from final
