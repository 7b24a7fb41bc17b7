{#-
    All differences between warehouses. A new warehouse adds `<adapter>__<macro>` here and touches no model.
-#}

{% macro timestamp_type() %}
    {{- return(adapter.dispatch('timestamp_type', 'meta_pipeline')()) -}}
{% endmacro %}

{% macro default__timestamp_type() %}
    {{- return('timestamp with time zone') -}}
{% endmacro %}


{% macro number_type() %}
    {{- return(adapter.dispatch('number_type', 'meta_pipeline')()) -}}
{% endmacro %}

{% macro default__number_type() %}
    {{- return('double precision') -}}
{% endmacro %}


{#- Unix time in seconds, with its fraction, of a time stamp. -#}
{% macro to_epoch(expression) %}
    {{- return(adapter.dispatch('to_epoch', 'meta_pipeline')(expression)) -}}
{% endmacro %}

{% macro default__to_epoch(expression) -%}
    cast(extract(epoch from {{ expression }}) as {{ number_type() }})
{%- endmacro %}

{% macro duckdb__to_epoch(expression) -%}
    epoch({{ expression }})
{%- endmacro %}


{#- Time stamp of a unix time in seconds. -#}
{% macro from_epoch(expression) %}
    {{- return(adapter.dispatch('from_epoch', 'meta_pipeline')(expression)) -}}
{% endmacro %}

{% macro default__from_epoch(expression) -%}
    to_timestamp({{ expression }})
{%- endmacro %}


{#- Calendar day in UTC, whatever the session's time zone. -#}
{% macro utc_date(expression) %}
    {{- return(adapter.dispatch('utc_date', 'meta_pipeline')(expression)) -}}
{% endmacro %}

{% macro default__utc_date(expression) -%}
    cast({{ expression }} at time zone 'UTC' as date)
{%- endmacro %}


{#- `2026-01-31 07:05` in UTC. -#}
{% macro utc_minute(expression) %}
    {{- return(adapter.dispatch('utc_minute', 'meta_pipeline')(expression)) -}}
{% endmacro %}

{% macro default__utc_minute(expression) -%}
    to_char({{ expression }} at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
{%- endmacro %}

{% macro duckdb__utc_minute(expression) -%}
    strftime({{ expression }} at time zone 'UTC', '%Y-%m-%d %H:%M')
{%- endmacro %}


{#- Aggregate: the middle value. -#}
{% macro median(expression) %}
    {{- return(adapter.dispatch('median', 'meta_pipeline')(expression)) -}}
{% endmacro %}

{% macro default__median(expression) -%}
    percentile_cont(0.5) within group (order by {{ expression }})
{%- endmacro %}

{% macro duckdb__median(expression) -%}
    median({{ expression }})
{%- endmacro %}


{#- The text as a number; null where it is none. -#}
{% macro try_number(expression) %}
    {{- return(adapter.dispatch('try_number', 'meta_pipeline')(expression)) -}}
{% endmacro %}

{% macro default__try_number(expression) -%}
    {{ dbt.safe_cast(expression, number_type()) }}
{%- endmacro %}

{% macro duckdb__try_number(expression) -%}
    try_cast({{ expression }} as double)
{%- endmacro %}

{% macro postgres__try_number(expression) -%}
    case when {{ expression }} ~ '^[0-9]+(\.[0-9]+)?$' then cast({{ expression }} as double precision) end
{%- endmacro %}


{#- Deletes the rows whose columns stand in a query's result. -#}
{% macro delete_rows(relation, columns, query) %}
    {{- return(adapter.dispatch('delete_rows', 'meta_pipeline')(relation, columns, query)) -}}
{% endmacro %}

{% macro default__delete_rows(relation, columns, query) -%}
    delete from {{ relation }}
    where ({{ columns | join(', ') }}) in ({{ query }})
{%- endmacro %}
