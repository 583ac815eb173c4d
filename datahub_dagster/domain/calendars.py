"""On which days a dataset is owed: business calendars, by name.

A day of a calendar is a *session*. `daily` and `weekdays` are arithmetic; countries and exchanges come from
the library `holidays`, which is imported when the first of them is asked for (it takes 0.1 s).

A half day is a session. What the library says of years to come is a forecast where a government announces its
holidays year by year (China, India, the Islamic calendars). Overrides are for days that turn out otherwise.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Final

from datahub_dagster.domain.contract import Override
from datahub_dagster.errors import RefusedError

_DAY: Final = timedelta(days=1)

# Exchanges that keep the days of another, which is the one that `holidays` knows by its MIC (ISO 10383).
_SAME_DAYS: Final = {"XTKS": "XJPX", "XOSE": "XJPX", "ARCX": "XNYS", "XASE": "XNYS", "MTAA": "XMIL"}


class CalendarRangeError(RefusedError):
    """A calendar was asked about a day of which it knows nothing. It never guesses."""


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The sessions of a market, a country or a plain week, with the overrides of a contract applied.

    Ask `calendar_named` for one. Days are dates without a time zone: the SLO says in which zone they begin.

    Args:
        name: As contracts write it.
        first: First day of which it knows anything; `last` likewise. An override is known wherever it lies.
        overrides: Days on which it is not what it seems. Only `added` and `removed` change sessions.
    """

    name: str
    first: date
    last: date
    overrides: tuple[Override, ...] = ()
    _opens: Callable[[date], bool] = field(default=lambda _: True, repr=False, compare=False)

    def is_session(self, day: date) -> bool:
        """Whether a release is owed for `day`.

        Raises:
            CalendarRangeError: The calendar does not reach that far; it says how to extend it.

        >>> calendar_named("XTKS").is_session(date(2026, 5, 4))
        False
        """
        for override in self.overrides:
            if override.on == day and override.kind in {"added", "removed"}:
                return override.kind == "added"
        if not self.first <= day <= self.last:
            raise self._beyond(day.isoformat())
        return self._opens(day)

    def next_session(self, day: date) -> date:
        """The first session after `day`, which need not be one itself. Raises `CalendarRangeError`."""
        return next(self.forward(day))

    def previous_session(self, day: date) -> date:
        """The last session before `day`, which need not be one itself. Raises `CalendarRangeError`."""
        return next(self.backward(day))

    def sessions(self, first: date, last: date) -> tuple[date, ...]:
        """All sessions from `first` to `last`, both included. Raises `CalendarRangeError`.

        >>> [day.day for day in calendar_named("XTKS").sessions(date(2026, 4, 30), date(2026, 5, 8))]
        [30, 1, 7, 8]
        """
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return tuple(day for day in days if self.is_session(day))

    def add(self, day: date, count: int) -> date:
        """The session `count` sessions after `day` (before it, if negative), which need not be one itself.

        With 0, `day` itself; if it is none, the last session before it: the one whose data are then the
        newest.

        Raises:
            CalendarRangeError: The way leads to days of which the calendar knows nothing.

        >>> calendar_named("XTKS").add(date(2026, 5, 1), 1)
        datetime.date(2026, 5, 7)
        """
        if count == 0:
            return day if self.is_session(day) else self.previous_session(day)
        walk = self.forward(day) if count > 0 else self.backward(day)
        return next(islice(walk, abs(count) - 1, None))

    def forward(self, day: date) -> Iterator[date]:
        """The sessions after `day`, in order. Ends only with `CalendarRangeError`."""
        return self._walk(day, _DAY)

    def backward(self, day: date) -> Iterator[date]:
        """The sessions before `day`, latest first. Ends only with `CalendarRangeError`."""
        return self._walk(day, -_DAY)

    def _walk(self, day: date, step: timedelta) -> Iterator[date]:
        while True:
            try:
                day += step
            except OverflowError as error:
                raise self._beyond("a day beyond the end of time") from error
            if self.is_session(day):
                yield day

    def _beyond(self, day: str) -> CalendarRangeError:
        return CalendarRangeError(
            f"the calendar says nothing of {day}",
            subject=self.name,
            found=f"it knows {self.first} to {self.last}",
            next_step="name each such day under slo.freshness.overrides, or change the calendar",
        )


