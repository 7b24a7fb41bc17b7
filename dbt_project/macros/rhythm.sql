{#- The row at which a share of the rows is reached, by its place among them in the order of their value. -#}
{% macro is_quantile(place, row_count, share) -%}
    {{ place }} = ceil({{ share }} * {{ row_count }})
{%- endmacro %}

{#- Whole days since 1970-01-01 of a unix time, in UTC. -#}
{% macro epoch_day(seconds) -%}
    cast(floor(({{ seconds }}) / 86400) as {{ dbt.type_bigint() }})
{%- endmacro %}

{#- Day of the week of a unix time, in UTC: 0 is Monday, and the first of January 1970 was a Thursday. -#}
{% macro weekday_of(seconds) -%}
    mod({{ epoch_day(seconds) }} + 3, 7)
{%- endmacro %}

{#-
    Whether somewhere on earth clocks are changed on a Sunday: the second of March and the first of November (North
    America), the last of March and October (Europe), the first of April and October, the last of September (Australia,
    New Zealand), the first of April and September (Chile).
-#}
{% macro is_clock_change(sunday) -%}
    {%- set month = 'extract(month from ' ~ sunday ~ ')' -%}
    {%- set day = 'extract(day from ' ~ sunday ~ ')' -%}
    (
        {{ month }} = 3 and ({{ day }} between 8 and 14 or {{ day }} >= 25)
        or {{ month }} = 4 and {{ day }} <= 7
        or {{ month }} = 9 and ({{ day }} <= 7 or {{ day }} >= 24)
        or {{ month }} = 10 and ({{ day }} <= 7 or {{ day }} >= 25)
        or {{ month }} = 11 and {{ day }} <= 7
    )
{%- endmacro %}

{#- `weekdays`, `every day`, `Mon, Wed`: the days of a text of seven flags, Monday first. -#}
{% macro weekday_words(flags) -%}
    case {{ flags }}
        when '1111111' then 'every day'
        when '1111100' then 'on weekdays'
        when '0000011' then 'on weekends'
        else 'on ' || substring(
            {%- for name in ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] %}
            case when substring({{ flags }}, {{ loop.index }}, 1) = '1' then ', {{ name }}' else '' end
            {{- ' ||' if not loop.last }}
            {%- endfor %}, 3
        )
    end
{%- endmacro %}

{#-
    Hours within which the variable `expected_within_hours`, by glob of pipeline names, wants a load; the first glob that
    matches counts.
-#}
{% macro expected_within_hours(name) -%}
    {%- set hours_by_glob = var('expected_within_hours', {}) -%}
    cast(
        {%- if hours_by_glob %}
        case
            {%- for glob, hours in hours_by_glob.items() %}
            when {{ matches_glob(name, glob) }} then {{ hours }}
            {%- endfor %}
        end
        {%- else %} null
        {%- endif %} as {{ number_type() }}
    )
{%- endmacro %}

{#- `*` and `?` of a glob. What `like` itself would take for a sign of its own stands for itself on both sides. -#}
{% macro matches_glob(name, glob) -%}
    {%- set signs = {'_': 28, '%': 29} -%}
    {%- set sides = namespace(name=name, pattern=dbt.string_literal(dbt.escape_single_quotes(glob))) -%}
    {%- for sign, code in signs.items() -%}
        {%- set sides.name = "replace(" ~ sides.name ~ ", '" ~ sign ~ "', chr(" ~ code ~ "))" -%}
        {%- set sides.pattern = "replace(" ~ sides.pattern ~ ", '" ~ sign ~ "', chr(" ~ code ~ "))" -%}
    {%- endfor -%}
    {{ sides.name }} like replace(replace({{ sides.pattern }}, '*', '%'), '?', '_')
{%- endmacro %}
