{% snapshot aircraft_history %}

{{ config(target_schema='analytics', unique_key='tail_number', strategy='check', check_cols=['miles']) }}

select tail_number, miles from {{ ref('aircraft_usage') }}

{% endsnapshot %}
