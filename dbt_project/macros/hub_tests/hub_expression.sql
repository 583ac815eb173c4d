{#- Below a column dbt hands over its name; the expression speaks for itself, so it isn't used. -#}
{% test hub_expression(model, expression, column_name=none) %}
select *
from {{ model }}
where not ({{ expression }})
{% endtest %}
