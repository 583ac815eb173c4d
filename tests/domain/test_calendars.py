"""Calendars against closures copied by hand from what exchanges and banks publish, and against themselves."""

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.calendar_faults import file_faults
from datahub_dagster.domain.calendars import CalendarRangeError, calendar_named, known_calendars
from datahub_dagster.domain.contract import CalendarFile, Origin, Override
from datahub_dagster.errors import RefusedError

# https://www.jpx.co.jp/english/corporate/about-jpx/calendar/ : closures that are not a Saturday or Sunday.
TOKYO_CLOSED = """
    2025-01-01 2025-01-02 2025-01-03 2025-01-13 2025-02-11 2025-02-24 2025-03-20 2025-04-29
    2025-05-05 2025-05-06 2025-07-21 2025-08-11 2025-09-15 2025-09-23 2025-10-13 2025-11-03
    2025-11-24 2025-12-31 2026-01-01 2026-01-02 2026-01-12 2026-02-11 2026-02-23 2026-03-20
    2026-04-29 2026-05-04 2026-05-05 2026-05-06 2026-07-20 2026-08-11 2026-09-21 2026-09-22
    2026-09-23 2026-10-12 2026-11-03 2026-11-23 2026-12-31 2027-01-01 2027-01-11 2027-02-11
    2027-02-23 2027-03-22 2027-04-29 2027-05-03 2027-05-04 2027-05-05 2027-07-19 2027-08-11
    2027-09-20 2027-09-23 2027-10-11 2027-11-03 2027-11-23 2027-12-31
"""
# https://www.nyse.com/markets/hours-calendars
NEW_YORK_CLOSED_2026 = """
    2026-01-01 2026-01-19 2026-02-16 2026-04-03 2026-05-25 2026-06-19 2026-07-03 2026-09-07
    2026-11-26 2026-12-25
"""

days = st.dates(date(2021, 1, 1), date(2040, 12, 31))
names = st.sampled_from(
    [
        "daily",
        "weekdays",
        "JP",
        "XTKS",
        "XNYS",
        "IL",
        "XTKS and XNYS",
        "XTKS or IL",
        "5th of JP",
        "last of XTKS",
    ]
)
pairs = st.tuples(
    st.sampled_from(["XTKS", "XNYS", "JP", "weekdays"]), st.sampled_from(["IL", "US", "daily", "XTKS"])
)


def off(day: str, reason: str = "migration") -> Override:
    return Override(on=date.fromisoformat(day), kind="removed", reason=reason)


def on(day: str) -> Override:
    return Override(on=date.fromisoformat(day), kind="added", reason="extra session")


SETTLEMENT = CalendarFile(
    name="settlement",
    base="XTKS and JP",
    first=date(2024, 1, 1),
    last=date(2027, 12, 31),
    overrides=(off("2026-11-24"), on("2026-11-21")),
    origin=Origin("calendars/settlement.yml", 1),
)


def weekdays_closed(name: str, first: date, last: date) -> set[date]:
    calendar, weekdays = calendar_named(name), calendar_named("weekdays")
    return set(weekdays.sessions(first, last)) - set(calendar.sessions(first, last))


def dates(text: str) -> set[date]:
    return {date.fromisoformat(word) for word in text.split()}


def test_tokyo_is_closed_on_the_days_that_the_exchange_announced() -> None:
    assert weekdays_closed("XTKS", date(2025, 1, 1), date(2027, 12, 31)) == dates(TOKYO_CLOSED)


def test_new_york_is_closed_on_the_days_that_the_exchange_announced() -> None:
    assert weekdays_closed("XNYS", date(2026, 1, 1), date(2026, 12, 31)) == dates(NEW_YORK_CLOSED_2026)


def test_a_half_day_is_a_session() -> None:
    assert calendar_named("XNYS").is_session(date(2026, 11, 27))


def test_no_exchange_day_is_a_saturday_or_sunday_in_tokyo() -> None:
    assert all(
        day.weekday() < 5 for day in calendar_named("XTKS").sessions(date(2025, 1, 1), date(2027, 12, 31))
    )


