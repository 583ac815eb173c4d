{% test hub_recency(model, column_name, days) %}
{#- The newest value keeps the column's own name, so that a confidential column is masked in the sample as well. -#}
{%- set newest = "max(" ~ hub_column(column_name) ~ ")" %}
select {{ newest }} as {{ hub_column(column_name) }}
from {{ model }}
having {{ newest }} is null
  or date_diff('day', cast({{ newest }} as date), current_date) > {{ days }}
{% endtest %}
