{#-
    All differences between warehouses. A new warehouse adds `<adapter>__<macro>` here and its names of types to the
    project's variables, and touches no model.
-#}

{% macro timestamp_type() %}
    {{- return(var('timestamp_type')[target.type]) -}}
{% endmacro %}


{% macro number_type() %}
    {{- return(var('number_type')[target.type]) -}}
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

{% macro snowflake__to_epoch(expression) -%}
    (cast(date_part(epoch_microsecond, {{ expression }}) as {{ number_type() }}) / 1000000)
{%- endmacro %}

{% macro bigquery__to_epoch(expression) -%}
    (unix_micros({{ expression }}) / 1000000)
{%- endmacro %}


{#- Time stamp of a unix time in seconds. -#}
{% macro from_epoch(expression) %}
    {{- return(adapter.dispatch('from_epoch', 'meta_pipeline')(expression)) -}}
{% endmacro %}

{% macro default__from_epoch(expression) -%}
    to_timestamp({{ expression }})
{%- endmacro %}

{% macro snowflake__from_epoch(expression) -%}
    dateadd(
        microsecond,
        cast(round(({{ expression }}) * 1000000) as {{ dbt.type_bigint() }}),
        {{ timestamp_literal('1970-01-01 00:00:00+00:00') }}
    )
{%- endmacro %}

{% macro bigquery__from_epoch(expression) -%}
    timestamp_micros(cast(round(({{ expression }}) * 1000000) as {{ dbt.type_bigint() }}))
{%- endmacro %}


{#- Calendar day in UTC, whatever the session's time zone. -#}
{% macro utc_date(expression) %}
    {{- return(adapter.dispatch('utc_date', 'meta_pipeline')(expression)) -}}
{% endmacro %}

{% macro default__utc_date(expression) -%}
    cast({{ expression }} at time zone 'UTC' as date)
{%- endmacro %}

{% macro snowflake__utc_date(expression) -%}
    cast(convert_timezone('UTC', {{ expression }}) as date)
{%- endmacro %}

{% macro bigquery__utc_date(expression) -%}
    date({{ expression }}, 'UTC')
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

{% macro snowflake__utc_minute(expression) -%}
    to_char(convert_timezone('UTC', {{ expression }}), 'YYYY-MM-DD HH24:MI')
{%- endmacro %}

{% macro bigquery__utc_minute(expression) -%}
    format_timestamp('%Y-%m-%d %H:%M', {{ expression }}, 'UTC')
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

{% macro bigquery__delete_rows(relation, columns, query) -%}
    delete from {{ relation }} as known
    where exists (
        select 1
        from ({{ query }}) as stale
        where {% for column in columns -%}
            stale.{{ column }} = known.{{ column }}{{ ' and ' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}


{#-
    Settings of a model whose rows a transform replaces by their key: how, and how its table is laid out so that only
    what is new needs to be read. `day` is the time or date by which the table grows; a key begins with the columns
    that it is looked up by.
-#}
{% macro replaced_by(key, day=none) %}
    {%- set settings = adapter.dispatch('replaced_by', 'meta_pipeline')(key, day) -%}
    {%- do settings.update(materialized='incremental', unique_key=key) -%}
    {{- return(settings) -}}
{% endmacro %}

{% macro default__replaced_by(key, day) %}
    {{- return({'incremental_strategy': 'delete+insert'}) -}}
{% endmacro %}

{% macro postgres__replaced_by(key, day) %}
    {{- return({'incremental_strategy': 'delete+insert', 'indexes': [{'columns': key}]}) -}}
{% endmacro %}

{% macro snowflake__replaced_by(key, day) %}
    {%- set settings = {'incremental_strategy': 'delete+insert'} -%}
    {%- if day -%}
        {%- do settings.update(cluster_by=['cast(' ~ day ~ ' as date)']) -%}
    {%- endif -%}
    {{- return(settings) -}}
{% endmacro %}

{#- A partition per month: one per day would be too small to help, and one job may write no more than 4000 of them. -#}
{% macro bigquery__replaced_by(key, day) %}
    {%- set settings = {'incremental_strategy': 'merge', 'cluster_by': key[:4]} -%}
    {%- if day -%}
        {%- set type = 'date' if day.endswith('_date') else 'timestamp' -%}
        {%- do settings.update(partition_by={'field': day, 'data_type': type, 'granularity': 'month'}) -%}
    {%- endif -%}
    {{- return(settings) -}}
{% endmacro %}


{#- Settings of a table that is made anew each time and joined to itself many times by these columns. -#}
{% macro looked_up_by(columns) %}
    {{- return(adapter.dispatch('looked_up_by', 'meta_pipeline')(columns)) -}}
{% endmacro %}

{% macro default__looked_up_by(columns) %}
    {{- return({'materialized': 'table'}) -}}
{% endmacro %}

{% macro postgres__looked_up_by(columns) %}
    {{- return({'materialized': 'table', 'indexes': [{'columns': columns}]}) -}}
{% endmacro %}
