"""What is promised is noted beside the releases, and how it was kept is told from the log alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import (
    CalendarFile,
    Contract,
    FreshnessSlo,
    Origin,
    Override,
    QualitySlo,
)
from datahub_dagster.domain.promise import promise_of
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.verdict import DeliveryResult, DueResult
from datahub_dagster.ports import Hub
from datahub_dagster.steps.slo import note_promise, promises
from tests.builders import book, by_day, consumer, contract
from tests.hubs import SteppingClock, orders, put_delivery
from tests.pipeline.processes import PassingAuditor
from tests.places import OnDisk, Place

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2036, 11, 17, tzinfo=UTC)  # later than any file that a test writes
OUTAGE = Override(on=date(2036, 11, 20), kind="moved", reason="slow vendor", due_on=date(2036, 11, 21))
DESK = CalendarFile(
    name="desk",
    base="JP & XTKS",
    first=date(2020, 1, 1),
    overrides=(Override(on=date(2036, 12, 31), kind="removed", reason="year end"),),
    origin=Origin("calendars/desk.yml", 3),
)
EVENING = FreshnessSlo(due=time(18, 30))
ORDERS = contract(freshness_slos=(EVENING,), quality_slo=QualitySlo(objective=0.5))


def hub_of(place: Place, of: Contract = ORDERS, at: datetime = MONDAY, **more: Any) -> Hub:
    """A process of its own, which knows nothing of what others read, at an instant."""
    given = book(of, consumers=more.pop("consumers", ()))
    return place.hub(of, book=given, clock=SteppingClock(at), auditor=PassingAuditor(place.storage()), **more)


def released(place: Place, name: str, at: datetime, of: Contract = ORDERS) -> None:
    hub = hub_of(place, of, at)
    put_delivery(hub, of, name, {"x.parquet": orders([1], amount=at.timestamp())})
    assert pipeline.release(hub, of, name, actor="test").record


def only(reports: Sequence[SloReport], name: str = "freshness") -> SloReport:
    [found] = [report for report in reports if report.name == name]
    return found


def due_times(report: SloReport) -> list[DueResult]:
    return [result for result in report.results if isinstance(result, DueResult)]


def deliveries(report: SloReport) -> list[DeliveryResult]:
    return [result for result in report.results if isinstance(result, DeliveryResult)]


def test_a_promise_is_read_as_it_was_noted(place: Place) -> None:
    promised = contract(
        "equities.daily_prices",
        delivery=by_day(calendar="desk", calendar_files=(DESK,)),
        freshness_slos=(
            FreshnessSlo(
                due=time(18, 30),
                timezone="Asia/Tokyo",
                calendar="desk",
                covers=1,
                grace=15 * MINUTE,
                overrides=(OUTAGE,),
                calendar_files=(DESK,),
            ),
            FreshnessSlo(name="age", max_age=26 * HOUR, objective=0.999),
        ),
        quality_slo=QualitySlo(window=30 * DAY),
    )
    reader = consumer(
        reads=["equities.daily_prices"], slos={"equities.daily_prices": FreshnessSlo(due=time(8))}
    )

    note_promise(hub_of(place, promised), promised, [reader])
    [noted] = hub_of(place, promised).log.promises(promised.name)

    assert noted.is_as(promise_of(promised, [reader], MONDAY))
    assert MONDAY < noted.valid_from < MONDAY + MINUTE


def test_a_release_notes_what_is_promised_and_the_next_one_notes_only_what_changed(place: Place) -> None:
    released(place, "first", MONDAY)
    released(place, "second", MONDAY + DAY)
    assert len(hub_of(place).log.promises(ORDERS.name)) == 1

    noon = replace(ORDERS, freshness_slos=(replace(EVENING, due=time(12)),))
    released(place, "third", MONDAY + 2 * DAY, noon)

    noted = hub_of(place).log.promises(ORDERS.name)
    assert [promise.freshness[0].due for promise in noted] == [time(18, 30), time(12)]


def test_what_is_promised_now_counts_before_anybody_noted_it(tmp_path: Path) -> None:
    hub = hub_of(OnDisk(tmp_path))

    [current] = promises(hub, ORDERS, ())

    assert current.freshness == (EVENING,)
    assert hub.log.promises(ORDERS.name) == []


def test_a_clock_that_is_behind_notes_a_promise_once_and_after_the_older_one(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    note_promise(hub_of(place), ORDERS, ())
    noon = replace(ORDERS, freshness_slos=(replace(EVENING, due=time(12)),))

    for _ in range(3):
        note_promise(hub_of(place, at=MONDAY - MINUTE), noon, ())

    assert [p.freshness[0].due for p in hub_of(place).log.promises(ORDERS.name)] == [time(18, 30), time(12)]


def test_a_promise_of_a_wrong_clocks_future_does_not_keep_the_slo_from_being_judged(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    note_promise(hub_of(place, at=MONDAY + 900 * DAY), ORDERS, ())

    for hour in (8, 9):
        note_promise(hub_of(place, at=MONDAY + hour * HOUR), ORDERS, ())

    assert len(hub_of(place).log.promises(ORDERS.name)) == 2
    assert only(pipeline.slo(hub_of(place, at=MONDAY + 19 * HOUR), [ORDERS])).budget.missed == 1


def test_a_late_monday_is_counted_once_and_a_rejected_delivery_too(place: Place) -> None:
    note_promise(hub_of(place, at=MONDAY + 9 * HOUR), ORDERS, ())
    at_18_31 = only(pipeline.slo(hub_of(place, at=MONDAY + 18 * HOUR + 31 * MINUTE), [ORDERS]))
    assert (at_18_31.budget.missed, at_18_31.budget.attainment) == (1, 0.0)

    hub = hub_of(place, at=MONDAY + 18 * HOUR + 50 * MINUTE)
    put_delivery(hub, ORDERS, "broken", {"x.parquet": b"not Parquet"})
    for again in (False, True):
        pipeline.release(hub, ORDERS, "broken", actor="test", again=again)
    released(place, "mended", MONDAY + 19 * HOUR + 5 * MINUTE)
    released(place, "corrected", MONDAY + 20 * HOUR)
    released(place, "tuesday", MONDAY + DAY + 17 * HOUR)

    reports = pipeline.slo(hub_of(place, at=MONDAY + DAY + 20 * HOUR), [ORDERS])

    freshness, quality = only(reports), only(reports, "quality")
    assert [(r.verdict, r.late // MINUTE) for r in due_times(freshness)] == [("late", 35), ("met", 0)]
    assert freshness.budget.since == hub.log.promises(ORDERS.name)[0].valid_from
    assert freshness.next_due_at == MONDAY + 2 * DAY + 18 * HOUR + 30 * MINUTE
    assert (freshness.check_name, quality.check_name) == ("slo_freshness", "slo_quality")
    assert [(r.delivery, r.verdict) for r in deliveries(quality)] == [
        ("broken", "missed"),
        ("mended", "met"),
        ("corrected", "met"),
        ("tuesday", "met"),
    ]
    assert (quality.budget.left, quality.budget.is_kept) == (0.5, True)


def test_a_span_is_reported_without_what_came_before_or_after(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    for day in range(5):
        released(place, f"day-{day}", MONDAY + day * DAY + 12 * HOUR)

    found = pipeline.slo(
        hub_of(place, at=MONDAY + 9 * DAY), [ORDERS], since=MONDAY + DAY, until=MONDAY + 3 * DAY
    )

    assert [r.business_date for r in due_times(only(found))] == ["2036-11-18", "2036-11-19"]
    assert only(found).budget.met == 2
    assert len(only(found, "quality").results) == 2


def test_a_past_budget_keeps_the_objective_that_was_promised_then(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    released(place, "first", MONDAY)
    strict = replace(ORDERS, freshness_slos=(replace(EVENING, objective=1.0),))
    note_promise(hub_of(place, strict, MONDAY + 5 * DAY), strict, ())
    hub = hub_of(place, strict, MONDAY + 9 * DAY)

    def objective(until: datetime) -> float:
        return only(pipeline.slo(hub, [strict], since=MONDAY, until=until)).budget.objective

    assert (objective(MONDAY + 4 * DAY), objective(MONDAY + 8 * DAY)) == (EVENING.objective, 1.0)


def test_what_a_consumer_was_promised_has_a_report_of_its_own(tmp_path: Path) -> None:
    reader = consumer(slos={"payments.orders": FreshnessSlo(due=time(8), covers=1)})
    hub = hub_of(OnDisk(tmp_path), consumers=(reader,))

    reports = pipeline.slo(hub, [ORDERS])

    assert [report.name for report in reports] == ["freshness", "for_morning_report", "quality"]
    assert reports[1].slo is not None
    assert reports[1].slo.consumer == "morning_report"


@pytest.mark.parametrize("folder", ["promises", "generations", "receipts"])
def test_a_log_that_cannot_be_read_is_a_problem_of_this_dataset_alone(tmp_path: Path, folder: str) -> None:
    place, fine = OnDisk(tmp_path), contract("payments.refunds", freshness_slos=(EVENING,))
    released(place, "first", MONDAY)
    [path] = [path for path in place.files() if f"/{folder}/" in path]
    place.write(path, b"{")

    reports = pipeline.slo(hub_of(place), [ORDERS, fine])

    told = {(str(report.contract.name), report.name): bool(report.problem) for report in reports}
    assert told == {
        ("payments.orders", "freshness"): folder != "receipts",
        ("payments.orders", "quality"): True,
        ("payments.refunds", "freshness"): False,
    }


def test_a_note_that_cannot_be_read_stops_no_release(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    released(place, "first", MONDAY)
    [path] = [path for path in place.files() if "/promises/" in path]
    place.write(path, b"{")

    released(place, "second", MONDAY + DAY)

    assert len(hub_of(place).log.generations(ORDERS.name)) == 2


def test_a_calendar_that_ends_is_told_by_what_it_leaves_unknown_and_what_is_known_counts(
    tmp_path: Path,
) -> None:
    ends = CalendarFile(name="desk", base="daily", first=date(2036, 1, 1), last=date(2036, 11, 18))
    short = replace(EVENING, calendar="desk", calendar_files=(ends,))
    of = contract(freshness_slos=(short,))
    place = OnDisk(tmp_path)
    released(place, "first", MONDAY + 9 * HOUR, of)

    report = only(pipeline.slo(hub_of(place, of, MONDAY + 3 * DAY), [of]))

    assert [r.verdict for r in report.results] == ["met", "missed", "unknown"]
    assert "it knows 2036-01-01 to 2036-11-18" in report.results[-1].reason
    assert (report.problem, report.budget.attainment, report.next_due_at) == ("", 0.5, None)
    before_its_end = only(pipeline.slo(hub_of(place, of, MONDAY + DAY + 20 * HOUR), [of]))
    assert (before_its_end.problem, before_its_end.budget.missed, before_its_end.next_due_at) == ("", 1, None)


def test_what_was_promised_within_a_span_is_reported_when_it_is_promised_no_longer(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    reader = consumer(slos={"payments.orders": FreshnessSlo(due=time(8))})
    note_promise(hub_of(place), ORDERS, [reader])
    renamed = contract(freshness_slos=(replace(EVENING, name="evening"),))
    hub = hub_of(place, renamed, MONDAY + 3 * DAY)
    note_promise(hub, renamed, ())
    ended_at = hub.log.promises(ORDERS.name)[-1].valid_from

    def told(**span: datetime) -> dict[str, tuple[int, datetime | None]]:
        reports = pipeline.slo(hub_of(place, renamed, MONDAY + 9 * DAY), [renamed], **span)
        return {report.name: (report.budget.missed, report.promised_until) for report in reports}

    assert told(since=MONDAY, until=MONDAY + 2 * DAY) == {
        "evening": (0, None),
        "freshness": (2, ended_at),
        "for_morning_report": (2, ended_at),
        "quality": (0, ended_at),
    }
    assert told() == {"evening": (6, None)}
    assert told(since=MONDAY + 4 * DAY, until=MONDAY + 5 * DAY) == {"evening": (1, None)}
