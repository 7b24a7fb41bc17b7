{#- One text key over several columns. A null counts as empty text. -#}
{% macro key(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append("coalesce(" ~ column ~ ", '')") -%}
    {%- endfor -%}
    {#- chr(31), the unit separator, stands in no name, so ('a', 'b_c') and ('a_b', 'c') stay two keys. -#}
    {{ dbt.hash(parts | join(' || chr(31) || ')) }}
{%- endmacro %}

{% macro pipeline_key(prefix='') -%}
    {{ key([prefix ~ 'destination_name', prefix ~ 'dataset_name', prefix ~ 'pipeline_name']) }}
{%- endmacro %}

{#- Stands for the pipeline of loads that no known pipeline claims: one per schema. -#}
{% macro unknown_pipeline_key(prefix='') -%}
    {{ key([prefix ~ 'destination_name', prefix ~ 'dataset_name', "''", prefix ~ 'schema_name']) }}
{%- endmacro %}

{% macro relation_key(table_column='table_name', prefix='') -%}
    {{ key([prefix ~ 'destination_name', prefix ~ 'dataset_name', table_column]) }}
{%- endmacro %}

{% macro resource_key(prefix='') -%}
    {{ key(
        [prefix ~ 'destination_name', prefix ~ 'dataset_name', prefix ~ 'schema_name', prefix ~ 'resource_name']
    ) }}
{%- endmacro %}

{#- dlt itself tells its own tables by this prefix. -#}
{% macro is_dlt_table(column) -%}
    lower(substring({{ column }}, 1, 4)) = '_dlt'
{%- endmacro %}

{#- When the load package was created. A load id that is no unix time of the years 2015 to 2100 says nothing. -#}
{% macro load_id_time(column) -%}
    {%- set seconds = try_number(column) -%}
    case when {{ seconds }} between 1420070400 and 4102444800 then {{ from_epoch(seconds) }} end
{%- endmacro %}

{#- dlt calls a run that ended with an exception failed, or interrupted where that asked the program to end. -#}
{% macro is_failure(outcome) -%}
    {{ outcome }} in ('failed', 'interrupted')
{%- endmacro %}
