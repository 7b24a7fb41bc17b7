{#-
    `--vars {as_of: ...}` shows the marts as they would have been at that moment. Without it they show the present.
-#}
{% macro shows_past() %}{{ return(var('as_of', none) is not none) }}{% endmacro %}

{% macro moment_shown() %}{{ return(var('as_of', none) or run_started_at) }}{% endmacro %}

{#- The moment that the marts show. -#}
{% macro as_of() -%}
    {{ timestamp_literal(moment_shown()) }}
{%- endmacro %}

{% macro timestamp_literal(moment) -%}
    cast('{{ moment }}' as {{ timestamp_type() }})
{%- endmacro %}

{#- Keeps the rows whose time is not after the moment shown. -#}
{% macro where_known(time_expression) -%}
    {%- if shows_past() -%}
        where {{ time_expression }} <= {{ as_of() }}
    {%- endif -%}
{%- endmacro %}

{#-
    The same for rows that came with a load: what a load brought counts from its commit on. A load that was never
    committed has none, so what it left behind counts from its own time on.
-#}
{% macro where_load_known(time_expression, alias='raw') -%}
    {%- if shows_past() -%}
        where {{ time_expression }} <= {{ as_of() }}
        and not exists (
            select 1
            from {{ source('observability', 'loads') }} as later
            where later.destination_name = {{ alias }}.destination_name
                and later.dataset_name = {{ alias }}.dataset_name
                and later.load_id = {{ alias }}.load_id
                and later.inserted_at > {{ as_of() }}
        )
    {%- endif -%}
{%- endmacro %}
