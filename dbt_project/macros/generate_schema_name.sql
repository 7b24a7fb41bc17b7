{#- The contract names the schemas exactly; dbt's own rule would put the target's schema in front of them. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
