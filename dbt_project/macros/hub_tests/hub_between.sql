{% test hub_between(model, column_name, min_value=none, max_value=none, strictly=false) %}
{%- if execute and (min_value is none and max_value is none) -%}
  {{ exceptions.raise_compiler_error("hub_between on " ~ column_name ~ " needs min_value, max_value or both") }}
{%- endif -%}
{%- set column = hub_column(column_name) -%}
{%- set equal = '' if strictly else '=' %}
select *
from {{ model }}
where {{ column }} is not null
  and (
    false
    {%- if min_value is not none %}
    or not ({{ column }} >{{ equal }} {{ hub_literal(min_value) }})
    {%- endif %}
    {%- if max_value is not none %}
    or not ({{ column }} <{{ equal }} {{ hub_literal(max_value) }})
    {%- endif %}
    {%- if min_value is number or max_value is number %}
    or {{ hub_is_nan(column) }}
    {%- endif %}
  )
{% endtest %}
