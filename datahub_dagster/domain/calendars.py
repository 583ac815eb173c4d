"""On which days a dataset is owed: business calendars, by the text that a contract writes (see `calendar_text`).

A day of a calendar is a *session*; a half day is one. `daily` and `weekdays` are arithmetic, countries and exchanges come from
`calendar_library`, everything else from the hub's own calendar files. Where a calendar knows nothing it raises, and never guesses.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from itertools import islice
from typing import Final

from datahub_dagster.domain.calendar_library import days_known, is_open, known_calendars, last_day_guessed
from datahub_dagster.domain.calendar_text import Both, Either, Expression, Named, OfMonth, parse_calendar
from datahub_dagster.domain.contract import CalendarFile, Override
from datahub_dagster.errors import RefusedError

_DAY: Final = timedelta(days=1)


class CalendarRangeError(RefusedError):
    """A calendar was asked about a day of which it knows nothing. It never guesses."""


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The sessions of a market, a country or a plain week, with the overrides of a contract applied.

    Ask `calendar_named` for one. Days are dates without a time zone: the SLO says in which zone they begin.

    Args:
        name: As contracts write it.
        first: First day of which it knows anything; `last` likewise. Of a combination: of which all its parts do.
        is_yearly: Whether it ends where it does because its days are announced year by year: nobody can extend it long before.
        overrides: Days on which it is not what it seems. Only `added` and `removed` change sessions; they are known wherever they lie.
    """

    name: str
    first: date
    last: date
    overrides: tuple[Override, ...] = ()
    is_yearly: bool = False
    _opens: Callable[[date], bool] = field(default=lambda _: True, repr=False, compare=False)
    _changes: Mapping[date, bool] = field(default_factory=dict[date, bool], repr=False, compare=False)
    _parts: tuple["BusinessCalendar", ...] = field(default=(), repr=False, compare=False)
    _way_out: str = field(default="", repr=False, compare=False)

    @property
    def reach(self) -> str:
        """The days of which it knows something, in words."""
        return f"{self.first} to {self.last}" if self.first <= self.last else "no day for certain"

    def is_session(self, day: date) -> bool:
        """Whether a release is owed for `day`.

        Raises:
            CalendarRangeError: The calendar does not reach that far; it says how to extend it.

        >>> calendar_named("XTKS").is_session(date(2026, 5, 4))
        False
        """
        changed = self._changes.get(day)
        if changed is not None:
            return changed
        if not self.first <= day <= self.last:
            raise self._beyond(day)
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

    def with_overrides(self, name: str, overrides: Sequence[Override]) -> "BusinessCalendar":
        """The same calendar under another name, with overrides on top. Of two for one day the first counts."""
        changes = {**self._changes, **_changes(overrides)}
        return replace(self, name=name, overrides=tuple(overrides), _changes=changes)

    def _walk(self, day: date, step: timedelta) -> Iterator[date]:
        while True:
            try:
                day += step
            except OverflowError as error:
                raise self._beyond(None) from error
            if self.is_session(day):
                yield day

    def _beyond(self, day: date | None) -> CalendarRangeError:
        """The error about a day of which nothing is known; None = one beyond the end of time. It names the part that ends first."""
        for part in self._parts:
            if day is not None and not part.first <= day <= part.last:
                return part._beyond(day)
        return CalendarRangeError(
            f"the calendar says nothing of {day or 'a day beyond the end of time'}",
            subject=self.name,
            found=f"it knows {self.reach}",
            next_step=self._way_out or "change the calendar",
        )


@lru_cache(maxsize=4096)
def calendar_named(
    text: str, overrides: tuple[Override, ...] = (), files: tuple[CalendarFile, ...] = ()
) -> BusinessCalendar:
    """The calendar that a contract names.

    Args:
        text: A name or a combination of names; see `calendar_text`.
        overrides: Of two for one day the first counts. The `moved` ones change due times only: see `slo`.
        files: The calendar files of the hub that `text` mentions, and those that they are based on.

    Raises:
        ValueError: The text can't be read, or there is no calendar of such a name; the message names the nearest.

    >>> fifth_bank_day = calendar_named("5th of JP")
    >>> [day.isoformat() for day in fifth_bank_day.sessions(date(2026, 4, 1), date(2026, 6, 30))]
    ['2026-04-07', '2026-05-12', '2026-06-05']
    """
    found = _Builder({file.name: file for file in files}).calendar(parse_calendar(text))
    return found.with_overrides(text, overrides)


def base_of(file: CalendarFile, files: Mapping[str, CalendarFile]) -> BusinessCalendar | None:
    """The calendar that a file starts from; None = no day at all.

    Up to the `last` of the file an exchange or a country answers also where its library only guesses: who writes `last` has looked.
    """
    return _Builder(files).calendar(parse_calendar(file.base), (file.name,), file.last) if file.base else None


