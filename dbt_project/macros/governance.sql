{#- What the configuration's `[governance]` may say otherwise. A list stands instead of the one here. -#}
{% macro pii_hints() %}{{ return(var('pii_hints', ['x-annotation-pii'])) }}{% endmacro %}

{% macro pii_tags() %}{{ return(var('pii_tags', ['pii'])) }}{% endmacro %}

{#- `key` counts whatever its value, unless that is empty or false; `key=value` with this value only. -#}
{% macro pii_meta() %}
    {%- set flags = ['pii', 'contains_pii', 'is_pii', 'sensitive', 'is_sensitive', 'x-annotation-pii'] -%}
    {%- set classes = [] -%}
    {%- for key in ['classification', 'data_classification', 'sensitivity'] -%}
        {%- for value in ['pii', 'personal', 'sensitive'] -%}
            {%- do classes.append(key ~ '=' ~ value) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(var('pii_meta', flags + classes)) -}}
{% endmacro %}

{#-
    Whether a JSON text, as it is stored, holds a key with a value that is neither empty nor false. Warehouses read JSON
    in ways of their own; what we wrote ourselves has no blanks, and what stands in a value has its quotes escaped.
-#}
{% macro json_affirms(json, entries) -%}
    (
        {%- for entry in entries %}
        {%- set key, _, value = (entry | lower).partition('=') %}
        {%- if value %}
        {{ holds_text(json, '"' ~ key ~ '":"' ~ value ~ '"') }}
        {%- else %}
        ({{ holds_text(json, '"' ~ key ~ '":') }} and not (
            {%- for empty in ['null', '""', '[]', '{}'] + denials() %}
            {{ holds_text(json, '"' ~ key ~ '":' ~ empty) }}{{ ' or' if not loop.last }}
            {%- endfor %}
        ))
        {%- endif %}{{ ' or' if not loop.last }}
        {%- endfor %}
        {{- 'false' if not entries }}
    )
{%- endmacro %}

{#- Whether it holds a key with the value false. -#}
{% macro json_denies(json, entries) -%}
    (
        {%- for entry in entries if '=' not in entry %}
        {%- for denial in denials() %}
        {{ holds_text(json, '"' ~ (entry | lower) ~ '":' ~ denial) }} or
        {%- endfor %}
        {%- endfor %}
        false
    )
{%- endmacro %}

{% macro denials() %}{{ return(['false', '"false"', '"no"']) }}{% endmacro %}

{% macro list_holds(json, values) -%}
    (
        {%- for value in values %}
        {{ holds_text(json, '"' ~ (value | lower) ~ '"') }} or
        {%- endfor %}
        false
    )
{%- endmacro %}

{% macro holds_text(text, part) -%}
    {{ dbt.position(quoted(part), "coalesce(lower(" ~ text ~ "), '')") }} > 0
{%- endmacro %}

{% macro quoted(text) -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(text)) }}
{%- endmacro %}

{#-
    Whether a column still holds values of the one that it is made of: all functions that only count do away with them,
    unless what is counted stands in the same column as a value too.
-#}
{% macro carries_value(transformation, functions) -%}
    case
        when {{ transformation }} <> 'aggregated' then true
        when not {{ names_function(functions, [
            'count', 'count_if', 'countif', 'approx_distinct', 'approx_count_distinct', 'regr_count', 'hll', 'grouping'
        ]) }} then true
        else {{ names_function(functions, [
            'max', 'min', 'any_value', 'first', 'last', 'first_value', 'last_value', 'arbitrary', 'mode', 'arg_max',
            'arg_min', 'max_by', 'min_by', 'array_agg', 'array_concat_agg', 'array_unique_agg', 'group_concat',
            'string_agg', 'listagg', 'json_agg', 'json_array_agg', 'json_object_agg', 'object_agg', 'approx_top_k', 'sum',
            'avg', 'median', 'percentile_cont', 'percentile_disc', 'quantile'
        ]) }}
    end
{%- endmacro %}

{% macro names_function(functions, names) -%}
    (
        {%- for name in names %}
        {{ dbt.position("'," ~ name ~ ",'", "',' || coalesce(" ~ functions ~ ", '') || ','") }} > 0
        {{- ' or' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{#- Id of a column of a node of the lineage; the column's name is compared by lower case. -#}
{% macro column_key(node, column) -%}
    {{ key([node, 'lower(' ~ column ~ ')']) }}
{%- endmacro %}

{#-
    CTEs `step_1` to `step_10`: what is reached from each origin in so many steps more than `reached` has, a column staying
    where it is being one of them. Each is one row per origin and column, however many ways lead there, so that neither cycles
    nor lineages that part and meet again let them grow; a recursive query keeps every way on its own. Ten and no more, for the
    time in which DuckDB plans such a chain doubles with each.
-#}
{% macro ten_steps_on() -%}
    {%- for step in range(1, 11) %}
step_{{ step }} as (

    select
        known.origin_id,
        known.origin_node_id,
        steps.to_column_id as column_id,
        min(known.hops + steps.hops) as hops,
        max(known.longest_way + steps.hops) as longest_way,
        min(greatest(known.masked, steps.masked)) as masked,
        max(least(known.confidence, steps.confidence)) as confidence,
        max(
            case
                when steps.from_node_id = known.origin_node_id then known.held_up
                else greatest(known.held_up, steps.holds_up)
            end
        ) as held_up
    from {{ 'reached' if step == 1 else 'step_' ~ (step - 1) }} as known
    inner join steps on steps.from_column_id = known.column_id
    where steps.hops = 0 or steps.to_column_id not in (known.origin_id, known.origin_node_id)
    group by known.origin_id, known.origin_node_id, steps.to_column_id

),
    {%- endfor %}
{%- endmacro %}
