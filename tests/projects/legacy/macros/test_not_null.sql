{# The built-in test, overridden: the empty text counts as NULL. #}
{% test not_null(model, column_name) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} is null or cast({{ column_name }} as varchar) = ''
{% endtest %}
