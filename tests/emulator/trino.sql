-- Functions of Trino (Athena's engine) that DuckDB has under no name, or under the same name with another meaning.
-- The translation in dialect.py calls those that begin with trino_; the others are called as the query wrote them.
-- DuckDB picks among several bodies by the types of the arguments.

-- 1 / 2 is 0 between integers.
create macro trino_divide(a bigint, b bigint) as a // b, (a double, b double) as a / b;

-- A date stays a date.
create macro trino_plus(a date, b interval) as cast(a + b as date),
    (a timestamp, b interval) as a + b,
    (a timestamptz, b interval) as a + b,
    (a interval, b date) as cast(a + b as date),
    (a interval, b timestamp) as a + b,
    (a interval, b timestamptz) as a + b,
    (a interval, b interval) as a + b;
create macro trino_minus(a date, b interval) as cast(a - b as date),
    (a timestamp, b interval) as a - b,
    (a timestamptz, b interval) as a - b,
    (a interval, b interval) as a - b;
create macro trino_date_trunc(unit, x date) as cast(date_trunc(unit, x) as date),
    (unit, x timestamp) as date_trunc(unit, x),
    (unit, x timestamptz) as date_trunc(unit, x);
create macro trino_interval(unit, n) as case lower(unit)
    when 'millisecond' then to_milliseconds(n)
    when 'second' then to_seconds(n)
    when 'minute' then to_minutes(n)
    when 'hour' then to_hours(n)
    when 'day' then to_days(n)
    when 'week' then to_weeks(n)
    when 'month' then to_months(n)
    when 'quarter' then to_months(3 * n)
    when 'year' then to_years(n)
    else error('INVALID_FUNCTION_ARGUMENT: ''' || unit || ''' is not a valid unit') end;

create macro to_milliseconds(x interval) as cast(epoch(x) * 1000 as bigint),
    (x bigint) as x * interval '1 millisecond';
create macro trino_joda(pattern) as replace(replace(replace(replace(replace(replace(replace(
    pattern, 'yyyy', '%Y'), 'MM', '%m'), 'dd', '%d'), 'HH', '%H'), 'mm', '%M'), 'SSS', '%g'), 'ss', '%S');
create macro format_datetime(x, pattern) as strftime(x, trino_joda(pattern));
create macro to_iso8601(x date) as strftime(x, '%Y-%m-%d'),
    (x timestamp) as strftime(x, '%Y-%m-%dT%H:%M:%S.%g'),
    (x timestamptz) as strftime(x at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ');
create macro with_timezone(x, zone) as timezone(zone, x);

create macro nan() as cast('nan' as double);
create macro infinity() as cast('inf' as double);
create macro is_finite(x) as isfinite(x);
create macro is_infinite(x) as isinf(x);
create macro codepoint(x) as unicode(x);
create macro normalize(x) as nfc_normalize(x);
create macro every(x) as bool_and(x);
create macro map_agg(k, v) as map_from_entries(list((k, v)));
create macro url_extract_protocol(x) as nullif(regexp_extract(x, '^([^:/?#]+):', 1), '');
create macro url_extract_host(x) as nullif(regexp_extract(x, '^[^:/?#]+://(?:[^@/?#]*@)?([^:/?#]*)', 1), '');
create macro url_extract_path(x) as regexp_extract(x, '^[^:/?#]+://[^/?#]*([^?#]*)', 1);
create macro url_extract_query(x) as nullif(regexp_extract(x, '\?([^#]*)', 1), '');
create macro url_extract_fragment(x) as nullif(regexp_extract(x, '#(.*)$', 1), '');
