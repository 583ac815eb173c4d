"""When a release is owed: due times over calendars and time zones.

*Owed* are the sessions of the SLO's calendar; of a partitioned dataset only those from `partitions.start`
on that are sessions of the partitions' calendar too. Of a dataset partitioned by month the **last session
of each month** alone is owed: a month's partition is promised once, when the month is over, and only a
release since that session began can hold it. Who promises a growing month day by day says so with `max_age`.

*Due* is a business date's release `covers` sessions later at `due`, local time. A local time that a change
of clocks skips is read with the offset before the change (02:30 becomes 03:30); of one that happens twice
the first counts: RFC 5545, 3.3.5. An override `moved` gives one business date (`on`) another due day
(`due_on`), `removed` excuses it, `added` makes a day owed. The *deadline* is the due time plus `grace`.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from datahub_dagster.domain.calendars import BusinessCalendar, CalendarRangeError, calendar_named
from datahub_dagster.domain.contract import FreshnessSlo, Granularity, PartitionSpec

DueTime = tuple[date, datetime]
"""A business date, and the instant (UTC, without grace) at which its release is due."""


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """The time zone that a contract names.

    Raises:
        ValueError: There is none; the message names the nearest.
    """
    try:
        return ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ) as error:  # OSError: the name of a folder, or too long
        close = get_close_matches(name, available_timezones(), n=3, cutoff=0.6)
        nearest = f"; the nearest: {', '.join(close)}" if close else " (they look like Asia/Tokyo)"
        raise ValueError(f"there is no time zone {name!r}{nearest}") from error


def calendar_of(slo: FreshnessSlo) -> BusinessCalendar:
    """The SLO's calendar with its overrides applied. Raises `ValueError` for a name that is none."""
    return calendar_named(slo.calendar, slo.overrides, slo.calendar_files)


def due_at(slo: FreshnessSlo, business_date: date, calendar: BusinessCalendar) -> datetime:
    """The instant (UTC) by which the release that holds `business_date` must be published.

    Counts `slo.covers` sessions forward from `business_date`, then takes `slo.due` on that day in
    `slo.timezone`; an override that moves the business date says the day itself. Does not know about grace:
    that is `lateness`.

    Raises:
        CalendarRangeError: The calendar does not reach that far; it says how to extend it.
        ValueError: The SLO has no due times (it has `max_age`).

    >>> t_plus_1_by_eight = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)
    >>> due_at(t_plus_1_by_eight, date(2026, 5, 1), calendar_of(t_plus_1_by_eight)).isoformat()  # Golden Week
    '2026-05-06T23:00:00+00:00'
    """
    if slo.due is None:
        raise ValueError(f"the SLO {slo.name!r} has no due times: it promises a maximum age")
    moved = next(
        (o.due_on for o in slo.overrides if o.on == business_date and o.kind == "moved" and o.due_on), None
    )
    due_day = moved or (calendar.add(business_date, slo.covers) if slo.covers else business_date)
    return _instant(due_day, slo.due, slo.timezone)


def earliest_at(slo: FreshnessSlo, business_date: date, partitions: PartitionSpec | None) -> datetime:
    """The first instant (UTC) at which a release that answers `business_date` is reckoned with.

    With partitions the start of the business date, local midnight: data of a day aren't there before it.
    Without, the start of the first day whose releases are taken to hold the business date.
    """
    first = business_date
    if partitions is None and slo.covers:
        first = calendar_of(slo).add(business_date, slo.covers - 1) if slo.covers > 1 else business_date
        first += timedelta(days=1)
    return _instant(first, time(0), slo.timezone)


def due_times(
    slo: FreshnessSlo, first: date, last: date, partitions: PartitionSpec | None = None
) -> tuple[DueTime, ...]:
    """All owed business dates from `first` to `last`, both included, in the order in which they are due.

    Raises:
        CalendarRangeError: The calendar does not reach that far.
    """
    if slo.due is None:
        return ()
    calendar = calendar_of(slo)
    owed = (day for day in calendar.sessions(first, last) if is_owed(day, slo, partitions))
    return tuple(sorted(((day, due_at(slo, day, calendar)) for day in owed), key=_by_instant))


def latest_due(slo: FreshnessSlo, now: datetime, partitions: PartitionSpec | None = None) -> DueTime | None:
    """The newest due time that has passed; None if none has since the partitions' `start`, or the SLO has none.

    At the very instant of a due time it has not passed.

    Raises:
        CalendarRangeError: The calendar does not reach back that far.
    """
    if slo.due is None:
        return None
    steady = _latest_steady(slo, now, partitions)
    past = [pair for pair in [steady, *_moved(slo, partitions)] if pair and pair[1] < now]
    return max(past, key=_by_instant, default=None)


