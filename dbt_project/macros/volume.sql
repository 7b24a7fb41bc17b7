{#-
    Scores of volume work on whole billionths of a natural logarithm: sums of whole numbers are the same in whatever
    order a warehouse adds them up.
-#}
{% macro log_unit() -%}
    cast(1000000000 as {{ number_type() }})
{%- endmacro %}

{#- The nearest whole number; halves go up everywhere. -#}
{% macro nearest(expression) -%}
    cast(floor({{ expression }} + 0.5) as {{ dbt.type_bigint() }})
{%- endmacro %}

{% macro hundredth(expression) -%}
    (floor(({{ expression }}) * 100 + 0.5) / 100)
{%- endmacro %}

{% macro log_of(rows) -%}
    {{ nearest('ln(' ~ number(rows ~ ' + 1') ~ ') * ' ~ log_unit()) }}
{%- endmacro %}

{#- The window of the observations of a series just before this one. -#}
{% macro before(count, phase=none) -%}
    over (
            partition by series_id{{ ', ' ~ phase if phase }}
            order by observation_number rows between {{ count }} preceding and 1 preceding
        )
{%- endmacro %}

{#- The mean without the lowest and the highest: one anomaly among them does not move it. -#}
{% macro middle_mean(column, count, phase=none) -%}
    {%- set window = before(count, phase) -%}
    case
            when count({{ column }}) {{ window }} >= 3
                then {{ nearest(
                    '(sum(' ~ column ~ ') ' ~ window ~ ' - min(' ~ column ~ ') ' ~ window ~ ' - max(' ~ column ~ ') '
                    ~ window ~ ') / cast(count(' ~ column ~ ') ' ~ window ~ ' - 2 as ' ~ number_type() ~ ')'
                ) }}
        end
{%- endmacro %}

{#- How many observations one looks back at most; an older one of the same hour is forgotten. -#}
{% macro volume_memory() -%}
    4000
{%- endmacro %}

{#- Whether the last observations of the same phase are recent enough, each of them. -#}
{% macro is_remembered(column, count, phase) -%}
    (
                observation_number <= {{ volume_memory() }}
                or (
                    count({{ column }}) {{ before(count, phase) }} = {{ count }}
                    and min(observation_number) {{ before(count, phase) }} >= observation_number - {{ volume_memory() }}
                )
            )
{%- endmacro %}

{#- The middle one of three columns, numbered from `first` on. -#}
{% macro middle_of_three(prefix, first) -%}
    {%- set columns = [prefix ~ first, prefix ~ (first + 1), prefix ~ (first + 2)] -%}
    ({{ columns | join(' + ') }} - least({{ columns | join(', ') }}) - greatest({{ columns | join(', ') }}))
{%- endmacro %}

{% macro lagged(column, count) -%}
    lag({{ column }}, {{ count }}) over (partition by series_id order by observation_number)
{%- endmacro %}

{% macro number(expression) -%}
    cast({{ expression }} as {{ number_type() }})
{%- endmacro %}

{#- The square of a mean root is a mean in which an anomaly of the past counts little. -#}
{% macro mean_of_roots(column, window) -%}
    (sum({{ column }}) {{ window }} / {{ number('count(' ~ column ~ ') ' ~ window) }} / {{ log_unit() }})
{%- endmacro %}

{#- The same without the highest. -#}
{% macro lower_mean_of_roots(column, window) -%}
    ((sum({{ column }}) {{ window }} - max({{ column }}) {{ window }})
                    / {{ number('count(' ~ column ~ ') ' ~ window ~ ' - 1') }} / {{ log_unit() }})
{%- endmacro %}

{% macro root_of(expression) -%}
    {{ nearest('sqrt(' ~ number(expression) ~ ' / ' ~ log_unit() ~ ') * ' ~ log_unit()) }}
{%- endmacro %}

{#- Whole hours since 1970, in UTC. -#}
{% macro hour_number(expression) -%}
    cast(floor({{ to_epoch(expression) }} / 3600) as {{ dbt.type_bigint() }})
{%- endmacro %}
