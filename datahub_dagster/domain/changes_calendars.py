"""Whether a calendar has fewer days than another, and what became of single days."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from datahub_dagster.domain.calendars import BusinessCalendar, CalendarRangeError, calendar_named
from datahub_dagster.domain.contract import CalendarFile, FreshnessSlo, Override
from datahub_dagster.domain.contract_change import ContractChange, additive, breaking, editorial
from datahub_dagster.domain.due import calendar_of

_FIRST, _LAST = date(2024, 1, 1), date(2031, 12, 31)  # two leap years: the same verdict whenever it is asked
_AT_LEAST: Final = timedelta(days=1100)  # where calendars know other years
_UNREADABLE = (CalendarRangeError, ValueError, OverflowError)

NamedCalendar = tuple[str, tuple[CalendarFile, ...]]
"""A calendar's text, and the files that it needs."""


def calendar_changes(subject: str, was: NamedCalendar, now: NamedCalendar) -> Iterator[ContractChange]:
    """What became of the days of a calendar, over eight years, and the days that its files name."""
    if was == now:
        return
    try:
        named = {override.on for file in (*was[1], *now[1]) for override in file.overrides}
        older, newer = calendar_named(was[0], (), was[1]), calendar_named(now[0], (), now[1])
        gone, come = _days_apart(older, newer, named)
    except _UNREADABLE:
        yield breaking(subject, "calendar changed", was[0], now[0])
        return
    if gone:
        yield breaking(
            subject, "calendar has other days" if come else "calendar has fewer days", was[0], now[0]
        )
    elif come:
        yield additive(subject, "calendar has more days", was[0], now[0])
    elif was[0] != now[0]:
        yield editorial(subject, "calendar written otherwise", was[0], now[0])


def override_changes(subject: str, was: FreshnessSlo, now: FreshnessSlo) -> Iterator[ContractChange]:
    """What became of the single days that an SLO names, all else as it was before."""
    before, after = _by_day(was), _by_day(now)
    then = replace(was, overrides=now.overrides, calendar_files=now.calendar_files)
    for day in sorted(before.keys() | after.keys()):
        older, newer = before.get(day), after.get(day)
        if older == newer:
            continue
        try:
            due, due_now = _due_on(was, older, day), _due_on(then, newer, day)
        except _UNREADABLE:
            yield breaking(subject, "a day changed", _said(older), _said(newer))
            continue
        if due == due_now:
            yield editorial(subject, "a day explained otherwise", _said(older), _said(newer))
        elif due_now is None or (due is not None and due_now > due):
            text = "a day taken out" if due_now is None else "a day due later"
            yield breaking(subject, text, _said(older), _said(newer))
        else:
            text = "a day added" if due is None else "a day due earlier"
            yield additive(subject, text, _said(older), _said(newer))


def _days_apart(was: BusinessCalendar, now: BusinessCalendar, named: Collection[date]) -> tuple[bool, bool]:
    """Whether some days of the older calendar are gone, and whether others came."""
    last = min(was.last, now.last, max(was.first + _AT_LEAST, now.first + _AT_LEAST, _LAST))
    first = max(was.first, now.first, min(_FIRST, last - _AT_LEAST))
    days = {*was.sessions(first, last), *now.sessions(first, last), *named}
    apart = [(was.is_session(day), now.is_session(day)) for day in days]
    return (True, False) in apart, (False, True) in apart


def _due_on(slo: FreshnessSlo, override: Override | None, day: date) -> date | None:
    """The day on which a business date is due, or on which an age counts; None = it is not owed."""
    if slo.due is not None and override is not None and override.kind == "moved":
        return override.due_on
    calendar = calendar_of(slo)
    return calendar.add(day, slo.covers) if calendar.is_session(day) else None


def _by_day(slo: FreshnessSlo) -> dict[date, Override]:
    """Of two for one day the first counts."""
    return {override.on: override for override in reversed(slo.overrides)}


def _said(override: Override | None) -> str | None:
    if override is None:
        return None
    moved = f" to {override.due_on}" if override.due_on else ""
    return f"{override.on} {override.kind}{moved}: {override.reason}"
