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

{#- Whether a transform was finished that this one goes on from; for tables that only hold what is new. -#}
{% macro is_continued() %}{{ return(clock_moment('built_at') is not none) }}{% endmacro %}

{#- A moment that the last finished transform left. -#}
{% macro clock(column) -%}
    {{ timestamp_literal(clock_moment(column) or '1970-01-01 00:00:00+00:00') }}
{%- endmacro %}

{#-
    Read without `ref`, for `clock` itself comes after everything that reads it; read beforehand, for a warehouse skips
    old rows by a constant, not by a subquery; and read once, for on some warehouses the smallest query takes a second.
    What is read is kept in `graph`, which lives as long as the transform.
-#}
{% macro clock_moment(column) %}
    {%- if not execute or flags.FULL_REFRESH -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- if 'meta_pipeline_clock' not in graph -%}
        {%- do graph.update(meta_pipeline_clock=last_clock()) -%}
    {%- endif -%}
    {{- return(graph['meta_pipeline_clock'][column]) -}}
{% endmacro %}

{% macro last_clock() %}
    {%- set node = graph.nodes['model.meta_pipeline.clock'] -%}
    {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) -%}
    {%- if not relation -%}
        {{- return({}) -}}
    {%- endif -%}
    {%- set moments = run_query('select max(read_up_to), max(built_at) from ' ~ relation) -%}
    {{- return({'read_up_to': moments.columns[0].values()[0], 'built_at': moments.columns[1].values()[0]}) -}}
{% endmacro %}

{#- For `built_at`: the start of this transform. -#}
{% macro built_at() -%}
    {{ timestamp_literal(run_started_at) }}
{%- endmacro %}

{#- In place of dbt's own: a table that is kept keeps its comments, and other descriptions rebuild it (see clock). -#}
{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}
    {%- if model.config.materialized != 'incremental' or flags.FULL_REFRESH -%}
        {{- return(adapter.dispatch('persist_docs', 'dbt')(relation, model, for_relation, for_columns)) -}}
    {%- endif -%}
{%- endmacro %}
