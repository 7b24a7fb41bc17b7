{#-
    Incremental models rebuild what changed since the last finished transform. `clock`, built last of all, says up to
    where that one had read and when it ran; a transform that broke off leaves it untouched, and what it did is done
    again.
-#}

{#- Rows of the raw dataset that a later collection wrote. -#}
{% macro is_collected_since(column='collected_at') -%}
    {{ column }} > {{ clock('read_up_to') }}
{%- endmacro %}

{#- Rows of an incremental model that this transform, or one that broke off, wrote. -#}
{% macro is_built_since(column='built_at') -%}
    {{ column }} > {{ clock('built_at') }}
{%- endmacro %}

{#-
    Read without `ref`, for `clock` itself comes after everything that reads it; and read beforehand, for a warehouse
    skips old rows by a constant, not by a subquery.
-#}
{% macro clock(column) -%}
    {%- set moment = none -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set node = graph.nodes['model.meta_pipeline.clock'] -%}
        {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) -%}
        {%- if relation -%}
            {%- set moment = run_query('select max(' ~ column ~ ') from ' ~ relation).columns[0].values()[0] -%}
        {%- endif -%}
    {%- endif -%}
    {{ timestamp_literal(moment or '1970-01-01 00:00:00+00:00') }}
{%- endmacro %}

{#- For `built_at`: the start of this transform. -#}
{% macro built_at() -%}
    {{ timestamp_literal(run_started_at) }}
{%- endmacro %}
