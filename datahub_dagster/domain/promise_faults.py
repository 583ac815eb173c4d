"""What can't be so in a promise, as the calendars and the clocks have it: days that are none, times that a day does not have.

Calendars and clocks change without any contract changing. So these faults are told, and the contract counts as it is written; only what
is wrong whatever the calendars say (`is_broken`) makes a contract unusable. Looked at are fixed years: the answer does not depend on today.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from datahub_dagster.domain.calendar_files import has_month_rule
from datahub_dagster.domain.calendar_text import OfMonth, ordinal, parse_calendar
from datahub_dagster.domain.calendars import BusinessCalendar, CalendarRangeError, calendar_named
from datahub_dagster.domain.contract import FreshnessSlo, Granularity, Override, PartitionSpec
from datahub_dagster.domain.due import calendar_of, earliest_at, is_owed, local_date, zone_named

_FIRST_DAY, _LAST_DAY = date(2024, 1, 1), date(2037, 12, 31)  # the years that are looked at
_DAY = timedelta(days=1)

Key = str | int


@dataclass(frozen=True, slots=True)
class PromiseFault:
    """What is wrong: the keys that lead to it, a sentence, and what to do. `is_broken`: the contract can't be used so."""

    path: tuple[Key, ...]
    message: str
    next_step: str
    is_broken: bool = False


def slo_faults(slo: FreshnessSlo, cut: PartitionSpec | None) -> Iterator[PromiseFault]:
    """What can't be so in one promise of freshness.

    Args:
        slo: The promise, with the calendar files that it needs.
        cut: How its dataset is partitioned.
    """
    if cut and cut.granularity is Granularity.MONTH and slo.due:
        yield from _rule_faults(slo)
    yield from _session_faults(slo)
    yield from _override_faults(slo, cut)
    if slo.due is not None:
        yield from _clock_faults(slo, slo.due, cut)
        last = calendar_of(slo).last
        if cut and cut.start and cut.start > last:
            yield PromiseFault(
                ("calendar",),
                f"{slo.calendar} ends on {last}, before the first partition, {cut.start}: nothing would ever be due",
                "name a calendar that reaches further",
            )


def partition_spec_faults(cut: PartitionSpec) -> Iterator[PromiseFault]:
    """What can't be so in the partitions of a dataset."""
    if cut.calendar is None:
        return
    if cut.granularity is Granularity.MONTH and _is_month_rule(cut.calendar, cut):
        yield PromiseFault(
            ("calendar",),
            f"{cut.calendar!r} takes one day of each month, and a partition is a month",
            "leave calendar out: each month has a partition",
            is_broken=has_month_rule(cut.calendar, {}),  # a file may have changed without the contract
        )
    calendar = calendar_named(cut.calendar, (), cut.calendar_files)
    if cut.start and not calendar.first <= cut.start <= calendar.last:
        yield PromiseFault(
            ("start",),
            f"{cut.calendar} says nothing of {cut.start}: it knows {calendar.reach}",
            "let the partitions start later, or name a calendar that reaches so far",
        )


def _rule_faults(slo: FreshnessSlo) -> Iterator[PromiseFault]:
    """A month is owed once anyway: by its last session, or so many sessions after it."""
    if not _is_month_rule(slo.calendar, slo):
        return
    instead = "name a calendar of days, with covers: 5 for the fifth session after the month"
    rule = parse_calendar(slo.calendar)
    if isinstance(rule, OfMonth):
        base = slo.calendar.partition(" of ")[2].strip()
        base = base[1:-1] if base.startswith("(") else base
        count = {-1: 0}.get(rule.number, rule.number)
        day = f"the {ordinal(count)} session after each month" if count else "the last session of each month"
        instead = f"write calendar: {base} and covers: {count}, which is {day}" if count >= 0 else instead
    yield PromiseFault(
        ("calendar",),
        f"{slo.calendar!r} takes one session of each month, and a partition is a month: which month would be due is not said",
        instead,
        is_broken=has_month_rule(slo.calendar, {}),
    )


def _is_month_rule(text: str, promise: FreshnessSlo | PartitionSpec) -> bool:
    return has_month_rule(text, {file.name: file for file in promise.calendar_files})


def _session_faults(slo: FreshnessSlo) -> Iterator[PromiseFault]:
    """A calendar without sessions promises nothing; a rule that some months can't follow promises less than it seems."""
    calendar = calendar_of(slo)
    first, last = max(_FIRST_DAY, calendar.first), min(_LAST_DAY, calendar.last)
    if first > last:
        yield PromiseFault(
            ("calendar",),
            f"{slo.calendar} knows {calendar.reach}: since {_FIRST_DAY} nobody would know when something is due",
            "base a calendar file on it that says first and last, with the days that differ under removed and added",
        )
        return
    rule = parse_calendar(slo.calendar)
    if isinstance(rule, OfMonth):
        plain = calendar_named(slo.calendar, (), slo.calendar_files)
        for month in _months(first, last):
            if not plain.sessions(month, _next_month(month) - _DAY):
                which = f"{ordinal(abs(rule.number))}{' last' if rule.number < 0 else ''}"
                yield PromiseFault(
                    ("calendar",),
                    f"{month:%Y-%m} has no {which} session: in such a month nothing would be due",
                    "count fewer sessions",
                )
                return
    elif not any(calendar.is_session(first + day * _DAY) for day in range((last - first).days + 1)):
        yield PromiseFault(
            ("calendar",),
            f"{slo.calendar!r} has no session between {_FIRST_DAY} and {_LAST_DAY}: nothing would ever be due",
            "name calendars that have days in common",
        )


