{% test hub_matches(model, column_name, pattern) %}
select *
from {{ model }}
where {{ hub_column(column_name) }} is not null
  and not {{ hub_regexp_like(hub_column(column_name), pattern) }}
{% endtest %}
