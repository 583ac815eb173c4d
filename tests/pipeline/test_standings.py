"""How a dataset stands after something was taken back, and by what was promised when."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import Contract, FreshnessSlo
from datahub_dagster.domain.impact import impact_of
from datahub_dagster.domain.slo import SloStanding, SloState
from datahub_dagster.ports import Hub
from datahub_dagster.steps.slo import note_promise, promises_on_record, slo_reports
from datahub_dagster.steps.stand import dataset_status
from tests.builders import book, consumer, contract
from tests.hubs import SteppingClock, orders, put_delivery
from tests.pipeline.processes import PassingAuditor
from tests.places import OnDisk

MONDAY = datetime(2036, 11, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("promise", [FreshnessSlo(due=time(18)), FreshnessSlo(max_age=26 * HOUR)])
def test_what_was_taken_back_before_its_deadline_is_late_and_afterwards_it_stays_met(
    tmp_path: Path, promise: FreshnessSlo
) -> None:
    of, place = contract(freshness_slos=(promise,)), OnDisk(tmp_path)

    def hub(hour: int) -> Hub:
        clock = SteppingClock(MONDAY + hour * HOUR)
        return place.hub(of, clock=clock, auditor=PassingAuditor(place.storage()))

    def state(hour: int) -> tuple[SloState, str]:
        [found] = dataset_status(hub(hour), of).standings
        return found.state, found.reason

    for hour in (12, 36):
        put_delivery(hub(hour), of, f"at-{hour}", {"x.parquet": orders([hour])})
        pipeline.release(hub(hour), of, f"at-{hour}", actor="test")
    assert state(43) == (SloState.MET, "")

    pipeline.rollback(hub(37), of, 1, reason="wrong prices", actor="test")
    assert state(43)[0] is SloState.LATE
    assert "taken back" in state(43)[1]

    pipeline.rollback(hub(44), of, 2, reason="they were right", actor="test")
    assert state(45)[0] is SloState.MET


def test_after_a_rollback_a_promised_age_counts_from_what_is_published_as_in_the_report(
    tmp_path: Path,
) -> None:
    of, place = contract(freshness_slos=(FreshnessSlo(max_age=26 * HOUR),)), OnDisk(tmp_path)

    def hub(hour: int) -> Hub:
        clock = SteppingClock(MONDAY + hour * HOUR)
        return place.hub(of, clock=clock, auditor=PassingAuditor(place.storage()))

    for hour in (12, 14):
        put_delivery(hub(hour), of, f"at-{hour}", {"x.parquet": orders([hour])})
        pipeline.release(hub(hour), of, f"at-{hour}", actor="test")
    pipeline.rollback(hub(15), of, 1, reason="wrong prices", actor="test")

    [standing] = dataset_status(hub(16), of).standings
    [report] = slo_reports(hub(16), of, (), MONDAY + 16 * HOUR)
    first_at = hub(16).log.generations(of.name)[0].published_at

    assert standing.state is SloState.MET
    assert standing.next_due_at == report.next_due_at == first_at + 26 * HOUR
    [late] = dataset_status(hub(39), of).standings
    assert late.due_at == first_at + 26 * HOUR
    assert late.reason.startswith("what is published is 1 day 2 h")


EVENING = FreshnessSlo(due=time(18, 30))
READER = consumer()


def hub_of(place: OnDisk, of: Contract, after: timedelta) -> Hub:
    """A process so long after Monday's midnight."""
    given = book(of, consumers=(READER,))
    return place.hub(
        of, book=given, clock=SteppingClock(MONDAY + after), auditor=PassingAuditor(place.storage())
    )


def stands(place: OnDisk, of: Contract, after: timedelta) -> tuple[SloStanding, datetime | None]:
    """How it stands, and since when, or from when on, its reader is affected."""
    hub = hub_of(place, of, after)
    [found] = dataset_status(hub, of).standings
    generations = hub.log.generations(of.name)
    impact = impact_of(
        of,
        hub.book(),
        generations,
        MONDAY + after,
        promises_on_record(hub, of, hub.book().consumers_of(of.name)),
    )
    hurt = impact.readers[0].affected
    return found, hurt and hurt.at


@pytest.mark.parametrize("slo", [EVENING, FreshnessSlo(max_age=26 * HOUR)])
def test_what_was_promised_a_minute_ago_is_not_late_yet(tmp_path: Path, slo: FreshnessSlo) -> None:
    of, place = contract(freshness_slos=(slo,)), OnDisk(tmp_path)
    nobody_noted_it, _ = stands(place, of, 12 * HOUR)
    assert (nobody_noted_it.state, nobody_noted_it.reason) == (SloState.LATE, "never delivered")
    hub = hub_of(place, of, 12 * HOUR)
    note_promise(hub, of, ())
    [noted] = hub.log.promises(of.name)

    found, affected_at = stands(place, of, 12.1 * HOUR)

    due_at = noted.valid_from + slo.max_age if slo.max_age else MONDAY + 18.5 * HOUR
    assert (found.state, found.due_at, found.next_due_at) == (SloState.PENDING, None, due_at)
    assert found.reason == "nothing was due since it is promised (2036-11-17 12:00 UTC)"
    assert affected_at == due_at
    assert stands(place, of, 48 * HOUR)[0].state is SloState.LATE


def test_a_due_time_that_was_never_promised_makes_nothing_late(tmp_path: Path) -> None:
    of, place = contract(freshness_slos=(EVENING,)), OnDisk(tmp_path)
    hub = hub_of(place, of, 12 * HOUR)
    put_delivery(hub, of, "monday", {"x.parquet": orders([1])})
    pipeline.release(hub, of, "monday", actor="test")
    strict = replace(of, freshness_slos=(replace(EVENING, due=time(10)),))
    note_promise(hub_of(place, strict, 36 * HOUR), strict, ())

    found, affected_at = stands(place, strict, 36.5 * HOUR)

    assert (found.state, found.business_date, found.reason) == (SloState.MET, "2036-11-17", "")
    assert found.due_at == MONDAY + 18.5 * HOUR
    assert affected_at
    assert affected_at > MONDAY + 36.5 * HOUR

    by_the_old_words, affected_at = stands(place, strict, 44.5 * HOUR)

    assert (by_the_old_words.state, by_the_old_words.business_date) == (SloState.LATE, "2036-11-18")
    assert by_the_old_words.reason == "2036-11-18 is not there, 2 h 1 s after its deadline"
    assert affected_at == MONDAY + 42.5 * HOUR
