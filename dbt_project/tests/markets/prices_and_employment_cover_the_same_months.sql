-- Research joins prices and employment by month. A month that has prices and no employment figure falls out of the join silently.
with months as (
  select distinct date_trunc('month', date) as month
  from {{ source('markets', 'monthly_prices') }}
)

select months.month
from months
left join {{ source('employment', 'us_monthly') }} as employment on employment.month = months.month
where employment.month is null
