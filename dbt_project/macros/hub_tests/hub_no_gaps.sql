{% test hub_no_gaps(model, column_name, unit='day', group_by=[]) %}
{%- if execute and (unit not in ['day', 'week', 'month', 'quarter', 'year']) -%}
  {{ exceptions.raise_compiler_error("hub_no_gaps knows the units day, week, month, quarter and year, not '" ~ unit ~ "'") }}
{%- endif -%}
{%- set names = [] -%}
{%- for column in ([group_by] if group_by is string else group_by) %}{% do names.append(hub_column(column)) %}{% endfor -%}
{%- set groups = names | join(', ') %}
with periods as (
  select distinct
    {% if groups %}{{ groups }},{% endif %}
    date_trunc('{{ unit }}', cast({{ hub_column(column_name) }} as date)) as period
  from {{ model }}
  where {{ hub_column(column_name) }} is not null
),

spaced as (
  select
    {% if groups %}{{ groups }},{% endif %}
    lag(period) over ({% if groups %}partition by {{ groups }} {% endif %}order by period) as last_before_gap,
    period as first_after_gap
  from periods
)

select *, date_diff('{{ unit }}', last_before_gap, first_after_gap) - 1 as missing_count
from spaced
where date_diff('{{ unit }}', last_before_gap, first_after_gap) > 1
{% endtest %}
