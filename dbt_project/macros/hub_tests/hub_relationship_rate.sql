{% test hub_relationship_rate(model, column_name, to, field, min_rate=1.0) %}
with child as (
  select {{ hub_column(column_name) }} as child_value
  from {{ model }}
  where {{ hub_column(column_name) }} is not null
),

parent as (
  select distinct {{ hub_column(field) }} as parent_value
  from {{ to }}
),

matched as (
  select count(*) as row_count, count(parent.parent_value) as matched_count
  from child
  left join parent on child.child_value = parent.parent_value
)

select row_count, matched_count, row_count - matched_count as unmatched_count
from matched
where matched_count < {{ min_rate }} * row_count
{% endtest %}
