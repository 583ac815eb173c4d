-- A day of Seattle that the hourly record has and the daily one lacks: one of the two lost something. The daily one comes later,
-- so that only days up to its newest are compared.
select hourly.observed_on, hourly.station
from {{ source('weather', 'hourly_temperatures') }} as hourly
left join {{ source('weather', 'daily_observations') }} as daily
  on daily.station = hourly.station and daily.date = hourly.observed_on
where hourly.station = 'SEA' and daily.date is null
  and hourly.observed_on < (select max(date) from {{ source('weather', 'daily_observations') }})
group by hourly.observed_on, hourly.station