class _Builder:
    """Makes calendars without overrides. Each file once: files that name one another twice would else take for ever."""

    def __init__(self, files: Mapping[str, CalendarFile]) -> None:
        self._files = files
        self._made: dict[tuple[str, date | None], BusinessCalendar] = {}

    def calendar(
        self, expression: Expression, around: tuple[str, ...] = (), until: date | None = None
    ) -> BusinessCalendar:
        """The calendar of a text that stands inside the files `around`, one of which says that it reaches `until`."""
        match expression:
            case Named(name):
                return self._named(name, around, until)
            case OfMonth(number, base):
                return _of_month(number, self.calendar(base, around, until))
            case Both(parts):
                both = tuple(self.calendar(part, around, until) for part in parts)
                return _combined(both, lambda day: all(calendar.is_session(day) for calendar in both))
            case Either(parts):
                either = tuple(self.calendar(part, around, until) for part in parts)
                return _combined(either, lambda day: any(calendar.is_session(day) for calendar in either))

    def _named(self, name: str, around: tuple[str, ...], until: date | None) -> BusinessCalendar:
        if name in around:
            raise ValueError(f"the calendar {name!r} is based on itself: {' -> '.join([*around, name])}")
        if (name, until) not in self._made:
            file = self._files.get(name)
            self._made[name, until] = (
                _of_library(name, self._files, until) if file is None else self._of_file(file, around, until)
            )
        return self._made[name, until]

    def _of_file(self, file: CalendarFile, around: tuple[str, ...], until: date | None) -> BusinessCalendar:
        place = f" in {file.origin.path}" if file.origin else ""
        changes = _changes(file.overrides)
        if file.base is None:
            assert file.first, "a calendar without a base says which days it knows"
            assert file.last
            way_out = f"name further days{place}, and raise its last"
            return BusinessCalendar(
                file.name, file.first, file.last, (), False, lambda _: False, changes, _way_out=way_out
            )
        base = self.calendar(parse_calendar(file.base), (*around, file.name), file.last or until)
        first, last = max(file.first or base.first, base.first), min(file.last or base.last, base.last)
        way_out = f"say more of its days{place}: lower first or raise last"
        opens = lru_cache(maxsize=4096)(base.is_session)
        is_yearly = base.is_yearly and last == base.last
        return BusinessCalendar(file.name, first, last, (), is_yearly, opens, changes, (base,), way_out)


def _combined(parts: tuple[BusinessCalendar, ...], opens: Callable[[date], bool]) -> BusinessCalendar:
    first, last = max(part.first for part in parts), min(part.last for part in parts)
    is_yearly = any(part.is_yearly and part.last == last for part in parts)
    return BusinessCalendar("", first, last, (), is_yearly, opens, _parts=parts)


def _of_month(number: int, base: BusinessCalendar) -> BusinessCalendar:
    """One session of each month that the base knows whole."""

    @cache
    def chosen(year: int, month: int) -> date | None:
        first = date(year, month, 1)
        sessions = base.sessions(first, _month_end(first))
        place = number - 1 if number > 0 else number
        return sessions[place] if -len(sessions) <= place < len(sessions) else None

    first, last = base.first, base.last
    if first.day > 1:
        first = _month_end(first) + _DAY
    if last != _month_end(last):
        last = last.replace(day=1) - _DAY
    way_out = "name a calendar that knows the whole month"
    return BusinessCalendar(
        "",
        first,
        last,
        (),
        base.is_yearly,
        lambda day: chosen(day.year, day.month) == day,
        _parts=(base,),
        _way_out=way_out,
    )


def _of_library(name: str, files: Mapping[str, CalendarFile], until: date | None) -> BusinessCalendar:
    if name in {"daily", "weekdays"}:
        return BusinessCalendar(
            name, date.min, date.max, (), False, _is_any_day if name == "daily" else _is_weekday
        )
    if name not in known_calendars():
        raise ValueError(f"there is no calendar {name!r}{_nearest(name, files)}")
    first, last = days_known(name)
    way_out = f"write a calendar file that names the days of {name} beyond, and use it instead"
    is_yearly, end = False, last_day_guessed(name)
    if last < end:
        way_out = (
            "the holidays of years to come are not announced, or the library `holidays` does not know them yet: update it, or write "
            f"a calendar file with base: {name}, a later last and the days that differ under removed and added, and name that"
        )
        is_yearly, last = until is None, max(last, min(until or last, end))
    return BusinessCalendar(
        name, first, last, (), is_yearly, lambda day: is_open(name, day), _way_out=way_out
    )


def _changes(overrides: Sequence[Override]) -> Mapping[date, bool]:
    """The days that overrides make sessions, or not; of two for one day the first counts."""
    return {day.on: day.kind == "added" for day in reversed(overrides) if day.kind != "moved"}


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _nearest(name: str, files: Mapping[str, CalendarFile]) -> str:
    known = {known.upper(): known for known in (*files, *known_calendars())}
    close = get_close_matches(name.upper(), known, n=3, cutoff=0.6)
    nearest = f"; the nearest: {', '.join(known[key] for key in close)}" if close else ""
    return (
        f"{nearest} (daily, weekdays, an ISO country code such as JP, an exchange's MIC such as XTKS, "
        "or the name of a file in calendars/)"
    )


def _is_any_day(_: date) -> bool:
    return True


def _is_weekday(day: date) -> bool:
    return day.weekday() < 5