def test_japanese_banks_close_at_the_end_of_the_year_beyond_public_holidays() -> None:
    banks = calendar_named("JP")

    assert [banks.is_session(date(2026, 12, 30)), banks.is_session(date(2026, 12, 31))] == [True, False]
    assert not banks.is_session(date(2025, 1, 2))


def test_a_week_that_ends_on_thursday_is_known() -> None:
    riyadh = calendar_named("XSAU")

    assert riyadh.is_session(date(2025, 6, 15))  # a Sunday
    assert not riyadh.is_session(date(2025, 6, 20))  # a Friday


def test_daily_and_weekdays_need_no_library() -> None:
    code = """
import sys
from datetime import date
from datahub_dagster.domain.calendars import calendar_named
calendar_named("daily").is_session(date(2026, 1, 1))
calendar_named("weekdays").next_session(date(2026, 1, 1))
sys.exit("holidays" in sys.modules)
"""

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("XTKY", "XTKS"),
        ("weekday", "weekdays"),
        ("Daily", "daily"),
        ("jp", "JP"),
        ("xnys", "XNYS"),
        ("XKBS", "XTKS"),
    ],
)
def test_an_unknown_calendar_names_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"no calendar '{wrong}'; the nearest: .*{nearest}"):
        calendar_named(wrong)


@pytest.mark.parametrize("wrong", ["", "../JP", "TSE", "NYSE", "JPN", "x" * 500, "日本"])
def test_what_is_no_calendar_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="there is no calendar"):
        calendar_named(wrong)


def test_every_exchange_has_sessions_in_a_year_that_it_knows() -> None:
    for name in known_calendars():
        if len(name) != 2:  # 250 countries take seconds
            known = calendar_named(name)
            year = min(known.last.year, 2026)
            assert len(known.sessions(date(year, 1, 1), date(year, 12, 31))) > 230


@pytest.mark.parametrize("day", [date(1900, 1, 4), date(2100, 1, 4), date.max])
def test_a_day_that_the_library_does_not_know_is_refused_with_a_way_out(day: date) -> None:
    with pytest.raises(CalendarRangeError) as caught:
        calendar_named("XTKS").is_session(day)

    assert isinstance(caught.value, RefusedError)
    assert "it knows 1949-01-01 to 2099-12-31" in str(caught.value)
    assert "write a calendar file" in str(caught.value)


@pytest.mark.parametrize("name", ["XSHG", "XSHE", "CN", "XBOM", "XNSE", "IN", "XSES", "SG", "XSAU", "AE"])
def test_where_holidays_are_announced_year_by_year_no_year_is_guessed(name: str) -> None:
    known = calendar_named(name)

    assert date(2025, 12, 31) <= known.last < date(2030, 1, 1)
    with pytest.raises(
        CalendarRangeError, match=f"update it, or write a calendar file with base: {name}, a later last"
    ):
        known.is_session(date(2030, 1, 2))
    assert known.is_yearly
    assert calendar_named(f"last of ({name} and JP)").is_yearly


@pytest.mark.parametrize(
    "name", ["JP", "XTKS", "XNYS", "US", "GB", "XLON", "DE", "FR", "XPAR", "CH", "XHKG", "XASX"]
)
def test_where_holidays_follow_from_the_law_years_far_ahead_are_known(name: str) -> None:
    assert calendar_named(name).last >= date(2099, 12, 31)
    assert not calendar_named(f"XSHG or {name}").last > calendar_named("XSHG").last


def test_where_every_year_is_a_guess_none_is_known_for_certain() -> None:
    with pytest.raises(CalendarRangeError) as caught:
        calendar_named("MA").next_session(date(2026, 1, 1))

    assert caught.value.found == "it knows no day for certain"
    looked = CalendarFile(name="looked", base="MA", first=date(2026, 1, 1), last=date(2026, 12, 31))
    assert calendar_named("looked", files=(looked,)).is_session(date(2026, 1, 2))


def test_a_walk_never_silently_leaves_the_range() -> None:
    tokyo = calendar_named("XTKS")

    with pytest.raises(CalendarRangeError):
        tokyo.next_session(date(2099, 12, 31))
    with pytest.raises(CalendarRangeError):
        calendar_named("daily").add(date.max, 1)


