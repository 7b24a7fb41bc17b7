with raw as (

    select * from {{ source('observability', 'schema_changes') }}

),

final as (

    select
        cast(raw.change_id as {{ dbt.type_string() }}) as change_id,
        cast(raw.version_hash as {{ dbt.type_string() }}) as version_hash,
        cast(raw.parent_hash as {{ dbt.type_string() }}) as parent_hash,
        cast(raw.change_type as {{ dbt.type_string() }}) as change_type,
        cast(raw.table_name as {{ dbt.type_string() }}) as table_name,
        cast(raw.column_name as {{ dbt.type_string() }}) as column_name,
        cast(raw.hint_name as {{ dbt.type_string() }}) as hint_name,
        cast(raw.old_value as {{ dbt.type_string() }}) as old_value,
        cast(raw.new_value as {{ dbt.type_string() }}) as new_value
    from raw

)

select * from final
