{#- `10 d 4 h`, `12 min`, `45 s`: the two largest units of a number of seconds. -#}
{% macro duration_words(seconds) -%}
    {%- set minutes = 'cast(round(' ~ seconds ~ ' / 60.0) as bigint)' -%}
    {%- set hours = 'cast(round(' ~ seconds ~ ' / 3600.0) as bigint)' -%}
    case
        when round({{ seconds }}) < 60 then {{ whole(seconds) }} || ' s'
        when {{ minutes }} < 60 then {{ whole(minutes) }} || ' min'
        when {{ minutes }} < 1440 then {{ two_units(minutes, 60, 'h', 'min') }}
        else {{ two_units(hours, 24, 'd', 'h') }}
    end
{%- endmacro %}

{% macro two_units(count, per_unit, unit, small_unit) -%}
    {{ whole('floor(' ~ count ~ ' / ' ~ per_unit ~ '.0)') }} || ' {{ unit }}'
            || case
                when mod({{ count }}, {{ per_unit }}) > 0
                then ' ' || {{ whole('mod(' ~ count ~ ', ' ~ per_unit ~ ')') }} || ' {{ small_unit }}'
                else ''
            end
{%- endmacro %}

{% macro whole(number) -%}
    cast(cast(round({{ number }}) as bigint) as {{ dbt.type_string() }})
{%- endmacro %}

{#- `1 load`, `2 loads`. -#}
{% macro counted(number, noun) -%}
    {{ whole(number) }} || case when {{ number }} = 1 then ' {{ noun }}' else ' {{ noun }}s' end
{%- endmacro %}

{#- The first line of a text, 200 characters of it at most. -#}
{% macro first_line(text) -%}
    substring(
        {{ text }}, 1, least(200, {{ dbt.position('chr(10)', text ~ ' || chr(10)') }} - 1)
    )
{%- endmacro %}
