"""What became of the deadlines of a freshness SLO, or of the age that it allows: compared as a whole, as it is judged.

A due time, its zone, the sessions between and grace make one deadline: what one of them gives, another may take.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from datahub_dagster.domain import words
from datahub_dagster.domain.calendars import CalendarRangeError
from datahub_dagster.domain.contract import FreshnessSlo
from datahub_dagster.domain.contract_change import ContractChange, additive, breaking, editorial, moved
from datahub_dagster.domain.deadlines import midnight
from datahub_dagster.domain.due import calendar_of, due_at

_LAST: Final = date(2027, 12, 31)  # the same verdict whenever it is asked
_LOOKED_AT: Final = timedelta(days=729)  # summers, winters, changes of clocks, and holidays
_UNREADABLE = (CalendarRangeError, ValueError, OverflowError)
_NONE: Final = timedelta(0)


def deadline_changes(subject: str, was: FreshnessSlo, now: FreshnessSlo) -> Iterator[ContractChange]:
    """By when a business date must be published at the latest. What overrides move is told elsewhere."""
    if (was.due, was.timezone) == (now.due, now.timezone):
        if was.covers == now.covers:
            yield from _grace_changes(subject, was, now)
            return
        if was.grace == now.grace:
            yield from moved(
                subject,
                was.covers,
                now.covers,
                worse=("data due older", now.covers > was.covers),
                better="data due younger",
            )
            return
    said = _said(was, now), _said(now, was)
    try:
        delays = _delays(replace(was, overrides=()), replace(now, overrides=()))
    except _UNREADABLE:
        delays = set[timedelta]()
    if delays == {_NONE}:
        yield editorial(subject, "due time written otherwise", *said)
    elif delays and max(delays) <= _NONE:
        yield additive(subject, "due earlier", *said)
    elif delays and min(delays) >= _NONE:
        yield breaking(subject, "due later", *said)
    else:
        yield breaking(subject, "due time changed", *said)


def age_changes(subject: str, was: FreshnessSlo, now: FreshnessSlo) -> Iterator[ContractChange]:
    """How old what is published may be, and which hours the days have on which that is judged."""
    older, newer = (slo.max_age or _NONE for slo in (was, now))
    limit, limit_now = older + was.grace, newer + now.grace
    said = _age_said(was, now), _age_said(now, was)
    if older == newer:
        yield from _grace_changes(subject, was, now)
    elif limit == limit_now:
        yield editorial(subject, "age written otherwise", *said)
    elif limit_now > limit:
        yield breaking(subject, "may be older", *said)
    else:
        yield additive(subject, "must be younger", *said)
    if was.timezone != now.timezone:
        yield _zone_change(subject, was, now)


def _grace_changes(subject: str, was: FreshnessSlo, now: FreshnessSlo) -> Iterator[ContractChange]:
    yield from moved(
        subject,
        was.grace,
        now.grace,
        worse=("more grace", now.grace > was.grace),
        better="less grace",
        say=words.duration,
    )


def _delays(was: FreshnessSlo, now: FreshnessSlo) -> set[timedelta]:
    """By how much each business date's deadline comes later, of those that both have."""
    older, newer = calendar_of(was), calendar_of(now)
    first = max(older.first, newer.first)
    last = min(older.last, newer.last, max(_LAST, first + _LOOKED_AT))
    delays: set[timedelta] = set()
    for day in older.sessions(max(first, last - _LOOKED_AT), last):
        if newer.is_session(day):
            with suppress(CalendarRangeError):  # so near its end that the sessions between are beyond
                delays.add(due_at(now, day, newer) + now.grace - due_at(was, day, older) - was.grace)
    return delays


def _zone_change(subject: str, was: FreshnessSlo, now: FreshnessSlo) -> ContractChange:
    """If every day counts, every hour does, wherever a day begins."""
    said = was.timezone, now.timezone
    days = (_LAST - timedelta(days=number) for number in range(_LOOKED_AT.days))
    try:
        is_same = all(midnight(was, day) == midnight(now, day) for day in days)
    except ValueError:
        return breaking(subject, "calendar changed", *said)
    if is_same or (_is_every_day(was) and _is_every_day(now)):
        return editorial(subject, "calendar written otherwise", *said)
    return breaking(subject, "calendar has other days", *said)


def _is_every_day(slo: FreshnessSlo) -> bool:
    return slo.calendar == "daily" and not any(override.kind == "removed" for override in slo.overrides)


def _said(slo: FreshnessSlo, other: FreshnessSlo) -> str:
    """A deadline as people read it, without the sessions between and the grace that another has as well."""
    later = (
        f", {words.plural(slo.covers, 'session')} later" if slo.covers and slo.covers != other.covers else ""
    )
    return f"{slo.due:%H:%M} {slo.timezone}{later}{_grace_said(slo, other)}"


def _age_said(slo: FreshnessSlo, other: FreshnessSlo) -> str:
    return f"{words.duration(slo.max_age or _NONE)}{_grace_said(slo, other)}"


def _grace_said(slo: FreshnessSlo, other: FreshnessSlo) -> str:
    return f", {words.duration(slo.grace)} of grace" if slo.grace and slo.grace != other.grace else ""