def next_due(slo: FreshnessSlo, now: datetime, partitions: PartitionSpec | None = None) -> DueTime | None:
    """The first due time that has not passed yet; None if the SLO has none.

    Raises:
        CalendarRangeError: The calendar does not reach that far.
    """
    if slo.due is None:
        return None
    calendar = calendar_of(slo)
    passed = _latest_steady(slo, now, partitions)
    after = passed[0] if passed else max(_floor(partitions), calendar.first) - timedelta(days=1)
    steady = next(day for day in _owed_steadily(calendar.forward(after), slo, partitions))
    coming = [(steady, due_at(slo, steady, calendar)), *_moved(slo, partitions)]
    return min((pair for pair in coming if pair[1] >= now), key=_by_instant, default=None)


def held_date(slo: FreshnessSlo, published_at: datetime) -> date:
    """The business date that a release of a dataset without partitions is taken to hold.

    Nobody can see it, so the meaning of `covers` decides, as for a release that is due on its day: with 0
    the last session up to its local date, with n the n-th session before its local date. So what a T+1
    dataset publishes in the evening counts for the session before, not for that evening's: let such a
    dataset have partitions, or say `covers: 0`.

    Raises:
        CalendarRangeError: The calendar does not reach that far.

    >>> t_plus_1 = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="weekdays", covers=1)
    >>> held_date(
    ...     t_plus_1, datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    ... )  # Monday 09:30 in Tokyo: Friday's, late
    datetime.date(2026, 11, 20)
    """
    return calendar_of(slo).add(local_date(slo, published_at), -slo.covers)


def business_date_of(key: str, slo: FreshnessSlo) -> date | None:
    """The business date that a partition's key answers: the day, or the last session of the month. None for other keys.

    >>> business_date_of("2026-10", FreshnessSlo(due=time(8), calendar="XTKS"))
    datetime.date(2026, 10, 30)
    """
    try:
        if len(key) != len("2026-10"):
            day = date.fromisoformat(key)
            return day if day.isoformat() == key else None  # Python also reads 2026-W47-5
        last = month_end(date.fromisoformat(f"{key}-01"))
    except (ValueError, OverflowError):
        return None
    return calendar_of(slo).add(last, 0)


def key_of(business_date: date, partitions: PartitionSpec) -> str:
    """Key of the partition that holds a business date."""
    text = business_date.isoformat()
    return text[:7] if partitions.granularity is Granularity.MONTH else text


def is_owed(day: date, slo: FreshnessSlo, partitions: PartitionSpec | None) -> bool:
    """Whether a session of the SLO's calendar is owed; see the module. Raises `CalendarRangeError`."""
    if partitions is None:
        return True
    if partitions.granularity is Granularity.MONTH:
        is_last = calendar_of(slo).next_session(day).month != day.month
        return is_last and (partitions.start is None or month_end(day) >= partitions.start)
    if partitions.start is not None and day < partitions.start:
        return False
    if partitions.calendar is None:
        return True
    return calendar_named(partitions.calendar, slo.overrides, partitions.calendar_files).is_session(day)


def month_end(day: date) -> date:
    """The last day of a day's month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def local_date(slo: FreshnessSlo, instant: datetime) -> date:
    """The date on which an instant falls in the SLO's time zone."""
    return instant.astimezone(zone_named(slo.timezone)).date()


def _latest_steady(slo: FreshnessSlo, now: datetime, partitions: PartitionSpec | None) -> DueTime | None:
    """The newest past due time among the business dates that no override moves: those are due in their own order."""
    calendar = calendar_of(slo)
    floor = _floor(partitions)
    # Due times lie on or after their business date, so that none later than today's can have passed.
    days = takewhile(lambda day: day >= floor, calendar.backward(local_date(slo, now) + timedelta(days=1)))
    try:
        for day in _owed_steadily(days, slo, partitions):
            if (due := due_at(slo, day, calendar)) < now:
                return day, due
    except CalendarRangeError:
        if floor < calendar.first:
            raise
    return None


def _owed_steadily(
    days: Iterable[date], slo: FreshnessSlo, partitions: PartitionSpec | None
) -> Iterator[date]:
    moved = {override.on for override in slo.overrides if override.kind == "moved"}
    return (day for day in days if day not in moved and is_owed(day, slo, partitions))


def _moved(slo: FreshnessSlo, partitions: PartitionSpec | None) -> list[DueTime]:
    """The due times that overrides move."""
    calendar = calendar_of(slo)
    days = {override.on for override in slo.overrides if override.kind == "moved"}
    return [
        (day, due_at(slo, day, calendar))
        for day in sorted(days)
        if calendar.is_session(day) and is_owed(day, slo, partitions)
    ]


def _floor(partitions: PartitionSpec | None) -> date:
    """No business date before this one is owed."""
    if partitions is None or partitions.start is None:
        return date.min + timedelta(days=1)
    return (
        partitions.start.replace(day=1) if partitions.granularity is Granularity.MONTH else partitions.start
    )


def _by_instant(pair: DueTime) -> tuple[datetime, date]:
    return pair[1], pair[0]


def _instant(day: date, local_time: time, timezone: str) -> datetime:
    return datetime.combine(day, local_time, tzinfo=zone_named(timezone)).astimezone(UTC)
