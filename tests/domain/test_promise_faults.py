"""What can't be so in a promise, as calendars and clocks have it: each with the keys that lead there and a way out."""

from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Any

import pytest

from datahub_dagster.domain.calendar_faults import file_faults
from datahub_dagster.domain.contract import CalendarFile, FreshnessSlo, Granularity, Override, PartitionSpec
from datahub_dagster.domain.promise_faults import (
    PromiseFault,
    clock_changes,
    partition_spec_faults,
    slo_faults,
)

DAYS = PartitionSpec(column="day", start=date(2024, 1, 4))
MONTHS = PartitionSpec(column="month", granularity=Granularity.MONTH)


def slo(due: str = "18:30", calendar: str = "XTKS", **more: Any) -> FreshnessSlo:
    values: dict[str, Any] = {"timezone": "Asia/Tokyo"} | more
    return FreshnessSlo(due=time.fromisoformat(due), calendar=calendar, **values)


def change(kind: str, on: str, due_on: str | None = None) -> Override:
    moved_to = date.fromisoformat(due_on) if due_on else None
    return Override(on=date.fromisoformat(on), kind=kind, reason="test", due_on=moved_to)


def told(faults: Iterable[PromiseFault]) -> list[tuple[tuple[str | int, ...], str]]:
    return [(fault.path, f"{fault.message} | {fault.next_step}") for fault in faults]


def test_a_plain_promise_has_no_fault() -> None:
    overrides = (
        change("removed", "2026-11-24"),
        change("added", "2026-11-21"),
        change("moved", "2026-05-01", "2026-05-08"),
    )

    assert told(slo_faults(slo(overrides=overrides, covers=1), DAYS)) == []
    assert told(slo_faults(slo(calendar="5th of JP"), None)) == []
    assert told(slo_faults(FreshnessSlo(max_age=timedelta(days=2)), MONTHS)) == []
    assert (
        told(partition_spec_faults(PartitionSpec(column="day", start=date(2024, 1, 4), calendar="XTKS")))
        == []
    )


@pytest.mark.parametrize(
    ("override", "key", "says"),
    [
        (change("removed", "2026-05-04"), "on", "2026-05-04 (Monday) is no session of XTKS: nothing is due that could be removed"),
        (change("removed", "2026-05-04"), "on", "the sessions beside it are 2026-05-01 and 2026-05-07"),
        (change("moved", "2026-05-04", "2026-05-08"), "on", "nothing is due that could be moved"),
        (change("added", "2026-05-01"), "on", "2026-05-01 (Friday) is a session of XTKS: there is nothing to add"),
        (change("removed", "2100-01-04"), "on", "XTKS says nothing of 2100-01-04: it knows 1949-01-01 to 2099-12-31"),
        (change("moved", "2026-05-01", "2026-05-01"), "due_on", "2026-05-01 is due on 2026-05-01 anyway"),
    ],
)  # fmt: skip
def test_an_override_that_changes_nothing_is_told(override: Override, key: str, says: str) -> None:
    (fault,) = slo_faults(slo(overrides=(override,)), DAYS)

    assert fault.path == ("overrides", 0, key)
    assert says in f"{fault.message} | {fault.next_step}"
    assert not fault.is_broken


def test_a_day_that_is_added_may_also_be_moved_and_a_day_that_stands_twice_is_told() -> None:
    both = (change("added", "2026-05-04"), change("moved", "2026-05-04", "2026-05-08"))
    assert told(slo_faults(slo(overrides=both), DAYS)) == []

    twice = (change("removed", "2026-05-01"), change("removed", "2026-05-01"))
    ((path, text),) = told(slo_faults(slo(overrides=twice), DAYS))
    assert path == ("overrides", 1, "on")
    assert "is already removed" in text


def test_what_is_moved_can_not_be_due_before_it_can_be_there() -> None:
    early = slo(covers=2, overrides=(change("moved", "2026-05-01", "2026-05-02"),))

    # Of a dataset without partitions the releases of a day count for the session that lies `covers` before it.
    ((path, text),) = told(slo_faults(early, None))
    assert path == ("overrides", 0, "due_on")
    assert "it comes on 2026-05-08 at the earliest" in text
    assert told(slo_faults(early, DAYS)) == []


def test_a_maximum_age_has_nothing_to_move() -> None:
    aged = FreshnessSlo(max_age=timedelta(days=2), overrides=(change("moved", "2026-05-01", "2026-05-02"),))

    (fault,) = slo_faults(aged, None)

    assert fault.is_broken
    assert "a maximum age has no due time" in fault.message


# Clocks


def test_the_clock_changes_of_fixed_years_are_looked_at() -> None:
    changes = clock_changes("America/New_York")

    assert len(changes) == 28
    assert all(day.weekday() == 6 for day in changes)
    assert (date(2026, 3, 8) in changes, date(2026, 11, 1) in changes) == (True, True)
    assert clock_changes("Asia/Tokyo") == ()


