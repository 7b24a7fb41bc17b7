{#- Why a finding is an exception by the configuration; the first that matches counts. -#}
{% macro exception_reason(finding_type, subject) -%}
    {%- set exceptions = var('governance_exceptions', []) -%}
    cast(
        {%- if exceptions %}
        case
            {%- for item in exceptions %}
            when {{ finding_type }} = {{ quoted(item['finding']) }}
                and {{ matches_glob('lower(' ~ subject ~ ')', item.get('columns', '*') | lower) }}
                then {{ quoted(item['reason']) }}
            {%- endfor %}
        end
        {%- else %} null
        {%- endif %} as {{ dbt.type_string() }}
    )
{%- endmacro %}

{#- How many changes of a table's columns in 30 days are many. -#}
{% macro many_changes() %}{{ return(3) }}{% endmacro %}

{#- Columns of a finding that say nothing. -#}
{% macro nothing_in(columns) -%}
    {%- for column in columns %}
        cast(null as {{ dbt.type_string() }}) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
