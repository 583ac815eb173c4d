"""Due times in the weeks in which New York changes its clocks, and over the holidays of Tokyo. Worked out by hand."""

from datetime import UTC, date, datetime, time

import pytest

from datahub_dagster.domain.contract import FreshnessSlo
from datahub_dagster.domain.due import calendar_of, due_at, due_times, held_date

# The Friday before a change, the Monday after it, and 17:00 of both in UTC: https://www.nist.gov/pml/time-and-frequency-division
NEW_YORK_WEEKS = [
    ("2024-03-08", "22:00", "2024-03-11", "21:00"),
    ("2024-11-01", "21:00", "2024-11-04", "22:00"),
    ("2025-03-07", "22:00", "2025-03-10", "21:00"),
    ("2025-10-31", "21:00", "2025-11-03", "22:00"),
    ("2026-03-06", "22:00", "2026-03-09", "21:00"),
    ("2026-10-30", "21:00", "2026-11-02", "22:00"),
    ("2027-03-12", "22:00", "2027-03-15", "21:00"),
    ("2027-11-05", "21:00", "2027-11-08", "22:00"),
]


@pytest.mark.parametrize(("friday", "friday_utc", "monday", "monday_utc"), NEW_YORK_WEEKS)
def test_a_due_time_moves_with_the_clocks_of_new_york(
    friday: str, friday_utc: str, monday: str, monday_utc: str
) -> None:
    promise = FreshnessSlo(due=time(17), timezone="America/New_York", calendar="XNYS")

    found = due_times(promise, date.fromisoformat(friday), date.fromisoformat(monday))

    assert [(day.isoformat(), f"{at:%Y-%m-%d %H:%M}") for day, at in found] == [
        (friday, f"{friday} {friday_utc}"),
        (monday, f"{monday} {monday_utc}"),
    ]


@pytest.mark.parametrize(
    ("day", "local", "utc"),
    [
        ("2026-03-07", time(2, 30), "07:30"),
        (
            "2026-03-08",
            time(2, 30),
            "07:30",
        ),  # there is no 02:30: the offset before the change makes it 03:30
        ("2026-03-09", time(2, 30), "06:30"),
        ("2026-11-01", time(1, 30), "05:30"),  # there are two: the first counts
        ("2026-11-02", time(1, 30), "06:30"),
    ],
)
def test_a_local_time_that_is_skipped_or_happens_twice_is_one_instant(
    day: str, local: time, utc: str
) -> None:
    promise = FreshnessSlo(due=local, timezone="America/New_York")

    found = due_at(promise, date.fromisoformat(day), calendar_of(promise))

    assert found == datetime.fromisoformat(f"{day}T{utc}").replace(tzinfo=UTC)


def test_what_is_due_before_and_after_a_change_of_clocks_is_due_once_a_day() -> None:
    promise = FreshnessSlo(due=time(1, 30), timezone="America/New_York")

    found = due_times(promise, date(2026, 10, 25), date(2026, 11, 8))

    assert len({at for _, at in found}) == len(found) == 15


@pytest.mark.parametrize(
    ("held", "due_on"),
    [
        ("2024-05-02", "2024-05-07"),
        ("2025-12-30", "2026-01-05"),
        ("2026-05-01", "2026-05-07"),
        ("2026-12-30", "2027-01-04"),
        ("2027-04-30", "2027-05-06"),
    ],
)
def test_the_session_after_a_holiday_brings_what_was_before_it(held: str, due_on: str) -> None:
    promise = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)

    found = due_at(promise, date.fromisoformat(held), calendar_of(promise))

    eight_in_tokyo = datetime.fromisoformat(f"{due_on}T08:00+09:00")
    assert found == eight_in_tokyo


@pytest.mark.parametrize(
    ("covers", "published_on", "holds"),
    [
        (1, "2026-10-08", "2026-10-07"),  # the day after the fifth bank day of October: for November's
        (1, "2026-11-04", "2026-10-07"),
        (1, "2026-11-09", "2026-10-07"),  # November's fifth bank day
        (0, "2026-11-04", "2026-10-07"),
        (0, "2026-11-09", "2026-11-09"),
    ],
)
def test_what_comes_before_the_fifth_bank_day_counts_for_it_with_covers_1_alone(
    covers: int, published_on: str, holds: str
) -> None:
    promise = FreshnessSlo(due=time(10), timezone="Asia/Tokyo", calendar="5th of JP", covers=covers)

    assert held_date(promise, datetime.fromisoformat(f"{published_on}T09:00+09:00")) == date.fromisoformat(
        holds
    )
    assert due_at(promise, date(2026, 10, 7), calendar_of(promise)).date() == date(
        2026, 10 + covers, 7 + 2 * covers
    )
