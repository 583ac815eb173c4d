"""The days of exchanges and countries, out of the library `holidays`; it is imported when the first of them is asked for (0.1 s).

The library answers for any year, also where holidays are announced year by year (China) or when the moon is seen (the Islamic calendars):
then it guesses. Which years it knows is read off its own data, so that a newer version of it knows more. Overrides and calendar files
are for days that turn out otherwise.
"""

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from holidays import HolidayBase

# Exchanges that keep the days of another, which is the one that `holidays` knows by its MIC (ISO 10383).
_SAME_DAYS: Final = {"XTKS": "XJPX", "XOSE": "XJPX", "ARCX": "XNYS", "XASE": "XNYS", "MTAA": "XMIL"}
_NO_MICS: Final = {"HKEX", "SEHK", "BYMA", "NYSE", "SZSE", "TWSE", "USNY", "USGS"}  # the library's nicknames
_IN_A_ROW: Final = 3
_FIRST_LOOKED_AT: Final = 2015  # how sure the days of former years are, nobody asks
_GUESS: Final = "(a guess)"


@lru_cache(maxsize=1)
def known_calendars() -> tuple[str, ...]:
    """Every name that a contract may write without a file: the arithmetic ones, then exchanges and countries, sorted."""
    from holidays.registry import COUNTRIES, FINANCIAL  # lazily: see the module

    exchanges = {code for names in FINANCIAL.values() for code in names[1:] if re.fullmatch("[A-Z]{4}", code)}
    countries = {code for names in COUNTRIES.values() for code in names[1:] if re.fullmatch("[A-Z]{2}", code)}
    return (
        "daily", "weekdays", *sorted((exchanges - _NO_MICS) | _SAME_DAYS.keys()), *sorted(countries)
    )  # fmt: skip


@lru_cache(maxsize=512)
def days_known(name: str) -> tuple[date, date]:
    """The first and the last day of which the library knows whether an exchange or a country works.

    The last lies before the first where every year is a guess.
    """
    source = _source(_SAME_DAYS.get(name, name), _is_exchange(name))
    last = min(source.end_year, _last_announced(source), _last_without_guess(source))
    return date(source.start_year, 1, 1), date(last, 12, 31)


@lru_cache(maxsize=512)
def last_day_guessed(name: str) -> date:
    """The last day of which the library says anything, be it a guess."""
    return date(_source(_SAME_DAYS.get(name, name), _is_exchange(name)).end_year, 12, 31)


def is_open(name: str, day: date) -> bool:
    """Whether an exchange has a session, or the banks of a country are open."""
    return day in _open_days(_SAME_DAYS.get(name, name), _is_exchange(name), day.year)


def _is_exchange(name: str) -> bool:
    return len(name) == 4


def _source(code: str, is_exchange: bool, year: int | None = None) -> "HolidayBase":
    import holidays

    if is_exchange:
        return holidays.financial_holidays(code, years=year, expand=False)
    kept = set(holidays.country_holidays(code).supported_categories) & {"public", "bank"}
    return holidays.country_holidays(code, years=year, expand=False, categories=tuple(sorted(kept)))


def _last_announced(source: "HolidayBase") -> int:
    """The newest year of which the library has what was announced for it; its end where nothing is announced yearly.

    Entries for single years, and those in a row up to the newest, mean that each year has some: the next will, too.
    """
    ends = [source.end_year]
    for category in source.categories:
        years = set(getattr(source, f"special_{category}_holidays", ()))
        newest = max(years, default=0)
        if years.issuperset(range(newest - _IN_A_ROW + 1, newest + 1)):
            ends.append(newest)
    return min(ends)


def _last_without_guess(source: Any) -> int:
    """The newest year, of so many in a row, in which no holiday is estimated; the library's end where none ever is.

    A single year without may be one in which they fall on Sundays.
    """
    if hasattr(source, "_islamic_calendar"):
        source._islamic_calendar_show_estimated = True  # Saudi Arabia's are not labelled otherwise
    source.estimated_label = source.observed_estimated_label = f"{_GUESS} %s"
    last, sure, guessed = source.start_year - 1, 0, 0
    for year in range(max(source.start_year, _FIRST_LOOKED_AT), source.end_year + 1):
        source.clear()
        source._populate(year)
        is_guess = any(_GUESS in text for text in source.values())
        sure, guessed = (0, guessed + 1) if is_guess else (sure + 1, 0)
        if sure >= _IN_A_ROW:
            last = year
        elif guessed >= _IN_A_ROW and last >= source.start_year:
            break
    return last


@lru_cache(maxsize=4096)
def _open_days(code: str, is_exchange: bool, year: int) -> frozenset[date]:
    """A year's sessions. Kept, so that a day costs a look-up and not the library's arithmetic."""
    closed = _source(code, is_exchange, year)
    first = date(year, 1, 1)
    days = (first + timedelta(days=number) for number in range((date(year, 12, 31) - first).days + 1))
    return frozenset(day for day in days if closed.is_working_day(day))
