-- A day of Seattle that the hourly record has and the daily one lacks: one of the two lost something.
select hourly.observed_on, hourly.station
from {{ source('weather', 'hourly_temperatures') }} as hourly
left join {{ source('weather', 'daily_observations') }} as daily
  on daily.station = hourly.station and daily.date = hourly.observed_on
where hourly.station = 'SEA' and daily.date is null
group by hourly.observed_on, hourly.station
