{% test hub_not_empty_string(model, column_name) %}
select *
from {{ model }}
where trim({{ hub_column(column_name) }}) = ''
{% endtest %}
