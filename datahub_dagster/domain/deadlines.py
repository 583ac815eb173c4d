"""Which deadlines lie between two instants: what is owed, what an override excuses, what a calendar can't say."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from datahub_dagster.domain.calendars import BusinessCalendar, CalendarRangeError
from datahub_dagster.domain.contract import FreshnessSlo, Granularity, PartitionSpec
from datahub_dagster.domain.due import (
    calendar_of,
    due_at,
    is_owed,
    local_date,
    month_end,
    next_due,
    zone_named,
)
from datahub_dagster.domain.timeline import Timeline

_DAY = timedelta(days=1)


class Deadline(NamedTuple):
    """A due time (UTC), the end of its grace, and the business date that it is for (ISO 8601)."""

    due_at: datetime
    deadline_at: datetime
    business_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A business date and its due time (UTC). `excuse` says why nothing is owed after all, `problem` why nobody knows."""

    day: date
    due_at: datetime
    excuse: str = ""
    problem: str = ""


def next_deadline(
    slo: FreshnessSlo, partitions: PartitionSpec | None, now: datetime, timeline: Timeline | None = None
) -> Deadline | None:
    """The first deadline that has not passed; None if there is none.

    Of `max_age` it is when what is published becomes too old; None if it is, before the first release, or without a `timeline`.

    Raises:
        CalendarRangeError: The calendar does not reach that far.
    """
    if slo.max_age is not None:
        content_at = timeline.content_at if timeline else None
        if content_at is None or content_at + slo.max_age + slo.grace < now:
            return None
        due = content_at + slo.max_age
        return Deadline(due, due + slo.grace, local_date(slo, due).isoformat())
    coming = next_due(slo, now - slo.grace, partitions)
    return Deadline(coming[1], coming[1] + slo.grace, coming[0].isoformat()) if coming else None


def owed_between(
    slo: FreshnessSlo, partitions: PartitionSpec | None, since: datetime, until: datetime
) -> Iterator[Owed]:
    """Every due time whose deadline is in [since, until), in no order, and some around them.

    A day beyond the calendar may be a session or not: each is told as a `problem`; of a month, its last day.
    """
    calendar = calendar_of(slo)
    last = local_date(slo, until)
    first = _sessions_before(calendar, local_date(slo, since - slo.grace) - _DAY, slo.covers)
    if partitions and partitions.start:
        first = max(first, partitions.start.replace(day=1) if _by_month(partitions) else partitions.start)
    elsewhere = {o.on for o in slo.overrides if o.kind == "moved" and not first <= o.on <= last}
    for day in (*_days(first, last), *sorted(elsewhere)):
        try:
            if calendar.is_session(day) and is_owed(day, slo, partitions):
                yield Owed(day=day, due_at=due_at(slo, day, calendar))
        except CalendarRangeError as error:
            if day <= calendar.last or not _by_month(partitions) or day == month_end(day):
                local = datetime.combine(day + slo.covers * _DAY, slo.due or time(0))
                due = local.replace(tzinfo=zone_named(slo.timezone)).astimezone(UTC)
                yield Owed(day=day, due_at=due, problem=one_line(error))
    for override, as_if in _removed(slo, first, last):
        try:
            is_excused = calendar_of(as_if).is_session(override) and is_owed(override, as_if, partitions)
            if is_excused and not (_by_month(partitions) and _has_session(calendar, override)):
                due = due_at(as_if, override, calendar_of(as_if))
                yield Owed(day=override, due_at=due, excuse=_reason(slo, override))
        except CalendarRangeError:
            continue


def days_between(slo: FreshnessSlo, since: datetime, until: datetime) -> Iterator[Owed]:
    """Every local day of the calendar that ends, or is not over, in [since, until), due at its end; and some around them."""
    calendar = calendar_of(slo)
    first, last = local_date(slo, since) - _DAY, local_date(slo, until)
    for day in _days(first, last):
        end = midnight(slo, day + _DAY)
        try:
            if calendar.is_session(day):
                yield Owed(day=day, due_at=end)
        except CalendarRangeError as error:
            yield Owed(day=day, due_at=end, problem=one_line(error))
    for day, as_if in _removed(slo, first, last):
        try:
            if calendar_of(as_if).is_session(day):
                yield Owed(day=day, due_at=midnight(slo, day + _DAY), excuse=_reason(slo, day))
        except CalendarRangeError:
            continue


def midnight(slo: FreshnessSlo, day: date) -> datetime:
    """When a day begins (UTC) in the SLO's time zone."""
    return datetime.combine(day, time(0), tzinfo=zone_named(slo.timezone)).astimezone(UTC)


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    return str(error).replace("\n", ";")


def _removed(slo: FreshnessSlo, first: date, last: date) -> Iterator[tuple[date, FreshnessSlo]]:
    """The days that an override takes out of the calendar, each with the SLO as if none did."""
    days = {o.on for o in slo.overrides if o.kind == "removed" and first <= o.on <= last}
    calendar = calendar_of(slo)
    for day in sorted(days):
        if not calendar.is_session(day):
            yield day, replace(slo, overrides=tuple(o for o in slo.overrides if o.on != day))


def _reason(slo: FreshnessSlo, day: date) -> str:
    reasons = (o.reason for o in slo.overrides if o.on == day and o.kind == "removed")
    return next(reasons) or "an override removed it"


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _sessions_before(calendar: BusinessCalendar, day: date, count: int) -> date:
    """So many sessions before a day, or as far as the calendar reaches."""
    if not count:
        return day
    try:
        return calendar.add(day, -count)
    except CalendarRangeError:
        return min(day, calendar.first)


def _by_month(partitions: PartitionSpec | None) -> bool:
    return partitions is not None and partitions.granularity is Granularity.MONTH


def _has_session(calendar: BusinessCalendar, day: date) -> bool:
    """Whether a day's month has a session, so that the month is owed all the same."""
    return bool(calendar.sessions(day.replace(day=1), month_end(day)))