def test_overrides_extend_the_range_day_by_day() -> None:
    extended = calendar_named(
        "XTKS",
        (
            Override(on=date(2100, 1, 1), kind="removed", reason="new year"),
            Override(on=date(2100, 1, 2), kind="removed", reason="Saturday"),
            Override(on=date(2100, 1, 3), kind="removed", reason="Sunday"),
            Override(on=date(2100, 1, 4), kind="added", reason="first session"),
        ),
    )

    assert extended.next_session(date(2099, 12, 31)) == date(2100, 1, 4)


def test_overrides_add_and_remove_sessions_and_a_moved_due_time_leaves_them() -> None:
    tokyo = calendar_named(
        "XTKS",
        (
            Override(on=date(2026, 11, 21), kind="added", reason="test session on a Saturday"),
            Override(on=date(2026, 11, 24), kind="removed", reason="system migration"),
            Override(on=date(2026, 11, 25), kind="moved", reason="slow vendor", due_on=date(2026, 11, 27)),
        ),
    )

    assert tokyo.sessions(date(2026, 11, 20), date(2026, 11, 26)) == (
        date(2026, 11, 20),
        date(2026, 11, 21),
        date(2026, 11, 25),
        date(2026, 11, 26),
    )
    assert calendar_named("XTKS").is_session(date(2026, 11, 24))


def test_the_same_name_is_the_same_calendar() -> None:
    assert calendar_named("XTKS") is calendar_named("XTKS")
    assert hash(calendar_named("XTKS")) == hash(calendar_named("XTKS"))


@given(names, days)
def test_next_and_previous_session_are_neighbours(name: str, day: date) -> None:
    calendar = calendar_named(name)
    after, before = calendar.next_session(day), calendar.previous_session(day)

    assert before < day < after
    between = calendar.sessions(before + timedelta(days=1), after - timedelta(days=1))
    assert between == ((day,) if calendar.is_session(day) else ())


@given(names, days, st.integers(1, 40))
def test_adding_is_undone_by_subtracting(name: str, day: date, count: int) -> None:
    calendar = calendar_named(name)
    start = calendar.add(day, 0)

    assert start <= day
    assert calendar.add(calendar.add(start, count), -count) == start
    assert len(calendar.sessions(start, calendar.add(start, count))) == count + 1


# Combinations


@given(pairs, days)
def test_and_is_a_session_of_both_and_or_of_either(pair: tuple[str, str], day: date) -> None:
    one, other = (calendar_named(name).is_session(day) for name in pair)

    assert calendar_named(" and ".join(pair)).is_session(day) == (one and other)
    assert calendar_named(" or ".join(pair)).is_session(day) == (one or other)


@given(st.sampled_from(["XTKS", "JP", "XTKS and XNYS", "daily"]), st.integers(1, 15), days)
def test_a_rule_takes_one_session_of_each_month_counted_from_either_end(
    name: str, number: int, day: date
) -> None:
    first, last = (
        day.replace(day=1),
        (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1),
    )
    sessions = calendar_named(name).sessions(first, last)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number if number < 4 else 0, "th")

    forward = calendar_named(f"{number}{ending} of ({name})").sessions(first, last)
    backward = calendar_named(f"{number}{ending} last of ({name})").sessions(first, last)

    assert forward == sessions[number - 1 : number]
    assert backward == sessions[-number:][:1]


def test_the_days_of_a_combination_are_those_that_all_its_parts_know() -> None:
    both = calendar_named("XTKS and settlement", files=(SETTLEMENT,))

    assert (both.first, both.last) == (date(2024, 1, 1), date(2027, 12, 31))


def test_a_rule_needs_whole_months() -> None:
    cut = CalendarFile(name="cut", base="XTKS", first=date(2026, 1, 15), last=date(2026, 3, 30))

    last_session = calendar_named("last of cut", files=(cut,))

    assert (last_session.first, last_session.last) == (date(2026, 2, 1), date(2026, 2, 28))
    with pytest.raises(CalendarRangeError, match="says nothing of 2026-03-30"):
        last_session.is_session(date(2026, 3, 30))


# Files of the hub


def test_a_file_differs_from_its_base_on_the_days_that_it_names() -> None:
    settlement, tokyo = calendar_named("settlement", files=(SETTLEMENT,)), calendar_named("XTKS")

    year = date(2026, 1, 1), date(2026, 12, 31)
    assert set(settlement.sessions(*year)) ^ set(tokyo.sessions(*year)) == {
        date(2026, 11, 21),
        date(2026, 11, 24),
    }


