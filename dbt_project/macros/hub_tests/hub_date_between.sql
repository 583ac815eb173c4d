{% test hub_date_between(model, column_name, min_date=none, max_date=none) %}
{%- if execute and (min_date is none and max_date is none) -%}
  {{ exceptions.raise_compiler_error("hub_date_between on " ~ column_name ~ " needs min_date, max_date or both") }}
{%- endif -%}
{%- set day = "cast(" ~ hub_column(column_name) ~ " as date)" %}
select *
from {{ model }}
where {{ hub_column(column_name) }} is not null
  and (
    false
    {%- if min_date is not none %}
    or {{ day }} < {{ hub_date_literal(min_date) }}
    {%- endif %}
    {%- if max_date is not none %}
    or {{ day }} > {{ hub_date_literal(max_date) }}
    {%- endif %}
  )
{% endtest %}
