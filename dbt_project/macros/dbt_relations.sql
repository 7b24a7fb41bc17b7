{#- Names of tables are compared by lower case: warehouses fold them in ways of their own. -#}
{% macro dbt_relation_key(adapter, database, schema, identifier) -%}
    {{ key([
        "'relation'",
        dbt_warehouse(adapter),
        'lower(' ~ database ~ ')',
        'lower(' ~ schema ~ ')',
        'lower(' ~ identifier ~ ')'
    ]) }}
{%- endmacro %}

{#- dlt and dbt call some warehouses by other names. -#}
{% macro dbt_warehouse(adapter) -%}
    case {{ adapter }} when 'sqlserver' then 'mssql' when 'spark' then 'databricks' else {{ adapter }} end
{%- endmacro %}

{% macro dlt_warehouse(destination_type) -%}
    case
        when {{ destination_type }} in ('motherduck', 'ducklake') then 'duckdb'
        else {{ destination_type }}
    end
{%- endmacro %}

{% macro count_or_zero(count) -%}
    cast(coalesce({{ count }}, 0) as {{ dbt.type_bigint() }})
{%- endmacro %}