def test_a_file_without_a_base_has_the_sessions_that_it_lists() -> None:
    auctions = CalendarFile(
        name="auctions",
        first=date(2026, 1, 1),
        last=date(2026, 12, 31),
        overrides=(on("2026-03-04"), on("2026-09-02")),
    )

    found = calendar_named("auctions", files=(auctions,)).sessions(date(2026, 1, 1), date(2026, 12, 31))

    assert found == (date(2026, 3, 4), date(2026, 9, 2))


def test_a_contract_may_override_what_a_file_says() -> None:
    mended = calendar_named("settlement", (on("2026-11-24"),), (SETTLEMENT,))

    assert mended.is_session(date(2026, 11, 24))
    assert not calendar_named("settlement", (), (SETTLEMENT,)).is_session(date(2026, 11, 24))


def test_a_file_that_ends_is_named_with_the_way_to_extend_it() -> None:
    with pytest.raises(CalendarRangeError) as caught:
        calendar_named("last of (JP and settlement)", files=(SETTLEMENT,)).next_session(date(2027, 12, 30))

    assert caught.value.subject == "settlement"
    assert caught.value.found == "it knows 2024-01-01 to 2027-12-31"
    assert (
        caught.value.next_step
        == "say more of its days in calendars/settlement.yml: lower first or raise last"
    )


def test_a_file_that_says_how_far_it_reaches_extends_a_calendar_that_is_announced_year_by_year() -> None:
    end = calendar_named("XSHG").last
    coming = date(end.year + 1, 12, 31)
    holiday = next(day for day in calendar_named("weekdays").forward(date(end.year + 1, 2, 1)))
    announced = CalendarFile(
        name="announced", base="XSHG and JP", last=coming, overrides=(off(str(holiday)),)
    )
    plain = CalendarFile(name="plain", base="announced")
    as_before = CalendarFile(name="as_before", base="XSHG")
    files = (announced, plain, as_before)

    for name in ("announced", "plain"):
        found = calendar_named(name, files=files)
        assert (found.last, found.is_yearly) == (coming, False)
        assert not found.is_session(holiday)
        assert len(found.sessions(end, coming)) > 200
        with pytest.raises(CalendarRangeError):
            found.is_session(coming + timedelta(days=1))
    assert (calendar_named("as_before", files=files).last, calendar_named("XSHG").last) == (end, end)
    assert list(file_faults(announced, {file.name: file for file in files})) == []


def test_files_that_name_one_another_twice_are_made_and_asked_once_each() -> None:
    count = 60
    files = tuple(
        CalendarFile(name=f"f{number}", base=f"f{number - 1} or (JP and f{number - 1})" if number else "XSHG")
        for number in range(count)
    )

    found = calendar_named(f"f{count - 1}", files=files)

    assert found.sessions(date(2025, 1, 1), date(2025, 1, 31)) == calendar_named("XSHG").sessions(
        date(2025, 1, 1), date(2025, 1, 31)
    )


def test_files_that_are_based_on_each_other_are_refused() -> None:
    one = CalendarFile(name="one", base="other and JP")
    other = CalendarFile(name="other", base="one")

    with pytest.raises(ValueError, match="'one' is based on itself: one -> other -> one"):
        calendar_named("one", files=(one, other))


def test_an_unknown_name_in_a_combination_names_the_nearest_and_files_are_among_them() -> None:
    with pytest.raises(ValueError, match="no calendar 'setlement'; the nearest: settlement"):
        calendar_named("XTKS and setlement", files=(SETTLEMENT,))


def test_contracts_that_were_read_apart_share_the_calendar_of_an_equal_file() -> None:
    # 10,000 datasets are asked each minute: the days of a file are looked through once.
    twin = replace(SETTLEMENT, description="the same, read by another contract")

    assert calendar_named("settlement", (), (SETTLEMENT,)) is calendar_named("settlement", (), (twin,))
    changed = replace(SETTLEMENT, overrides=SETTLEMENT.overrides[:1])
    assert not calendar_named("settlement", (), (changed,)).is_session(date(2026, 11, 21))
