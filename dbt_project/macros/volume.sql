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
    {{ nearest('ln(cast(' ~ rows ~ ' + 1 as ' ~ number_type() ~ ')) * ' ~ log_unit()) }}
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

{#- The mean of the last observations of the same phase, as long as all of them are remembered. -#}
{% macro season(column, count, phase) -%}
    {%- set window = before(count, phase) -%}
    case
            when observation_number <= {{ volume_memory() }}
                or (
                    count({{ column }}) {{ window }} = {{ count }}
                    and min(observation_number) {{ window }} >= observation_number - {{ volume_memory() }}
                )
                then {{ middle_mean(column, count, phase) }}
        end
{%- endmacro %}

{#- The middle one of three. -#}
{% macro middle_of_three(first, second, third) -%}
    ({{ first }} + {{ second }} + {{ third }}
                - least({{ first }}, {{ second }}, {{ third }})
                - greatest({{ first }}, {{ second }}, {{ third }}))
{%- endmacro %}

{#- The same for the sizes of errors: the square of a mean root is a mean in which an anomaly of the past counts little. -#}
{% macro mean_of_roots(column, window) -%}
    (sum({{ column }}) {{ window }} / cast(count({{ column }}) {{ window }} as {{ number_type() }}) / {{ log_unit() }})
{%- endmacro %}

{% macro root_of(expression) -%}
    {{ nearest('sqrt(' ~ expression ~ ' / ' ~ log_unit() ~ ') * ' ~ log_unit()) }}
{%- endmacro %}

{#- The highest of a stretch of observations before this one: stretch 1 of 10 are the last ten, stretch 2 the ten before. -#}
{% macro highest(column, count, stretch=1) -%}
    max({{ column }}) over (
            partition by series_id order by observation_number
            rows between {{ count * stretch }} preceding and {{ count * (stretch - 1) + 1 }} preceding
        )
{%- endmacro %}

{#- Whole hours since 1970, in UTC. -#}
{% macro hour_number(expression) -%}
    cast(floor({{ to_epoch(expression) }} / 3600) as {{ dbt.type_bigint() }})
{%- endmacro %}
