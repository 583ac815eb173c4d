"""When the monitor looks, what it hands out, and what it calls alive."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.contract import Lifecycle, QualitySlo
from datahub_dagster.domain.monitor import (
    LOOK_EVERY,
    MOST_NOTED,
    DatasetMemory,
    Heartbeat,
    MonitorMemory,
    SloMemory,
    Waiting,
    health,
    next_look,
    next_number,
    still_waiting,
    to_report,
)
from datahub_dagster.domain.monitor_alerts import deprecation_level, is_burning
from datahub_dagster.domain.monitor_memory import heartbeat as heartbeat_of
from datahub_dagster.domain.monitor_memory import to_look_at, watch
from datahub_dagster.domain.slo_report import Budget
from datahub_dagster.domain.verdict import Verdict
from tests.builders import NOW, book, contract

MINUTE = timedelta(minutes=1)
ALL_WELL = {"freshness": SloMemory()}


def waiting(dataset: str, verdict: Verdict = Verdict.MET, **more: int) -> Waiting:
    return Waiting(
        dataset=dataset, slo="freshness", business_date="2026-11-20", verdict=verdict, at=NOW, **more
    )


def heartbeat(slos: dict[str, tuple[str, ...]], at: datetime = NOW) -> Heartbeat:
    return Heartbeat(scope="all", number=1, at=at, seconds=1.0, looked=1, slos=slos)


def test_it_looks_again_at_the_next_deadline_or_within_the_hour() -> None:
    assert (
        next_look("a.b", ALL_WELL, [NOW + 5 * MINUTE, NOW + 9 * MINUTE, NOW - MINUTE], NOW)
        == NOW + 5 * MINUTE
    )
    assert LOOK_EVERY / 2 <= next_look("a.b", ALL_WELL, [], NOW) - NOW <= LOOK_EVERY


def test_a_deadline_at_this_very_instant_is_looked_at_in_the_next_tick() -> None:
    assert next_look("a.b", ALL_WELL, [NOW], NOW) == NOW


def test_ten_thousand_datasets_are_not_all_looked_at_in_the_same_minute() -> None:
    looks = [next_look(f"s.t{number}", ALL_WELL, [], NOW) for number in range(10_000)]
    in_minute = [int((look - NOW) / MINUTE) for look in looks]
    assert max(map(in_minute.count, set(in_minute))) < 500


@pytest.mark.parametrize(
    ("slo", "again"),
    [
        (SloMemory(missing=(("2026-11-20", NOW - MINUTE),)), timedelta(0)),
        (SloMemory(missing=(("2026-11-18", NOW - timedelta(days=2)),)), timedelta(minutes=10)),
        (SloMemory(at_risk="2026-11-20"), timedelta(0)),
    ],
)
def test_what_is_missing_or_at_risk_is_watched(slo: SloMemory, again: timedelta) -> None:
    assert next_look("a.b", {"freshness": slo}, [], NOW) - NOW == again


def test_what_is_missed_is_handed_out_before_what_is_met() -> None:
    found = still_waiting([waiting("a.met")], [waiting("b.missed", Verdict.MISSED)], 0)
    assert [each.dataset for each in found] == ["b.missed", "a.met"]


def test_only_what_the_confirmed_tick_handed_out_is_dealt_with() -> None:
    before = [waiting("a.b", handed=7), waiting("a.c", handed=8), waiting("a.d")]
    assert [each.dataset for each in still_waiting(before, [], 7)] == ["a.c", "a.d"]
    assert still_waiting(before, [], None) == ()


def test_what_is_found_later_takes_the_place_of_what_was_handed_out() -> None:
    found = still_waiting([waiting("a.b", Verdict.MISSED, handed=7)], [waiting("a.b", Verdict.LATE)], 7)
    assert found == (waiting("a.b", Verdict.LATE),)


def test_reports_are_made_for_what_waits_and_then_for_old_figures_but_not_for_all() -> None:
    def known(reported_at: datetime | None) -> DatasetMemory:
        return DatasetMemory(team="t", promised="", looked_at=NOW, next_at=NOW, reported_at=reported_at)

    memory = {"a.new": known(NOW), "a.old": known(NOW - timedelta(days=1)), "a.never": known(None)}
    assert to_report([waiting("a.new")], memory, 9, NOW) == ("a.new", "a.old", "a.never")
    assert to_report([waiting("a.new")], memory, 2, NOW) == ("a.new", "a.old")


@given(st.lists(st.timedeltas(-timedelta(days=9999), timedelta(days=9999)), min_size=2, max_size=9))
def test_the_number_of_a_tick_only_grows_whatever_the_clock_does(leaps: list[timedelta]) -> None:
    last = 0
    for leap in leaps:
        number = next_number(last, NOW + leap)
        assert number > last
        last = number


def test_an_slo_that_no_living_monitor_looks_at_is_named() -> None:
    promised = {"a.b": ("freshness", "quality"), "a.c": ("freshness",)}
    alive = heartbeat({"a.b": ("freshness",)})
    dead = heartbeat({"a.c": ("freshness",)}, NOW - timedelta(hours=1))
    from_the_future = heartbeat({"a.c": ("freshness",)}, NOW + timedelta(hours=1))
    found = health(promised, [alive, dead, from_the_future], NOW, timedelta(minutes=5))
    assert found.silent == {"a.b": ("quality",), "a.c": ("freshness",)}
    assert (found.slos, found.is_fine) == (3, False)


@pytest.mark.parametrize(
    ("burn_rate", "left", "missed", "burns"),
    [
        (2.0, 0.49, 2, True),
        (9.0, -1.0, 5, True),
        (1.9, 0.1, 5, False),
        (9.0, 0.5, 5, False),
        (9.0, -1.0, 1, False),
        (None, None, 0, False),
    ],
)
def test_a_budget_burns_if_it_goes_fast_and_half_is_gone_by_more_than_one_miss(
    burn_rate: float | None, left: float | None, missed: int, burns: bool
) -> None:
    window = timedelta(days=90)
    budget = Budget(
        objective=0.9,
        window=window,
        since=NOW - window,
        until=NOW,
        missed=9,
        spent_lately=missed,
        burn_rate=burn_rate,
        left=left,
    )
    assert is_burning(budget) is burns


@pytest.mark.parametrize(("days", "level"), [(31, 1), (30, 2), (8, 2), (7, 3), (-1, 3)])
def test_the_nearer_the_sunset_the_more_urgent(days: int, level: int) -> None:
    sunset = date(2026, 11, 20) + timedelta(days=days)
    going = contract(lifecycle=Lifecycle.DEPRECATED, sunset_date=sunset)
    assert deprecation_level(going, date(2026, 11, 20)) == level
    assert deprecation_level(contract(), date(2026, 11, 20)) == 0


def test_a_hub_of_thousands_of_new_datasets_is_taken_up_in_several_ticks() -> None:
    contracts = [contract(f"s.t{number}", quality_slo=QualitySlo()) for number in range(MOST_NOTED + 7)]
    watched = watch(contracts, book(*contracts), MonitorMemory(), NOW)
    first = to_look_at(watched, NOW)
    assert len(first) == MOST_NOTED
    known = {
        str(each.contract.name): DatasetMemory(
            team="s", promised=each.promised, looked_at=NOW, next_at=NOW, slos={"quality": SloMemory()}
        )
        for each in first
    }
    alive = heartbeat_of("all", MonitorMemory(datasets=known), watched, (), NOW)
    assert alive.slo_count == MOST_NOTED, "what nobody looked at yet is not called evaluated"
    again = watch(contracts, book(*contracts), MonitorMemory(datasets=known), NOW)
    assert len(to_look_at(again, NOW)) == MOST_NOTED + 7
