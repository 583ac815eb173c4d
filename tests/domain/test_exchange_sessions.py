"""Four years of exchange sessions against another library, and golden tables of Tokyo.

The other one is `exchange_calendars`, which has its own lists. The tables were counted from what the Japan Exchange Group publishes:
https://www.jpx.co.jp/english/corporate/about-jpx/calendar/
"""

import warnings
from calendar import monthrange
from collections.abc import Callable
from datetime import date

import pytest

from datahub_dagster.domain.calendars import calendar_named

FIRST, LAST = date(2024, 1, 1), date(2027, 12, 31)
SESSIONS_A_MONTH = {
    2024: [19, 19, 20, 21, 21, 20, 22, 21, 19, 22, 20, 21],
    2025: [19, 18, 20, 21, 20, 21, 22, 20, 20, 22, 18, 22],
    2026: [19, 18, 21, 21, 18, 22, 22, 20, 19, 21, 19, 22],
    2027: [19, 18, 22, 21, 18, 22, 21, 21, 20, 20, 20, 22],
}
# Of each year the sessions from 25 April to 10 May, and those from 26 December to 8 January.
GOLDEN_WEEK = {
    2024: "04-25 04-26 04-30 05-01 05-02 05-07 05-08 05-09 05-10",
    2025: "04-25 04-28 04-30 05-01 05-02 05-07 05-08 05-09",
    2026: "04-27 04-28 04-30 05-01 05-07 05-08",
    2027: "04-26 04-27 04-28 04-30 05-06 05-07 05-10",
}
YEAR_END = {
    2024: "12-26 12-27 12-30 01-06 01-07 01-08",
    2025: "12-26 12-29 12-30 01-05 01-06 01-07 01-08",
    2026: "12-28 12-29 12-30 01-04 01-05 01-06 01-07 01-08",
    2027: "12-27 12-28 12-29 12-30 01-04 01-05 01-06 01-07",
}
FIFTH_BANK_DAY_2026 = "01-09 02-06 03-06 04-07 05-12 06-05 07-07 08-07 09-07 10-07 11-09 12-07"
LAST_SESSION_2026 = "01-30 02-27 03-31 04-30 05-29 06-30 07-31 08-31 09-30 10-30 11-30 12-30"
NEW_YORK_HALF_DAYS = (
    "2024-07-03 2024-11-29 2024-12-24 2025-07-03 2025-11-28 2025-12-24 2026-11-27 2026-12-24 2027-11-26"
)

Elsewhere = Callable[[str, date], set[date]]


def shown(name: str, first: date, last: date) -> str:
    return " ".join(f"{day:%m-%d}" for day in calendar_named(name).sessions(first, last))


@pytest.fixture(scope="module")
def elsewhere() -> Elsewhere:
    """The sessions of an exchange by `exchange_calendars`, which takes half a second to import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what pandas is about to change
        import exchange_calendars

    def sessions(name: str, last: date) -> set[date]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = exchange_calendars.get_calendar(name, start=FIRST.isoformat(), end=last.isoformat())
        return {day.date() for day in found.sessions}

    return sessions


@pytest.mark.parametrize("name", ["XTKS", "XNYS"])
def test_the_sessions_are_those_that_another_library_knows(name: str, elsewhere: Elsewhere) -> None:
    ours = set(calendar_named(name).sessions(FIRST, LAST))

    assert len(ours) > 960
    assert ours == elsewhere(name, LAST)


@pytest.mark.parametrize("name", ["XSHG", "XSES"])
def test_what_is_announced_year_by_year_is_as_another_library_knows_it(
    name: str, elsewhere: Elsewhere
) -> None:
    last = min(calendar_named(name).last, date(2026, 12, 31))  # as far as the other one has it

    assert set(calendar_named(name).sessions(FIRST, last)) == elsewhere(name, last)


@pytest.mark.parametrize("year", SESSIONS_A_MONTH)
def test_tokyo_has_so_many_sessions_a_month(year: int) -> None:
    months = [(date(year, month, 1), date(year, month, monthrange(year, month)[1])) for month in range(1, 13)]

    assert [len(calendar_named("XTKS").sessions(*month)) for month in months] == SESSIONS_A_MONTH[year]


@pytest.mark.parametrize("name", ["XTKS", "JP"])
@pytest.mark.parametrize("year", GOLDEN_WEEK)
def test_golden_week_and_the_turn_of_the_year_are_left_out(year: int, name: str) -> None:
    assert shown(name, date(year, 4, 25), date(year, 5, 10)) == GOLDEN_WEEK[year]
    assert shown(name, date(year, 12, 26), date(year + 1, 1, 8)) == YEAR_END[year]


@pytest.mark.parametrize("day", NEW_YORK_HALF_DAYS.split())
def test_a_half_day_of_new_york_is_a_session(day: str) -> None:
    assert calendar_named("XNYS").is_session(date.fromisoformat(day))


def test_the_fifth_bank_day_and_the_last_session_of_each_month() -> None:
    year = date(2026, 1, 1), date(2026, 12, 31)

    assert shown("5th of JP", *year) == FIFTH_BANK_DAY_2026
    assert shown("last of XTKS", *year) == LAST_SESSION_2026