def _override_faults(slo: FreshnessSlo, cut: PartitionSpec | None) -> Iterator[PromiseFault]:
    plain = calendar_named(slo.calendar, (), slo.calendar_files)
    calendar = calendar_of(slo)
    seen: dict[tuple[date, bool], str] = {}
    for place, override in enumerate(slo.overrides):
        path = ("overrides", place, "on")
        day = f"{override.on} ({override.on:%A})"
        is_move = override.kind == "moved"
        if before := seen.get((override.on, is_move)):
            yield PromiseFault(
                path, f"{day} is already {before}: the first of the two counts", "remove one of them"
            )
            continue
        seen[override.on, is_move] = override.kind
        if not plain.first <= override.on <= plain.last:
            yield PromiseFault(
                path,
                f"{slo.calendar} says nothing of {override.on}: it knows {plain.reach}",
                "correct the date, or name a calendar that reaches so far",
            )
        elif override.kind == "added" and plain.is_session(override.on):
            yield PromiseFault(path, f"{day} is a session of {slo.calendar}: there is nothing to add",
                               "remove the override, or correct its date")  # fmt: skip
        elif override.kind != "added" and not (calendar if is_move else plain).is_session(override.on):
            yield PromiseFault(path, f"{day} is no session of {slo.calendar}: nothing is due that could be {override.kind}",
                               f"remove the override, or correct its date; {_neighbours(plain, override.on)}")  # fmt: skip
        elif is_move:
            yield from _move_faults(slo, cut, place, override)


def _move_faults(
    slo: FreshnessSlo, cut: PartitionSpec | None, place: int, override: Override
) -> Iterator[PromiseFault]:
    path = ("overrides", place, "due_on")
    if slo.due is None or override.due_on is None:
        yield PromiseFault(
            path, "a maximum age has no due time that could be moved", "remove the override", is_broken=True
        )
        return
    with suppress(CalendarRangeError):
        first = local_date(slo, earliest_at(slo, override.on, cut))
        usual = calendar_of(slo).add(override.on, slo.covers) if slo.covers else override.on
        if override.due_on < first:
            yield PromiseFault(
                path, f"what is due for {override.on} can't be there on {override.due_on}: it comes on {first} at the earliest",
                f"write a day from {first} on",
            )  # fmt: skip
        elif override.due_on == usual:
            yield PromiseFault(
                path, f"{override.on} is due on {usual} anyway", "remove the override, or correct due_on"
            )


def _clock_faults(slo: FreshnessSlo, due: time, cut: PartitionSpec | None) -> Iterator[PromiseFault]:
    """A due time that a change of clocks skips or repeats, on a day on which something really is due."""
    zone = zone_named(slo.timezone)
    for day in clock_changes(slo.timezone):
        local = datetime.combine(day, due)
        before, after = local.replace(tzinfo=zone).utcoffset(), local.replace(tzinfo=zone, fold=1).utcoffset()
        if before is None or after is None or before == after or not _is_due_day(slo, day, cut):
            continue
        what = "is skipped" if before < after else "happens twice"
        other = (local + timedelta(hours=1)).time()
        yield PromiseFault(
            ("due",),
            f"{due:%H:%M} {what} on {day} ({day:%A}) in {slo.timezone}, when the clocks change",
            f'write another time, such as due: "{other:%H:%M}", or a time zone that never changes its clocks, such as UTC',
        )
        return


def _is_due_day(slo: FreshnessSlo, day: date, cut: PartitionSpec | None) -> bool:
    if any(override.due_on == day for override in slo.overrides):
        return True
    calendar = calendar_of(slo)
    try:
        if not calendar.is_session(day):
            return False
        owed = calendar.add(day, -slo.covers) if slo.covers else day
        moved = any(override.on == owed and override.kind == "moved" for override in slo.overrides)
        return not moved and is_owed(owed, slo, cut)
    except CalendarRangeError:
        return False


@lru_cache(maxsize=256)
def clock_changes(timezone: str) -> Sequence[date]:
    """The days, of the years that are looked at, on which a time zone changes its clocks.

    >>> [day.isoformat() for day in clock_changes("America/New_York")[:2]]
    ['2024-03-10', '2024-11-03']
    """
    zone = zone_named(timezone)
    days = [_FIRST_DAY + number * _DAY for number in range((_LAST_DAY - _FIRST_DAY).days + 2)]
    offsets = [datetime.combine(day, time(0), tzinfo=zone).utcoffset() for day in days]
    return tuple(
        day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after
    )


def _neighbours(calendar: BusinessCalendar, day: date) -> str:
    try:
        return f"the sessions beside it are {calendar.previous_session(day)} and {calendar.next_session(day)}"
    except CalendarRangeError:
        return "there is none beside it"


def _months(first: date, last: date) -> Iterator[date]:
    month = first if first.day == 1 else _next_month(first)
    while _next_month(month) - _DAY <= last:
        yield month
        month = _next_month(month)


def _next_month(day: date) -> date:
    return (day.replace(day=28) + 4 * _DAY).replace(day=1)
