"""What a change of timeliness means: deadlines are compared as instants, ages as a whole, and both over the days that count."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.contract import CalendarFile, Contract, DbtFreshness, FreshnessSlo, Override
from datahub_dagster.domain.contract_changes import ChangeKind, contract_changes
from datahub_dagster.domain.due import calendar_of, due_at
from tests.builders import contract

B, A, E = ChangeKind.BREAKING, ChangeKind.ADDITIVE, ChangeKind.EDITORIAL
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
S = "SLO freshness"
MORNING = FreshnessSlo(due=time(9))
T_PLUS_1 = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)
BERLIN = FreshnessSlo(due=time(8), timezone="Europe/Berlin", covers=1)
AGE = FreshnessSlo(max_age=24 * HOUR)
WORKING_AGE = replace(AGE, calendar="weekdays")
FRIDAY = date(2026, 11, 20)
ONE_YEAR = CalendarFile(name="one", first=date(2031, 1, 1), last=date(2031, 12, 31), base="daily")
CLOSED = Override(on=FRIDAY, kind="removed", reason="closed")
OPEN = Override(on=FRIDAY + DAY, kind="added", reason="open")
MOVED = Override(on=FRIDAY, kind="moved", reason="slow", due_on=FRIDAY + 5 * DAY)

Told = list[tuple[ChangeKind, str, str]]


def told(old: Contract, new: Contract) -> Told:
    return [(change.kind, change.subject, change.text) for change in contract_changes(old, new)]


def promising(slo: FreshnessSlo) -> Contract:
    return contract(freshness_slos=(slo,))


DEADLINES: list[tuple[str, FreshnessSlo, dict[str, Any], Told]] = [
    ("an hour of it is grace now", MORNING, {"due": time(8), "grace": HOUR}, [(E, S, "due time written otherwise")]),
    ("more grace than it is earlier", MORNING, {"due": time(8), "grace": 2 * HOUR}, [(B, S, "due later")]),
    ("less grace than it is earlier", MORNING, {"due": time(7), "grace": HOUR}, [(A, S, "due earlier")]),
    ("the evening before", T_PLUS_1, {"due": time(20), "covers": 0}, [(A, S, "due earlier")]),
    ("the morning after", replace(T_PLUS_1, due=time(20), covers=0), {"due": time(8), "covers": 1}, [(B, S, "due later")]),
    (
        "the same instant, but where days are between",
        T_PLUS_1, {"due": time(20), "covers": 0, "grace": 12 * HOUR},
        [(A, S, "due earlier")],
    ),
    (
        "the same instant by the day, without a change of clocks",
        replace(BERLIN, timezone="UTC"), {"due": time(20), "covers": 0, "grace": 12 * HOUR},
        [(E, S, "due time written otherwise")],
    ),
    (
        "grace is hours, and one night of spring is short",
        BERLIN, {"due": time(20), "covers": 0, "grace": 12 * HOUR},
        [(B, S, "due time changed")],
    ),
    (
        "in spring, an hour that clocks leave out",
        FreshnessSlo(due=time(2, 30), timezone="Europe/Berlin"), {"due": time(3, 30)},
        [(B, S, "due later")],
    ),
    (
        "the same clock time on the other side of a day",
        FreshnessSlo(due=time(23)), {"due": time(8), "timezone": "Asia/Tokyo"},
        [(A, S, "due earlier")],
    ),
    (
        "the same instant, said of the session after",
        FreshnessSlo(due=time(23)), {"due": time(8), "timezone": "Asia/Tokyo", "covers": 1},
        [(E, S, "due time written otherwise")],
    ),
    (
        "over holidays, sessions are longer than days",
        replace(T_PLUS_1, covers=0), {"due": time(7), "covers": 2, "grace": HOUR},
        [(B, S, "due later")],
    ),
    ("only the sessions between", T_PLUS_1, {"covers": 2}, [(B, S, "data due older")]),
    ("fewer of them", T_PLUS_1, {"covers": 0}, [(A, S, "data due younger")]),
    ("only grace", T_PLUS_1, {"grace": HOUR}, [(B, S, "more grace")]),
    (
        "a zone that nobody knows, and more grace",
        MORNING, {"timezone": "Mars/Olympus", "grace": HOUR},
        [(B, S, "due time changed")],
    ),
    (
        "a calendar of another year than the ones that are looked at",
        replace(MORNING, calendar="one", calendar_files=(ONE_YEAR,)), {"due": time(8), "grace": HOUR / 2},
        [(A, S, "due earlier")],
    ),
    (
        "fewer days, and a day earlier",
        T_PLUS_1, {"calendar": "XTKS and XNYS", "covers": 0},
        [(B, S, "calendar has fewer days"), (A, S, "data due younger")],
    ),
    (
        "a day that is moved is told by itself",
        replace(T_PLUS_1, overrides=(MOVED,)), {"overrides": (), "due": time(7), "grace": HOUR},
        [(A, S, "a day due earlier"), (E, S, "due time written otherwise")],
    ),
    (
        "objective and window",
        replace(MORNING, objective=0.9, window=7 * DAY), {"objective": 0.99, "window": 90 * DAY},
        [(B, S, "window longer"), (A, S, "objective raised")],
    ),
    ("fewer days", MORNING, {"calendar": "weekdays"}, [(B, S, "calendar has fewer days")]),
    (
        "the holidays of a country that its exchange keeps",
        replace(MORNING, calendar="JP"), {"calendar": "XTKS"},
        [(E, S, "calendar written otherwise")],
    ),
    (
        "an age instead, with grace",
        MORNING, {"due": None, "max_age": HOUR, "grace": HOUR},
        [(B, S, "promises something else")],
    ),
]  # fmt: skip

AGES: list[tuple[str, FreshnessSlo, dict[str, Any], Told]] = [
    ("an hour of it is grace now", AGE, {"max_age": 23 * HOUR, "grace": HOUR}, [(E, S, "age written otherwise")]),
    ("more than before in all", AGE, {"max_age": 23 * HOUR, "grace": 2 * HOUR}, [(B, S, "may be older")]),
    ("less than before in all", AGE, {"max_age": 20 * HOUR, "grace": HOUR}, [(A, S, "must be younger")]),
    ("only grace", AGE, {"grace": HOUR}, [(B, S, "more grace")]),
    ("fewer days", AGE, {"calendar": "weekdays"}, [(B, S, "calendar has fewer days")]),
    ("more days", WORKING_AGE, {"calendar": "daily"}, [(A, S, "calendar has more days")]),
    ("a day that does not count", AGE, {"overrides": (CLOSED,)}, [(B, S, "a day taken out")]),
    ("a day that counts again", replace(AGE, overrides=(CLOSED,)), {"overrides": ()}, [(A, S, "a day added")]),
    ("a weekend's day that counts", WORKING_AGE, {"overrides": (OPEN,)}, [(A, S, "a day added")]),
    ("an age can't be moved to another day", AGE, {"overrides": (MOVED,)}, [(E, S, "a day explained otherwise")]),
    ("every day, of whatever zone", AGE, {"timezone": "Asia/Tokyo"}, [(E, S, "calendar written otherwise")]),
    ("other hours of working days", WORKING_AGE, {"timezone": "Asia/Tokyo"}, [(B, S, "calendar has other days")]),
    (
        "the same hours of working days",
        replace(WORKING_AGE, timezone="Asia/Seoul"), {"timezone": "Asia/Tokyo"},
        [(E, S, "calendar written otherwise")],
    ),
    (
        "other hours of the day that does not count",
        replace(AGE, overrides=(CLOSED,)), {"timezone": "Asia/Tokyo"},
        [(B, S, "calendar has other days")],
    ),
    ("a zone that nobody knows", WORKING_AGE, {"timezone": "Mars/Olympus"}, [(B, S, "calendar changed")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("slo", "now", "expected"),
    [case[1:] for case in (*DEADLINES, *AGES)],
    ids=[case[0] for case in (*DEADLINES, *AGES)],
)
def test_timeliness_is_compared_by_what_is_judged(
    slo: FreshnessSlo, now: dict[str, Any], expected: Told
) -> None:
    assert told(promising(slo), promising(replace(slo, **now))) == expected


def test_a_deadline_says_all_that_it_is_made_of() -> None:
    [change] = contract_changes(
        promising(T_PLUS_1), promising(replace(T_PLUS_1, due=time(20), covers=0, grace=HOUR))
    )
    assert (change.was, change.now) == ("08:00 Asia/Tokyo, 1 session later", "20:00 Asia/Tokyo, 1 h of grace")


def test_an_age_says_its_grace() -> None:
    [change] = contract_changes(promising(AGE), promising(replace(AGE, max_age=23 * HOUR, grace=2 * HOUR)))
    assert (change.was, change.now) == ("1 day", "23 h, 2 h of grace")


def test_a_warning_of_dbts_freshness_is_one_promise_more() -> None:
    old, new = (
        contract(dbt_freshness=DbtFreshness(error_after=DAY, warn_after=each)) for each in (None, HOUR)
    )
    assert told(old, new) == [(A, "freshness warn_after", "promise added")]


some_slos = st.builds(
    FreshnessSlo,
    due=st.sampled_from([time(0), time(8), time(20)]),
    timezone=st.sampled_from(["UTC", "Asia/Tokyo", "Europe/Berlin"]),
    calendar=st.just("XTKS"),
    covers=st.integers(0, 2),
    grace=st.sampled_from([timedelta(0), HOUR, 12 * HOUR]),
)


@given(some_slos, some_slos, st.dates(date(2026, 1, 5), date(2027, 12, 20)))
def test_no_deadline_comes_later_that_is_not_called_breaking(
    was: FreshnessSlo, now: FreshnessSlo, day: date
) -> None:
    def deadline(slo: FreshnessSlo) -> datetime:
        return due_at(slo, session, calendar_of(slo)) + slo.grace

    session = calendar_of(was).add(day, 0)
    kinds = {change.kind for change in contract_changes(promising(was), promising(now))}
    if deadline(now) > deadline(was):
        assert B in kinds
    elif B not in kinds and deadline(now) < deadline(was):
        assert A in kinds