@pytest.mark.parametrize(
    ("due", "zone", "says"),
    [
        ("02:30", "America/New_York", '02:30 is skipped on 2024-03-10 (Sunday) in America/New_York'),
        ("01:30", "America/New_York", '01:30 happens twice on 2024-11-03 (Sunday)'),
        ("01:30", "Europe/London", '01:30 is skipped on 2024-03-31 (Sunday)'),
        ("02:15", "Australia/Lord_Howe", '02:15 is skipped on 2024-10-06 (Sunday)'),
        ("00:30", "Africa/Cairo", '00:30 is skipped on 2024-04-26 (Friday)'),
    ],
)  # fmt: skip
def test_a_due_time_that_a_day_does_not_have_or_has_twice_is_told(due: str, zone: str, says: str) -> None:
    ((path, text),) = told(slo_faults(slo(due, "daily", timezone=zone), None))

    assert path == ("due",)
    assert says in text
    assert "write another time, such as due:" in text
    assert "such as UTC" in text


@pytest.mark.parametrize(
    "promise",
    [
        slo("02:30", "XNYS", timezone="America/New_York"),  # clocks change on Sundays
        slo("02:30", "weekdays", timezone="America/New_York", covers=1),
        slo("03:00", "daily", timezone="America/New_York"),
        slo("02:30", "daily", timezone="Asia/Tokyo"),
    ],
)
def test_a_due_time_is_fine_where_nothing_is_due_when_the_clocks_change(promise: FreshnessSlo) -> None:
    assert told(slo_faults(promise, None)) == []


def test_a_due_day_that_is_moved_to_the_change_of_clocks_is_told() -> None:
    moved = slo(
        "02:30", "XNYS", timezone="America/New_York", overrides=(change("moved", "2026-03-06", "2026-03-08"),)
    )

    ((path, text),) = told(slo_faults(moved, None))

    assert path == ("due",)
    assert "skipped on 2026-03-08" in text


# Months


@pytest.mark.parametrize(
    ("calendar", "says"),
    [
        ("5th of JP", "write calendar: JP and covers: 5, which is the 5th session after each month"),
        ("last of XTKS", "write calendar: XTKS and covers: 0, which is the last session of each month"),
        ("first of (XTKS and JP)", "write calendar: XTKS and JP and covers: 1"),
        ("2nd last of XTKS", "name a calendar of days, with covers: 5"),
        ("(5th of JP) or (last of JP)", "name a calendar of days"),
    ],
)
def test_a_partition_of_a_month_takes_no_rule_of_a_month(calendar: str, says: str) -> None:
    (fault,) = slo_faults(slo(calendar=calendar), MONTHS)

    assert fault.path == ("calendar",)
    assert fault.is_broken
    assert says in fault.next_step


def test_a_rule_in_a_file_is_found_too_and_makes_no_contract_unusable_that_did_not_change() -> None:
    monthly = CalendarFile(name="monthly", base="5th of JP")

    faults = list(slo_faults(slo(calendar="monthly", calendar_files=(monthly,)), MONTHS))

    assert [fault.is_broken for fault in faults] == [False]


@pytest.mark.parametrize(
    ("calendar", "says"),
    [
        ("21st of JP", "2024-01 has no 21st session"),
        ("20th last of XTKS", "2024-01 has no 20th last session"),
        ("MA", "MA knows no day for certain: since 2024-01-01 nobody would know when something is due"),
        ("XSAU and (5th of daily) and (6th of daily)", "has no session between 2024-01-01 and 2037-12-31"),
    ],
)
def test_a_calendar_that_promises_nothing_is_told(calendar: str, says: str) -> None:
    ((path, text),) = told(slo_faults(slo(calendar=calendar), None))

    assert path == ("calendar",)
    assert says in text


# Ranges


def test_partitions_begin_within_what_the_calendar_knows() -> None:
    known = CalendarFile(name="known", base="XTKS", first=date(2024, 1, 1), last=date(2026, 12, 31))
    early = PartitionSpec(column="day", start=date(2020, 1, 6), calendar="known", calendar_files=(known,))
    late = PartitionSpec(column="day", start=date(2027, 1, 4))

    ((path, text),) = told(partition_spec_faults(early))
    assert path == ("start",)
    assert "known says nothing of 2020-01-06: it knows 2024-01-01 to 2026-12-31" in text
    ((path, text),) = told(slo_faults(slo(calendar="known", calendar_files=(known,)), late))
    assert path == ("calendar",)
    assert "known ends on 2026-12-31, before the first partition, 2027-01-04" in text


def test_a_file_is_compared_with_its_base() -> None:
    wrong = CalendarFile(
        name="wrong",
        base="XTKS",
        first=date(1900, 1, 1),
        last=date(2026, 12, 31),
        overrides=(
            change("added", "2026-11-20"), change("added", "2026-11-21"),
            change("removed", "2026-11-22"), change("removed", "2027-01-05"),
        ),
    )  # fmt: skip

    found = dict(told(file_faults(wrong, {"wrong": wrong})))

    assert list(found) == [("first",), ("added", 0, "on"), ("removed", 0, "on"), ("removed", 1, "on")]
    assert "XTKS knows 1949-01-01 to 2099-12-31" in found["first",]
    assert "2026-11-20 (Friday) already is a session of XTKS" in found["added", 0, "on"]
    assert "2026-11-22 (Sunday) is no session of XTKS" in found["removed", 0, "on"]
    assert "2027-01-05 lies outside" in found["removed", 1, "on"]
