{% test hub_unique_combination(model, columns) %}
{%- if execute and (columns is string or not columns) -%}
  {{ exceptions.raise_compiler_error("hub_unique_combination needs columns: a list of column names") }}
{%- endif -%}
{%- set names = [] -%}
{%- for column in columns %}{% do names.append(hub_column(column)) %}{% endfor -%}
{%- set key = names | join(', ') %}
select {{ key }}, count(*) as row_count
from {{ model }}
group by {{ key }}
having count(*) > 1
{% endtest %}
