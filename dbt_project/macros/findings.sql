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

{% macro last_days(column, days) -%}
    {{ to_epoch(as_of()) }} - {{ to_epoch(column) }} between 0 and {{ days }} * 86400
{%- endmacro %}
