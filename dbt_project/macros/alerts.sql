{#- How bad a status of pipeline_health is; `meta-pipeline status` says the same. -#}
{% macro severity_of_status(status) -%}
    case
        when {{ status }} in ('failing', 'unreachable') then 'critical'
        when {{ status }} in ('stalled', 'late', 'partial', 'anomalous') then 'warning'
        else 'info'
    end
{%- endmacro %}

{#- How long a finding that happened at a moment, and does not last, is open. -#}
{% macro is_recent(column, days=7) -%}
    {{ to_epoch(as_of()) }} - {{ to_epoch(column) }} between 0 and {{ days }} * 86400
{%- endmacro %}

{#- The table that `meta-pipeline alert` appends to. It is made before the first alert, for views read it. -#}
{% macro create_alert_events() %}
    {%- set text = dbt.type_string() -%}
    create table if not exists {{ source('observability', 'alert_events').render() }} (
        event_type {{ text }},
        happened_at {{ timestamp_type() }},
        alert_key {{ text }},
        episode_at {{ timestamp_type() }},
        channel {{ text }},
        alert_type {{ text }},
        severity {{ text }},
        is_event boolean,
        owner {{ text }},
        destination_name {{ text }},
        dataset_name {{ text }},
        pipeline_id {{ text }},
        pipeline_name {{ text }},
        table_name {{ text }},
        subject {{ text }},
        summary {{ text }},
        opened_at {{ timestamp_type() }},
        cause_key {{ text }},
        run_url {{ text }}
    )
{% endmacro %}
