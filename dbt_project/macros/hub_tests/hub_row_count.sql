{% test hub_row_count(model, min=none, max=none) %}
{%- if execute and (min is none and max is none) -%}
  {{ exceptions.raise_compiler_error("hub_row_count needs min, max or both") }}
{%- endif %}
select count(*) as row_count
from {{ model }}
having false
  {%- if min is not none %}
  or count(*) < {{ min }}
  {%- endif %}
  {%- if max is not none %}
  or count(*) > {{ max }}
  {%- endif %}
{% endtest %}
