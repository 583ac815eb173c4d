"""What a change of SLOs, delivery, licence, lifecycle and texts means for those who read."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.contract import (
    CalendarFile,
    Classification,
    Contract,
    DbtFreshness,
    DeliverySpec,
    FreshnessSlo,
    License,
    Lifecycle,
    Mode,
    Override,
    QualitySlo,
    Retention,
    Schedule,
    Support,
)
from datahub_dagster.domain.contract_changes import ChangeKind, contract_changes
from tests.builders import by_day, by_month, contract, name

B, A, E = ChangeKind.BREAKING, ChangeKind.ADDITIVE, ChangeKind.EDITORIAL
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FRIDAY = date(2026, 11, 20)
HOLIDAY = date(2026, 11, 23)
TOKYO = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS")
AGE = FreshnessSlo(max_age=26 * HOUR)
MINE = CalendarFile(name="mine", base="XTKS", overrides=(Override(on=HOLIDAY, kind="added", reason="x"),))
S = "SLO freshness"

Told = list[tuple[ChangeKind, str, str]]


def told(old: Contract, new: Contract) -> Told:
    return [(change.kind, change.subject, change.text) for change in contract_changes(old, new)]


def moved_to(day: date) -> Override:
    return Override(on=FRIDAY, kind="moved", reason="slow vendor", due_on=day)


REMOVED = Override(on=FRIDAY, kind="removed", reason="closed")
ADDED = Override(on=HOLIDAY, kind="added", reason="open")

SLOS: list[tuple[FreshnessSlo, dict[str, Any], Told]] = [
    (TOKYO, {"due": time(19)}, [(B, S, "due later")]),
    (TOKYO, {"due": time(18)}, [(A, S, "due earlier")]),
    (TOKYO, {"due": time(9, 30), "timezone": "UTC"}, [(E, S, "due time written otherwise")]),
    (TOKYO, {"timezone": "Asia/Seoul"}, [(E, S, "due time written otherwise")]),
    (TOKYO, {"timezone": "Europe/London"}, [(B, S, "due later")]),
    (TOKYO, {"due": time(9, 45), "timezone": "Europe/London"}, [(B, S, "due time changed")]),
    (TOKYO, {"timezone": "Mars/Olympus"}, [(B, S, "due time changed")]),
    (TOKYO, {"covers": 1}, [(B, S, "data due older")]),
    (replace(TOKYO, covers=1), {"covers": 0}, [(A, S, "data due younger")]),
    (TOKYO, {"calendar": "daily"}, [(A, S, "calendar has more days")]),
    (replace(TOKYO, calendar="weekdays"), {"calendar": "XTKS"}, [(B, S, "calendar has fewer days")]),
    (TOKYO, {"calendar": "XNYS"}, [(B, S, "calendar has other days")]),
    (TOKYO, {"calendar": "XTKS and weekdays"}, [(E, S, "calendar written otherwise")]),
    (TOKYO, {"calendar": "nobody knows"}, [(B, S, "calendar changed")]),
    (TOKYO, {"calendar": "mine", "calendar_files": (MINE,)}, [(A, S, "calendar has more days")]),
    (TOKYO, {"overrides": (REMOVED,)}, [(B, S, "a day taken out")]),
    (replace(TOKYO, overrides=(REMOVED,)), {"overrides": ()}, [(A, S, "a day added")]),
    (TOKYO, {"overrides": (ADDED,)}, [(A, S, "a day added")]),
    (TOKYO, {"overrides": (moved_to(date(2026, 11, 24)),)}, [(B, S, "a day due later")]),
    (
        replace(TOKYO, overrides=(moved_to(date(2026, 11, 25)),)),
        {"overrides": (moved_to(date(2026, 11, 24)),)},
        [(A, S, "a day due earlier")],
    ),
    (
        replace(TOKYO, overrides=(REMOVED,)),
        {"overrides": (replace(REMOVED, reason="a storm"),)},
        [(E, S, "a day explained otherwise")],
    ),
    (TOKYO, {"grace": HOUR}, [(B, S, "more grace")]),
    (replace(TOKYO, grace=HOUR), {"grace": HOUR / 2}, [(A, S, "less grace")]),
    (TOKYO, {"objective": 0.9}, [(B, S, "objective lowered")]),
    (TOKYO, {"objective": 0.999}, [(A, S, "objective raised")]),
    (TOKYO, {"window": 365 * DAY}, [(B, S, "window longer")]),
    (TOKYO, {"window": 30 * DAY}, [(A, S, "window shorter")]),
    (TOKYO, {"warn_before": HOUR}, [(E, S, "warning at another time")]),
    (TOKYO, {"name": "evening"}, [(E, "SLO evening", "name changed")]),
    (
        TOKYO,
        {"name": "evening", "grace": HOUR},
        [(B, S, "promise removed"), (A, "SLO evening", "promise added")],
    ),
    (TOKYO, {"due": None, "max_age": DAY}, [(B, S, "promises something else")]),
    (AGE, {"max_age": 30 * HOUR}, [(B, S, "may be older")]),
    (AGE, {"max_age": 20 * HOUR}, [(A, S, "must be younger")]),
]


@pytest.mark.parametrize(("slo", "now", "expected"), SLOS)
def test_each_change_of_an_slo_is_loosened_tightened_or_neither(
    slo: FreshnessSlo, now: dict[str, Any], expected: Told
) -> None:
    assert told(contract(freshness_slos=(slo,)), contract(freshness_slos=(replace(slo, **now),))) == expected


LICENSED = License(terms="internal use", redistribution=True)
DEPRECATED = {"lifecycle": Lifecycle.DEPRECATED, "sunset_date": FRIDAY}
MARKETS = Support(tool="slack", channel="#markets")

TERMS: list[tuple[dict[str, Any], dict[str, Any], Told]] = [
    ({}, {"freshness_slos": (TOKYO,)}, [(A, S, "promise added")]),
    ({"freshness_slos": (TOKYO,)}, {}, [(B, S, "promise removed")]),
    ({}, {"quality_slo": QualitySlo()}, [(A, "SLO quality", "promise added")]),
    ({"quality_slo": QualitySlo()}, {}, [(B, "SLO quality", "promise removed")]),
    (
        {"quality_slo": QualitySlo()},
        {"quality_slo": QualitySlo(objective=0.9)},
        [(B, "SLO quality", "objective lowered")],
    ),
    (
        {"dbt_freshness": DbtFreshness(error_after=DAY)},
        {"dbt_freshness": DbtFreshness(error_after=2 * DAY)},
        [(B, "freshness error_after", "may be older")],
    ),
    ({"dbt_freshness": DbtFreshness(warn_after=DAY)}, {}, [(B, "freshness warn_after", "promise removed")]),
    ({}, {"dbt_freshness": DbtFreshness(error_after=DAY)}, [(A, "freshness error_after", "promise added")]),
    ({}, {"delivery": by_day()}, [(B, "delivery", "mode changed")]),
    ({"delivery": by_day()}, {"delivery": by_day("date")}, [(B, "partitions", "cut by another column")]),
    (
        {"delivery": by_day("month", FRIDAY)},
        {"delivery": by_month(start=FRIDAY)},
        [(B, "partitions", "cut otherwise")],
    ),
    ({"delivery": by_day()}, {"delivery": by_day(start=FRIDAY)}, [(B, "partitions", "begin later")]),
    (
        {"delivery": by_day()},
        {"delivery": by_day(start=date(2020, 1, 1))},
        [(A, "partitions", "begin earlier")],
    ),
    ({"delivery": by_day(start=None)}, {"delivery": by_day()}, [(A, "partitions", "begin promised")]),
    (
        {"delivery": by_day()},
        {"delivery": by_day(calendar="XTKS")},
        [(B, "partitions", "calendar has fewer days")],
    ),
    (
        {"delivery": by_day(calendar="XTKS")},
        {"delivery": by_day()},
        [(A, "partitions", "calendar has more days")],
    ),
    (
        {"delivery": DeliverySpec(source="a")},
        {"delivery": DeliverySpec(source="a", schedule=Schedule(cron="0 6 * * *"))},
        [(E, "delivery", "fetched in another way")],
    ),
    ({"license": LICENSED}, {}, [(B, "licence", "licence removed")]),
    ({}, {"license": LICENSED}, [(A, "licence", "licence given")]),
    (
        {"license": LICENSED},
        {"license": replace(LICENSED, redistribution=False, terms="less")},
        [(B, "licence", "licence narrowed")],
    ),
    ({"license": License(terms="x")}, {"license": LICENSED}, [(A, "licence", "licence widened")]),
    ({"license": LICENSED}, {"license": replace(LICENSED, terms="less")}, [(B, "licence", "terms changed")]),
    (
        {"license": LICENSED},
        {"license": replace(LICENSED, url="https://x")},
        [(E, "licence", "address changed")],
    ),
    (
        {},
        {"classification": Classification.CONFIDENTIAL},
        [(B, "classification", "classification raised")],
    ),
    ({}, {"classification": Classification.PUBLIC}, [(A, "classification", "classification lowered")]),
    ({}, {"lifecycle": Lifecycle.STABLE}, [(A, "lifecycle", "lifecycle raised")]),
    ({"lifecycle": Lifecycle.STABLE}, {}, [(B, "lifecycle", "lifecycle lowered")]),
    ({}, DEPRECATED, [(A, "lifecycle", "deprecated"), (A, "sunset", "end announced")]),
    (DEPRECATED, {}, [(A, "lifecycle", "no longer deprecated"), (A, "sunset", "end withdrawn")]),
    (DEPRECATED, DEPRECATED | {"sunset_date": FRIDAY - DAY}, [(B, "sunset", "ends sooner")]),
    (DEPRECATED, DEPRECATED | {"sunset_date": FRIDAY + DAY}, [(A, "sunset", "ends later")]),
    ({}, {"successor": "a.b"}, [(E, "successor", "changed")]),
    ({}, {"retention": Retention(releases=3)}, [(B, "retention releases", "kept for less")]),
    ({}, {"retention": Retention(days=999)}, [(A, "retention days", "kept for longer")]),
    ({}, {"description": "Orders."}, [(E, "description", "changed")]),
    ({}, {"team": "sales"}, [(E, "team", "changed")]),
    ({}, {"owners": ("x@example.com",)}, [(E, "owners", "changed")]),
    ({}, {"support": (MARKETS,)}, [(E, "support", "changed")]),
    (
        {"support": (MARKETS,)},
        {"support": (replace(MARKETS, url="https://x"),)},
        [(E, "support", "reached in another way")],
    ),
    ({}, {"tags": ("listed",)}, [(E, "tags", "changed")]),
    ({"tags": ("a", "b")}, {"tags": ("b", "a")}, []),
    ({}, {"identifier": "orders_v2"}, [(B, "", "table renamed in the engine")]),
    ({}, {"name": name("payments.sales")}, [(B, "", "dataset renamed")]),
]


@pytest.mark.parametrize(("was", "now", "expected"), TERMS)
def test_each_change_of_terms_is_told_as_what_it_is(
    was: dict[str, Any], now: dict[str, Any], expected: Told
) -> None:
    assert told(contract(**was), contract(**now)) == expected


slos = st.builds(
    FreshnessSlo,
    name=st.sampled_from(["freshness", "morning"]),
    due=st.sampled_from([time(8), time(18, 30)]),
    timezone=st.sampled_from(["UTC", "Asia/Tokyo"]),
    calendar=st.sampled_from(["daily", "weekdays", "XTKS"]),
    covers=st.integers(0, 2),
    grace=st.sampled_from([timedelta(0), HOUR]),
    overrides=st.sampled_from([(), (REMOVED,), (ADDED,), (moved_to(FRIDAY + 4 * DAY),)]),
)
contracts = st.builds(
    contract,
    freshness_slos=st.lists(slos, max_size=2, unique_by=lambda slo: slo.name).map(tuple),
    quality_slo=st.sampled_from([None, QualitySlo(), QualitySlo(objective=0.5)]),
    delivery=st.sampled_from([DeliverySpec(), DeliverySpec(mode=Mode.PARTITION), by_day(), by_month()]),
    lifecycle=st.sampled_from(Lifecycle),
    classification=st.sampled_from(Classification),
    license=st.sampled_from([None, LICENSED]),
    retention=st.builds(Retention, days=st.sampled_from([1, 99])),
)


@given(contracts)
def test_a_contract_does_not_differ_from_itself(any_contract: Contract) -> None:
    assert contract_changes(any_contract, any_contract) == ()


@given(contracts, contracts)
def test_the_other_way_round_what_was_removed_is_added(one: Contract, other: Contract) -> None:
    there, back = contract_changes(one, other), contract_changes(other, one)
    assert sorted(each.subject for each in there if each.text == "promise removed") == sorted(
        each.subject for each in back if each.text == "promise added"
    )
    assert bool(there) == bool(back)
