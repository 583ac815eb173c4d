"""The monitor, tick by tick: what it tells once, what it hands out until it is stored, and what it catches up with."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.calendars import calendar_named
from datahub_dagster.domain.contract import (
    CalendarFile,
    Consumer,
    Contract,
    ContractFault,
    FreshnessSlo,
    Lifecycle,
    Override,
    QualitySlo,
)
from datahub_dagster.domain.monitor import MonitorTick
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.release import Generation, GenerationKind, ReleaseState
from datahub_dagster.domain.verdict import Verdict
from datahub_dagster.ports import Clock, Hub
from tests.builders import book, by_day, by_month, consumer, contract, generation, receipt, record
from tests.hubs import hub_at, orders, put_delivery
from tests.pipeline.test_alerts import Plain
from tests.places import Place

BY_EVENING = FreshnessSlo(
    due=time(18, 30), timezone="UTC", calendar="weekdays", objective=0.5, window=timedelta(days=30)
)
PRICES = contract("equities.prices", delivery=by_day(), freshness_slos=(BY_EVENING,))
DESK = consumer("desk", ("equities.prices",), owner_email="desk@example.com")
THURSDAY, FRIDAY = date(2026, 11, 19), date(2026, 11, 20)
NEVER_TOLD: list[str] = []


@dataclass
class GivenClock(Clock):
    """Stands where a test puts it."""

    at: datetime

    def now(self) -> datetime:
        return self.at


class Watch:
    """A hub, its clock, and a scope that a monitor ticks for."""

    def __init__(
        self, place: Place | Path, *contracts: Contract, consumers: tuple[Consumer, ...] = ()
    ) -> None:
        self.place = place
        self.clock = GivenClock(at(12))
        self.given(*contracts, consumers=consumers)

    def given(
        self,
        *contracts: Contract,
        consumers: tuple[Consumer, ...] = (),
        faults: tuple[ContractFault, ...] = (),
    ) -> None:
        """From now on the teams promise this."""
        self.contracts = contracts
        known = book(*contracts, consumers=consumers, faults=faults)
        ports: dict[str, Any] = {"book": known, "clock": self.clock}
        self.hub: Hub = (
            hub_at(self.place, **ports) if isinstance(self.place, Path) else self.place.hub(**ports)
        )

    def tick(self, now: datetime, confirmed: int | None = None, **more: Any) -> MonitorTick:
        self.clock.at = now
        return pipeline.monitor(self.hub, self.contracts, scope="test", confirmed=confirmed, **more)

    def publish(self, number: int, *days: date, when: datetime, of: Contract = PRICES, **more: Any) -> None:
        partitions = {day.isoformat(): ReleaseId(day, number) for day in days}
        self.hub.log.add_generation(
            generation(of, number, partitions=partitions or {"": ReleaseId(when.date(), number)}, published_at=when,
                       release_id=ReleaseId((days or (when.date(),))[-1], number), **more)
        )  # fmt: skip


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """Thursday is published in time, and Friday noon is the first tick."""
    made = Watch(tmp_path, PRICES, consumers=(DESK,))
    made.publish(1, THURSDAY, when=at(17, day=19))
    made.tick(at(12))
    return made


def at(hour: int, minute: int = 0, day: int = 20) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def told(tick: MonitorTick) -> list[str]:
    return [f"{alert.stage.value} {alert.key}" for alert in tick.alerts]


def found(tick: MonitorTick) -> list[tuple[str, str, Verdict]]:
    return [
        (str(each.contract.name), getattr(each.result, "business_date", ""), each.result.verdict)
        for each in tick.evaluations
        if each.result is not None
    ]


MISSED = "slo-missed/equities.prices/freshness/2026-11-20"
AT_RISK = "slo-at-risk/equities.prices/freshness/2026-11-20"


def test_the_first_look_tells_the_newest_verdict_and_no_alert_where_all_is_well(tmp_path: Path) -> None:
    watch = Watch(tmp_path, PRICES)
    watch.publish(1, THURSDAY, when=at(17, day=19))
    tick = watch.tick(at(12))
    assert found(tick) == [("equities.prices", "2026-11-19", Verdict.MET)]
    assert told(tick) == NEVER_TOLD
    assert tick.heartbeat.slos == {"equities.prices": ("freshness",)}
    assert tick.heartbeat.next_due_at == at(18, 30)


def test_a_late_friday_is_warned_of_told_at_18_31_and_over_at_19_05(watch: Watch) -> None:
    assert told(watch.tick(at(18, 14))) == NEVER_TOLD
    assert told(watch.tick(at(18, 15))) == [f"open {AT_RISK}"]
    assert told(watch.tick(at(18, 16))) == NEVER_TOLD
    assert told(watch.tick(at(18, 30))) == NEVER_TOLD, "at the very instant it is not late"
    late = watch.tick(at(18, 31))
    assert sorted(told(late)) == [f"open {MISSED}", f"over {AT_RISK}"]
    assert found(late) == [("equities.prices", "2026-11-20", Verdict.MISSED)]
    assert told(watch.tick(at(18, 32))) == NEVER_TOLD
    watch.publish(2, THURSDAY, FRIDAY, when=at(19, 4))
    recovered = watch.tick(at(19, 5))
    assert told(recovered) == [f"over {MISSED}"]
    assert found(recovered) == [("equities.prices", "2026-11-20", Verdict.LATE)]
    assert recovered.alerts[0].facts["late_seconds"] == 34 * 60
    assert told(watch.tick(at(19, 6))) == NEVER_TOLD
    assert watch.tick(at(19, 6)).heartbeat.looked == 0


def test_who_is_hurt_is_named_and_told(watch: Watch) -> None:
    missed = watch.tick(at(18, 31))
    alert = next(each for each in missed.alerts if each.kind is AlertKind.SLO_MISSED)
    assert alert.facts["consumers"] == [{"label": "Desk", "at": at(18, 30).isoformat(), "already": True}]
    assert alert.to == ("desk@example.com",)
    assert alert.at == at(18, 30), "the same alert, whoever raises it when"
    assert alert.facts["budget_left"] == 0.0, "one of two is allowed, and spent"
    assert [each.label for each in missed.evaluations[0].affected] == ["Desk"]


def test_a_delivery_that_lies_ready_is_no_risk(watch: Watch) -> None:
    put_delivery(watch.hub, PRICES, "2026-11-20", {"day=2026-11-20/x.parquet": orders([1])})
    assert told(watch.tick(at(18, 15))) == NEVER_TOLD


def test_a_delivery_in_time_ends_the_warning_and_is_met(watch: Watch) -> None:
    watch.tick(at(18, 15))
    watch.publish(2, THURSDAY, FRIDAY, when=at(18, 20))
    assert told(watch.tick(at(18, 21))) == [f"over {AT_RISK}"]
    assert found(watch.tick(at(18, 31))) == [("equities.prices", "2026-11-20", Verdict.MET)]


def test_a_consumers_own_due_time_is_told_to_that_consumer_alone(tmp_path: Path) -> None:
    own = replace(BY_EVENING, due=time(8), covers=1)
    watch = Watch(tmp_path, PRICES, consumers=(replace(DESK, slos={"equities.prices": own}),))
    watch.publish(1, THURSDAY, when=at(17, day=19))
    watch.tick(at(12))
    evening = watch.tick(at(18, 31))
    assert [alert.to for alert in evening.alerts if alert.kind is AlertKind.SLO_MISSED] == [()]
    morning = watch.tick(at(8, 1, day=23))
    own_alerts = [
        each for each in morning.alerts if each.key.startswith("slo-missed/equities.prices/for_desk")
    ]
    assert [(each.key, each.to) for each in own_alerts] == [
        ("slo-missed/equities.prices/for_desk/2026-11-20", ("desk@example.com",))
    ]


def test_after_a_week_of_downtime_every_due_time_has_its_verdict_and_its_alert_once(watch: Watch) -> None:
    watch.publish(2, THURSDAY, FRIDAY, when=at(20))  # late, and nobody looked
    watch.publish(3, THURSDAY, FRIDAY, date(2026, 11, 23), when=at(17, day=23))
    tick = watch.tick(at(12, day=26))
    assert told(tick) == [
        f"over {MISSED}",
        "open slo-missed/equities.prices/freshness/2026-11-24",
        "open slo-missed/equities.prices/freshness/2026-11-25",
    ]
    assert found(tick) == [
        ("equities.prices", "2026-11-24", Verdict.MISSED),
        ("equities.prices", "2026-11-25", Verdict.MISSED),
        ("equities.prices", "2026-11-20", Verdict.LATE),
        ("equities.prices", "2026-11-23", Verdict.MET),
    ]
    assert told(watch.tick(at(12, 1, day=26))) == NEVER_TOLD


def test_what_was_never_delivered_is_missed_from_its_first_deadline_on(tmp_path: Path) -> None:
    watch = Watch(tmp_path, PRICES)
    assert told(watch.tick(at(12))) == NEVER_TOLD, "yesterday's due time was before the promise"
    assert [promise.valid_from for promise in watch.hub.log.promises(PRICES.name)] == [at(12)]
    assert f"open {MISSED}" in told(watch.tick(at(18, 31)))


def test_evaluations_are_handed_out_until_they_are_confirmed(watch: Watch) -> None:
    first = watch.tick(at(18, 31), confirmed=0)
    again = watch.tick(at(18, 32), confirmed=0)
    assert found(first) == found(again) == [("equities.prices", "2026-11-20", Verdict.MISSED)]
    assert found(watch.tick(at(18, 33), confirmed=first.number)) == found(first), "not the newest hand-out"
    last = watch.tick(at(18, 34), confirmed=0)
    assert found(watch.tick(at(18, 35), confirmed=last.number)) == []
    assert told(again) == NEVER_TOLD


def test_no_more_than_some_are_handed_out_at_once_the_worst_first(tmp_path: Path) -> None:
    slos = replace(PRICES, freshness_slos=(BY_EVENING,))
    several = [replace(slos, name=contract(f"equities.t{number}").name) for number in range(5)]
    watch = Watch(tmp_path, *several)
    for each in several:
        watch.publish(1, THURSDAY, when=at(17, day=19), of=each)
    watch.tick(at(12), confirmed=None)
    for each in several[:4]:
        watch.publish(2, THURSDAY, FRIDAY, when=at(18), of=each)
    first = watch.tick(at(18, 31), confirmed=0, most=2)
    assert found(first)[0] == ("equities.t4", "2026-11-20", Verdict.MISSED)
    assert first.heartbeat.waiting == 5
    second = watch.tick(at(18, 32), confirmed=first.number, most=2)
    third = watch.tick(at(18, 33), confirmed=second.number, most=2)
    handed = [*found(first), *found(second), *found(third)]
    assert len(handed) == len(set(handed)) == 5


@pytest.mark.parametrize("content", [None, b"{", b"[]"])
def test_a_lost_memory_tells_nothing_twice_and_knows_what_is_open(
    watch: Watch, content: bytes | None
) -> None:
    watch.tick(at(18, 31))
    pipeline.tell(watch.hub)
    state = Location("monitor/test/state.json")
    watch.hub.storage.delete(state)
    if content is not None:
        watch.hub.storage.replace(state, content)
    watch.tick(at(18, 40))
    assert [told.subject for told in pipeline.tell(watch.hub)] == NEVER_TOLD
    watch.publish(2, THURSDAY, FRIDAY, when=at(19, 4))
    watch.hub.storage.delete(state)
    assert f"over {MISSED}" in told(watch.tick(at(19, 5)))
    pipeline.tell(watch.hub)
    assert watch.hub.alerts.open_incidents() == []


def test_a_log_that_cant_be_read_stops_no_other_and_is_told(watch: Watch) -> None:
    other = replace(PRICES, name=contract("equities.trades").name)
    watch.given(PRICES, other)
    watch.tick(at(12, 1))
    broken = Location("log/equities/prices/generations/00000002.json")
    watch.hub.storage.replace(broken, b"{")
    tick = watch.tick(at(18, 31))
    assert "open slo-unknown/equities.prices/freshness" in told(tick)
    assert "open slo-missed/equities.trades/freshness/2026-11-20" in told(tick)
    assert [problem.dataset for problem in tick.heartbeat.problems] == ["equities.prices"]
    assert tick.heartbeat.unknown == 1
    watch.hub.storage.delete(broken)
    mended = watch.tick(at(18, 40))
    assert "over slo-unknown/equities.prices/freshness" in told(mended)
    assert f"open {MISSED}" in told(mended), "what was due meanwhile is caught up with"


def test_a_calendar_that_ends_soon_is_told(tmp_path: Path) -> None:
    ends = replace(PRICES, freshness_slos=(replace(BY_EVENING, calendar="XTKS"),))
    watch = Watch(tmp_path, ends)
    tick = watch.tick(datetime(2099, 12, 15, tzinfo=UTC))
    reasons = [alert.facts["reason"] for alert in tick.alerts if alert.kind is AlertKind.SLO_UNKNOWN]
    assert reasons[0].startswith("the calendar XTKS ends on ")


def test_of_a_calendar_that_is_announced_year_by_year_nobody_hears_before_the_last_week(
    tmp_path: Path,
) -> None:
    last = calendar_named("XSHG").last
    china = replace(PRICES, freshness_slos=(replace(BY_EVENING, calendar="XSHG"),))
    watch = Watch(tmp_path, china)

    def reasons(days_before: int) -> list[str]:
        noon = datetime(last.year, last.month, last.day, 12, tzinfo=UTC)
        tick = watch.tick(noon - timedelta(days=days_before))
        return [alert.facts["reason"] for alert in tick.alerts if alert.kind is AlertKind.SLO_UNKNOWN]

    assert reasons(26) == []
    (reason,) = reasons(6)
    assert reason.startswith(f"the calendar XSHG ends on {last}")
    assert reason.endswith("update the library `holidays`, or write a calendar file")
    assert reasons(5) == []


def test_the_last_due_time_that_a_calendar_knows_is_told_all_the_same(tmp_path: Path) -> None:
    last_day = CalendarFile(
        name="ends",
        first=FRIDAY,
        last=FRIDAY,
        overrides=(Override(on=FRIDAY, kind="added", reason="the only"),),
    )
    only = replace(BY_EVENING, calendar="ends", calendar_files=(last_day,))
    ends = replace(PRICES, freshness_slos=(only,))
    watch = Watch(tmp_path, ends)
    watch.tick(at(12))
    tick = watch.tick(at(18, 31))
    assert f"open {MISSED}" in told(tick)
    assert tick.heartbeat.unknown == 1, "what is due next, nobody knows"


def test_a_month_that_was_delivered_long_before_is_no_risk(tmp_path: Path) -> None:
    monthly = replace(
        PRICES, delivery=by_month(), freshness_slos=(replace(BY_EVENING, calendar="weekdays", covers=10),)
    )
    watch = Watch(tmp_path, monthly)
    months = {"2026-09": ReleaseId(date(2026, 10, 1), 1), "2026-10": ReleaseId(date(2026, 10, 30), 2)}
    for number, partitions in enumerate(
        [months, *([months | {"2026-11": ReleaseId(FRIDAY, n)} for n in range(3, 9)])], start=2
    ):
        when = datetime(2026, 10, 30, 9, tzinfo=UTC) if number == 2 else at(9) - timedelta(days=20 - number)
        watch.hub.log.add_generation(
            generation(
                monthly, number, partitions=partitions, published_at=when, release_id=max(partitions.values())
            )
        )
    watch.hub.log.add_generation(
        generation(monthly, 1, partitions={"2026-09": months["2026-09"]}, published_at=datetime(2026, 10, 1, 9, tzinfo=UTC),
                   release_id=months["2026-09"])
    )  # fmt: skip
    watch.tick(at(12, day=12))
    assert told(watch.tick(at(18, 20, day=13))) == NEVER_TOLD
    assert found(watch.tick(at(18, 31, day=13))) == [("equities.prices", "2026-10-30", Verdict.MET)]


def test_data_that_get_too_old_are_one_incident_for_as_long_as_it_takes(tmp_path: Path) -> None:
    aged = contract(freshness_slos=(FreshnessSlo(max_age=timedelta(days=1), objective=0.5),))
    watch = Watch(tmp_path, aged)
    watch.publish(1, when=at(10), of=aged)
    watch.tick(at(12))
    keys = [key for hours in range(2, 72) for key in told(watch.tick(at(10, 1) + timedelta(hours=hours)))]
    assert keys == ["open slo-missed/payments.orders/freshness/2026-11-21"]
    watch.publish(2, when=at(11, day=23), of=aged)
    assert "over slo-missed/payments.orders/freshness/2026-11-21" in told(watch.tick(at(11, 1, day=23)))


def test_data_that_never_came_are_too_old_once_they_could_have_been(tmp_path: Path) -> None:
    aged = contract(freshness_slos=(FreshnessSlo(max_age=timedelta(minutes=20), objective=0.5),))
    watch = Watch(tmp_path, aged)
    watch.tick(at(12))
    assert [key for minute in range(1, 19) for key in told(watch.tick(at(12, minute)))] == [
        "open slo-at-risk/payments.orders/freshness/2026-11-20"
    ]
    assert "open slo-missed/payments.orders/freshness/2026-11-20" in told(watch.tick(at(12, 21)))


def test_quality_of_a_log_that_cant_be_read_is_told_too(tmp_path: Path) -> None:
    audited = contract(quality_slo=QualitySlo(objective=0.5))
    watch = Watch(tmp_path, audited)
    watch.tick(at(12))
    watch.hub.storage.replace(Location("log/payments/orders/generations/00000001.json"), b"{")
    assert told(watch.tick(at(13, 5))) == ["open slo-unknown/payments.orders/quality"]
    assert told(watch.tick(at(13, 6))) == NEVER_TOLD
    watch.hub.storage.delete(Location("log/payments/orders/generations/00000001.json"))
    assert told(watch.tick(at(13, 7))) == ["over slo-unknown/payments.orders/quality"]


def test_a_budget_that_burns_is_told_until_it_no_longer_does(tmp_path: Path) -> None:
    strict = replace(PRICES, freshness_slos=(replace(BY_EVENING, objective=0.9, window=timedelta(days=20)),))
    watch = Watch(tmp_path, strict)
    wednesday = THURSDAY - timedelta(days=1)
    watch.publish(1, wednesday, when=at(17, day=18))
    assert "budget-burns" not in str(told(watch.tick(at(12)))), "of one miss people are told as such"
    burning = watch.tick(at(18, 31))
    assert "open budget-burns/equities.prices/freshness" in told(burning)
    days, keys = [wednesday], list[str]()
    for number in range(2, 12):
        when = at(17, day=19) + timedelta(days=number)
        days.append(when.date())
        watch.publish(number, *days, when=when)
        keys += told(watch.tick(when + timedelta(hours=2)))
    assert [key for key in keys if "budget-burns" in key] == ["over budget-burns/equities.prices/freshness"]


def test_a_rejected_delivery_changes_quality_within_the_hour(tmp_path: Path) -> None:
    audited = contract(quality_slo=QualitySlo(objective=0.5))
    watch = Watch(tmp_path, audited)
    watch.tick(at(12))
    watch.hub.log.add_receipt(receipt(audited, 1, received_at=at(12, 5)))
    watch.hub.log.add_record(record(audited, 1, ReleaseState.REJECTED, received_at=at(12, 5)))
    assert found(watch.tick(at(13, 5))) == [("payments.orders", "", Verdict.MISSED)]
    assert found(watch.tick(at(15))) == []


def test_a_changed_contract_is_looked_at_at_once_and_noted(watch: Watch) -> None:
    earlier = replace(PRICES, freshness_slos=(replace(BY_EVENING, due=time(12, 30)),))
    watch.given(earlier)
    assert watch.tick(at(12, 1)).heartbeat.looked == 1
    assert len(watch.hub.log.promises(PRICES.name)) == 2
    assert f"open {MISSED}" in told(watch.tick(at(12, 31)))


def test_what_is_promised_no_longer_is_over(watch: Watch) -> None:
    watch.tick(at(18, 31))
    watch.given()
    assert told(watch.tick(at(18, 32))) == [f"over {MISSED}"]
    assert watch.tick(at(18, 33)).heartbeat.slos == {}


def test_consumers_hear_of_a_deprecation_more_urgently_as_its_end_comes_near(watch: Watch) -> None:
    going = replace(PRICES, lifecycle=Lifecycle.DEPRECATED, sunset_date=date(2026, 12, 25))
    watch.given(going, consumers=(DESK,))
    levels = [
        [alert.level for alert in watch.tick(day).alerts if alert.kind is AlertKind.CONTRACT_DEPRECATED]
        for day in (
            at(12, 1),
            at(12, day=24),
            at(12, day=26),
            at(13, day=26),
            datetime(2026, 12, 18, tzinfo=UTC),
        )
    ]
    assert levels == [[1.0], [], [2.0], [], [3.0]]
    watch.given(PRICES, consumers=(DESK,))
    over = watch.tick(datetime(2026, 12, 19, tzinfo=UTC))
    assert "over contract-deprecated/equities.prices" in told(over)


def test_a_rollback_after_the_deadline_rewrites_nothing(watch: Watch) -> None:
    watch.publish(2, THURSDAY, FRIDAY, when=at(18))
    watch.tick(at(18, 31))
    watch.publish(3, THURSDAY, when=at(20), kind=GenerationKind.ROLLBACK, restores=1)
    assert told(watch.tick(at(22))) == NEVER_TOLD


def test_a_clock_that_ran_ahead_does_not_put_the_monitor_to_sleep(watch: Watch) -> None:
    watch.tick(datetime(2030, 1, 1, tzinfo=UTC))
    assert f"open {MISSED}" in told(watch.tick(at(18, 31))) or watch.tick(at(18, 31)).heartbeat.looked == 1


def test_it_is_the_same_on_a_disk_and_on_aws(place: Place) -> None:
    watch = Watch(place, PRICES, consumers=(DESK,))
    watch.publish(1, THURSDAY, when=at(17, day=19))
    watch.tick(at(12))
    assert f"open {MISSED}" in told(watch.tick(at(18, 31)))
    watch.publish(2, THURSDAY, FRIDAY, when=at(19, 4))
    recovered = watch.tick(at(19, 5))
    assert told(recovered) == [f"over {MISSED}"]
    assert recovered.alerts[0].stage is Stage.OVER
    assert 'datahub_slo_late_seconds{dataset="equities.prices"' in watch.hub.monitor_log.metrics()


class KilledError(BaseException):
    """Somebody pulled the plug."""


class MortalStorage(LocalStorage):
    """Is stopped before a write, once `writes_left` were made; None = it lives for ever."""

    writes_left: int | None = None

    def create(self, location: Location, content: bytes) -> None:
        self._count()
        super().create(location, content)

    def replace(self, location: Location, content: bytes) -> None:
        self._count()
        super().replace(location, content)

    def _count(self) -> None:
        if self.writes_left is not None:
            if not self.writes_left:
                raise KilledError
            self.writes_left -= 1


def test_killed_before_any_of_its_writes_the_next_tick_ends_as_if_nothing_had_happened(
    tmp_path: Path,
) -> None:
    def played(root: Path, killed_at: int | None) -> tuple[bool, list[str], dict[str, str]]:
        storage = MortalStorage(root)
        watch = Watch(root, PRICES, consumers=(DESK,))
        watch.hub = hub_at(root, book=book(PRICES, consumers=(DESK,)), clock=watch.clock, storage=storage)
        watch.publish(1, THURSDAY, when=at(17, day=19))
        watch.tick(at(12), confirmed=0)
        was_killed = False
        storage.writes_left = killed_at
        try:
            watch.tick(at(18, 31), confirmed=0)
        except KilledError:
            was_killed = True
        storage.writes_left = None
        pipeline.tell(watch.hub)
        watch.tick(at(18, 32), confirmed=0)
        pipeline.tell(watch.hub)
        subjects = [message.subject for message in watch.hub.alerts.messages(at(0))]
        memory = watch.hub.monitor_log.memory("test")
        return was_killed, sorted(subjects), {each.business_date: each.verdict for each in memory.waiting}

    undisturbed = played(tmp_path / "calm", None)
    assert not undisturbed[0]
    for number in range(20):
        was_killed, subjects, waiting = played(tmp_path / str(number), number)
        if not was_killed:
            assert number >= 3, "alerts, the memory and the sign of life are written"
            return
        assert (subjects, waiting) == undisturbed[1:], f"killed before write {number}"
    pytest.fail("it was killed for ever")


def test_two_ticks_at_once_do_no_harm(watch: Watch) -> None:
    watch.clock.at = at(18, 31)
    with ThreadPoolExecutor(2) as threads:
        ticks = list(
            threads.map(
                lambda _: pipeline.monitor(watch.hub, watch.contracts, scope="test", confirmed=0), range(2)
            )
        )
    pipeline.tell(watch.hub)
    assert {each.key for each in watch.hub.alerts.open_incidents()} >= {MISSED}
    assert len([each for each in watch.hub.alerts.open_incidents() if each.key == MISSED]) == 1
    assert found(watch.tick(at(18, 32), confirmed=ticks[0].number + 7)) == [
        ("equities.prices", "2026-11-20", Verdict.MISSED)
    ]


class StrangeLog(JsonReleaseLog):
    """Fails as nobody foresaw, for one dataset."""

    def current(self, dataset: DatasetName) -> Generation | None:
        if dataset == PRICES.name:
            raise RuntimeError("seven")
        return super().current(dataset)


def test_a_fault_that_nobody_foresaw_leaves_no_other_unwatched(watch: Watch) -> None:
    other = replace(PRICES, name=contract("equities.trades").name)
    watch.given(PRICES, other)
    watch.tick(at(12, 1))
    watch.hub = replace(watch.hub, log=StrangeLog(watch.hub.storage))
    tick = watch.tick(at(18, 31))
    assert "open slo-missed/equities.trades/freshness/2026-11-20" in told(tick)
    unknown = next(alert for alert in tick.alerts if alert.kind is AlertKind.SLO_UNKNOWN)
    assert unknown.facts["reason"] == "a fault of the hub itself: RuntimeError: seven"


# ── What comes and goes with a team's YAML ───────────────────────────────────────────────────────────────────────────

UNREAD = ContractFault(
    team="equities",
    path="models/equities/prices.yml",
    line=7,
    message="no colon after due",
    has_last_good=False,
)
UNKNOWN = "slo-unknown/equities.prices/freshness"


REJECTED = Alert(
    kind=AlertKind.REJECTED,
    key="rejected/equities.prices",
    stage=Stage.OPEN,
    team="equities",
    at=at(18),
    dataset="equities.prices",
    level=1.0,
    facts={"delivery": "friday", "checks": []},
)


def heard(watch: Watch) -> list[str]:
    """What people are told by now, each incident in a line; once, whoever they are."""
    hub = replace(watch.hub, texts=Plain())
    return sorted({line for message in pipeline.tell(hub) for line in message.text.splitlines()})


def still_open(watch: Watch) -> list[str]:
    return sorted(incident.key for incident in watch.hub.alerts.open_incidents())


@pytest.fixture
def missed(watch: Watch) -> Watch:
    """Friday is missed, its last delivery was rejected, and people know it."""
    watch.tick(at(18, 31))
    watch.hub.alerts.raise_alert(REJECTED)
    assert f"new {MISSED}" in heard(watch)
    return watch


def test_nothing_is_over_because_a_teams_yaml_cant_be_read_and_people_hear_that_nobody_knows(
    missed: Watch,
) -> None:
    missed.given(faults=(UNREAD,))
    assert told(missed.tick(at(18, 40))) == [f"open {UNKNOWN}"]
    assert heard(missed) == [f"new {UNKNOWN}"]
    (unknown,) = [each for each in missed.hub.alerts.open_incidents() if each.key == UNKNOWN]
    assert unknown.alert.facts["reason"] == "models/equities/prices.yml:7: no colon after due"
    for minutes in range(41, 44):
        assert told(missed.tick(at(18, minutes))) == NEVER_TOLD
        assert heard(missed) == []
    assert still_open(missed) == [REJECTED.key, MISSED, UNKNOWN]
    assert not pipeline.monitor_health(missed.hub, timedelta(minutes=5)).is_fine


def test_once_the_yaml_is_mended_that_is_told_and_a_miss_goes_on_until_it_has_come(missed: Watch) -> None:
    missed.given(faults=(UNREAD,))
    missed.tick(at(18, 40))
    heard(missed)
    missed.given(PRICES, consumers=(DESK,))
    assert told(missed.tick(at(18, 50))) == [f"over {UNKNOWN}"]
    assert heard(missed) == [f"over {UNKNOWN}"]
    assert still_open(missed) == [REJECTED.key, MISSED]
    missed.publish(2, THURSDAY, FRIDAY, when=at(19, 4))
    assert told(missed.tick(at(19, 5))) == [f"over {MISSED}"]
    assert heard(missed) == [f"over {MISSED}"]


def test_however_long_the_yaml_cant_be_read_no_tick_fails_and_quality_is_known_again_at_once(
    tmp_path: Path,
) -> None:
    audited = replace(PRICES, quality_slo=QualitySlo(objective=0.5))
    watch = Watch(tmp_path, audited)
    watch.publish(1, THURSDAY, when=at(17, day=19))
    watch.tick(at(12))
    watch.given(faults=(UNREAD,))
    unknown = ["equities.prices/freshness", "equities.prices/quality"]
    assert told(watch.tick(at(12, 5))) == [f"open slo-unknown/{slo}" for slo in unknown]
    assert told(watch.tick(at(12, 5, day=22))) == NEVER_TOLD
    watch.given(audited)
    mended = told(watch.tick(at(12, 6, day=22)))
    assert [each for each in mended if "slo-unknown" in each] == [
        f"over slo-unknown/{slo}" for slo in unknown
    ]
    assert f"open {MISSED}" in mended, "what was due in between is caught up with"


def test_another_teams_datasets_go_on_though_one_teams_yaml_cant_be_read(watch: Watch) -> None:
    other = replace(PRICES, name=contract("weather.temps").name, team="weather")
    watch.given(PRICES, other)
    watch.tick(at(12, 1))
    watch.given(other, faults=(UNREAD,))
    watch.tick(at(18, 31))
    assert heard(watch) == ["new slo-missed/weather.temps/freshness/2026-11-20", f"new {UNKNOWN}"]


def test_what_is_really_taken_out_is_over_and_nobody_is_reminded_of_it(missed: Watch) -> None:
    other = replace(PRICES, name=contract("equities.trades").name)
    missed.given(other)
    missed.tick(at(18, 40))
    assert heard(missed) == [f"over {MISSED}"]
    assert still_open(missed) == []


def test_an_slo_that_is_put_back_while_its_data_are_missing_is_told_again_once(missed: Watch) -> None:
    missed.given(replace(PRICES, freshness_slos=(), fingerprint="without"), consumers=(DESK,))
    missed.tick(at(18, 40))
    assert heard(missed) == [f"over {MISSED}"]
    missed.given(PRICES, consumers=(DESK,))
    missed.tick(at(18, 55))
    assert heard(missed) == [f"new {MISSED}"]
    for minutes in (56, 57):
        missed.tick(at(18, minutes))
        assert heard(missed) == []
    missed.publish(2, THURSDAY, FRIDAY, when=at(19, 4))
    missed.tick(at(19, 5))
    assert heard(missed) == [f"over {MISSED}"]


def test_a_miss_says_its_grace_and_on_whose_clocks_it_is_told(tmp_path: Path) -> None:
    graceful = replace(BY_EVENING, timezone="Asia/Tokyo", grace=timedelta(hours=1))
    watch = Watch(tmp_path, replace(PRICES, freshness_slos=(graceful,)))
    watch.publish(1, THURSDAY, when=at(5, day=19))
    watch.tick(at(6))
    (alert,) = [each for each in watch.tick(at(10, 31)).alerts if each.kind is AlertKind.SLO_MISSED]
    facts = alert.facts
    assert (facts["due_at"], facts["late_seconds"]) == (at(9, 30).isoformat(), 60.0)
    assert (facts["grace_seconds"], facts["timezone"]) == (3600.0, "Asia/Tokyo")
    promise = {"due": "18:30", "max_age_seconds": None, "timezone": "Asia/Tokyo", "calendar": "weekdays"}
    assert facts["promise"].items() >= promise.items()
