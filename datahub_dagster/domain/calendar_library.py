"""The days of exchanges and countries, out of the library `holidays`; it is imported when the first of them is asked for (0.1 s).

What the library says of years to come is a forecast where a government announces its holidays year by year (China, India, the Islamic
calendars). Overrides and calendar files are for days that turn out otherwise.
"""

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

# Exchanges that keep the days of another, which is the one that `holidays` knows by its MIC (ISO 10383).
_SAME_DAYS: Final = {"XTKS": "XJPX", "XOSE": "XJPX", "ARCX": "XNYS", "XASE": "XNYS", "MTAA": "XMIL"}
_NO_MICS: Final = {"HKEX", "SEHK", "BYMA", "NYSE", "SZSE", "TWSE", "USNY", "USGS"}  # the library's nicknames


@lru_cache(maxsize=1)
def known_calendars() -> tuple[str, ...]:
    """Every name that a contract may write without a file: the arithmetic ones, then exchanges and countries, sorted."""
    from holidays.registry import COUNTRIES, FINANCIAL  # lazily: see the module

    exchanges = {code for names in FINANCIAL.values() for code in names[1:] if re.fullmatch("[A-Z]{4}", code)}
    countries = {code for names in COUNTRIES.values() for code in names[1:] if re.fullmatch("[A-Z]{2}", code)}
    return (
        "daily", "weekdays", *sorted((exchanges - _NO_MICS) | _SAME_DAYS.keys()), *sorted(countries)
    )  # fmt: skip


@lru_cache(maxsize=256)
def days_known(name: str) -> tuple[date, date]:
    """The first and the last day of which the library knows whether an exchange or a country works."""
    import holidays

    code = _SAME_DAYS.get(name, name)
    source = holidays.financial_holidays(code) if _is_exchange(name) else holidays.country_holidays(code)
    return date(source.start_year, 1, 1), date(source.end_year, 12, 31)


def is_open(name: str, day: date) -> bool:
    """Whether an exchange has a session, or the banks of a country are open."""
    return day in _open_days(_SAME_DAYS.get(name, name), _is_exchange(name), day.year)


def _is_exchange(name: str) -> bool:
    return len(name) == 4


@lru_cache(maxsize=4096)
def _open_days(code: str, is_exchange: bool, year: int) -> frozenset[date]:
    """A year's sessions. Kept, so that a day costs a look-up and not the library's arithmetic."""
    import holidays

    if is_exchange:
        closed = holidays.financial_holidays(code, years=year, expand=False)
    else:
        kept = set(holidays.country_holidays(code).supported_categories) & {"public", "bank"}
        closed = holidays.country_holidays(code, years=year, expand=False, categories=tuple(sorted(kept)))
    first = date(year, 1, 1)
    days = (first + timedelta(days=number) for number in range((date(year, 12, 31) - first).days + 1))
    return frozenset(day for day in days if closed.is_working_day(day))