@lru_cache(maxsize=1024)
def calendar_named(name: str, overrides: tuple[Override, ...] = ()) -> BusinessCalendar:
    """The calendar that a contract names.

    Args:
        name: `daily`, `weekdays` (Monday to Friday), an ISO 3166 country code for its banking days (`JP`), or
            an exchange's MIC (`XTKS`).
        overrides: Of two for one day the first counts. The `moved` ones change due times only: see `slo`.

    Raises:
        ValueError: There is no such calendar; the message names the nearest.
    """
    if name in {"daily", "weekdays"}:
        opens = _is_any_day if name == "daily" else _is_weekday
        return BusinessCalendar(name, date.min, date.max, overrides, opens)
    kind = "exchange" if len(name) == 4 else "country"
    code = _SAME_DAYS.get(name, name)
    if code not in known_calendars():
        raise ValueError(f"there is no calendar {name!r}{_nearest(name)}")
    first, last = _years_known(kind, code)
    return BusinessCalendar(
        name,
        date(first, 1, 1),
        date(last, 12, 31),
        tuple(overrides),
        lambda day: day in _open_days(kind, code, day.year),
    )


@lru_cache(maxsize=1)
def known_calendars() -> tuple[str, ...]:
    """Every name that `calendar_named` takes: the arithmetic ones, then exchanges and countries, sorted."""
    from holidays.registry import COUNTRIES, FINANCIAL  # lazily: see the module

    exchanges = {code for names in FINANCIAL.values() for code in names[1:] if re.fullmatch("[A-Z]{4}", code)}
    exchanges -= {
        "HKEX",
        "SEHK",
        "BYMA",
        "NYSE",
        "SZSE",
        "TWSE",
        "USNY",
        "USGS",
    }  # the library's nicknames, no MICs
    countries = {code for names in COUNTRIES.values() for code in names[1:] if re.fullmatch("[A-Z]{2}", code)}
    return ("daily", "weekdays", *sorted(exchanges | _SAME_DAYS.keys()), *sorted(countries))


def _nearest(name: str) -> str:
    known = {known.upper(): known for known in known_calendars()}
    close = get_close_matches(name.upper(), known, n=3, cutoff=0.6)
    nearest = f"; the nearest: {', '.join(known[key] for key in close)}" if close else ""
    return f"{nearest} (daily, weekdays, an ISO country code such as JP, or an exchange's MIC such as XTKS)"


def _is_any_day(_: date) -> bool:
    return True


def _is_weekday(day: date) -> bool:
    return day.weekday() < 5


@lru_cache(maxsize=256)
def _years_known(kind: str, code: str) -> tuple[int, int]:
    import holidays

    source = holidays.financial_holidays(code) if kind == "exchange" else holidays.country_holidays(code)
    return source.start_year, source.end_year


@lru_cache(maxsize=4096)
def _open_days(kind: str, code: str, year: int) -> frozenset[date]:
    """A year's sessions. Kept, so that a day costs a look-up and not the library's arithmetic."""
    import holidays

    if kind == "exchange":
        closed = holidays.financial_holidays(code, years=year, expand=False)
    else:
        kept = set(holidays.country_holidays(code).supported_categories) & {"public", "bank"}
        closed = holidays.country_holidays(code, years=year, expand=False, categories=tuple(sorted(kept)))
    first = date(year, 1, 1)
    days = (first + timedelta(days=number) for number in range((date(year, 12, 31) - first).days + 1))
    return frozenset(day for day in days if closed.is_working_day(day))
