{{
    config(
        pre_hook="{{ delete_changed_schemas() }}",
        **replaced_by(['destination_name', 'dataset_name', 'schema_name', 'table_name', 'column_name'])
    )
}}

-- depends_on: {{ ref('int_current_versions') }}

with current_tables as (

    select * from {{ ref('int_current_tables') }}
    {% if is_incremental() %}
    where {{ is_built_since() }}
    {% endif %}

),

definitions as (

    select * from {{ ref('stg_observability__schema_columns') }}

),

ranked as (

    select
        current_tables.destination_name,
        current_tables.dataset_name,
        current_tables.schema_name,
        current_tables.table_name,
        current_tables.version_hash,
        definitions.column_name,
        definitions.ordinal_position,
        definitions.data_type,
        definitions.is_nullable,
        definitions.description,
        definitions.hints,
        row_number() over (
            partition by
                current_tables.destination_name,
                current_tables.dataset_name,
                current_tables.schema_name,
                current_tables.table_name,
                definitions.column_name
            order by current_tables.version_rank
        ) as newness
    from current_tables
    inner join definitions on definitions.table_hash = current_tables.table_hash

),

final as (

    select
        {{ relation_key() }} as relation_id,
        destination_name,
        dataset_name,
        schema_name,
        table_name,
        column_name,
        ordinal_position,
        data_type,
        is_nullable,
        description,
        hints,
        version_hash
    from ranked
    where newness = 1

)

select * from final
