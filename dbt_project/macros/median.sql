{#- A median without the function, which is an aggregate on some warehouses, a window on others: the middle rows ... -#}
{% macro is_middle(place, row_count) -%}
    2 * {{ place }} between {{ row_count }} and {{ row_count }} + 2
{%- endmacro %}

{#- ... of which there are two where their number is even. -#}
{% macro middle(expression) -%}
    (min({{ expression }}) + 0.5 * (max({{ expression }}) - min({{ expression }})))
{%- endmacro %}
