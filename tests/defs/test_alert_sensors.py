"""What goes wrong in Dagster itself is raised as an alert: once, and again when it is over."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    InstigatorType,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster_shared.error import SerializableErrorInfo

from datahub_dagster.adapters.monitor_log import JsonMonitorLog
from datahub_dagster.defs.alert_sensors import (
    alerts_of_freshness,
    promises_dbt_freshness_alone,
)
from datahub_dagster.defs.monitor_watch import (
    UnwatchedMemory,
    alerts_of_monitors,
    alerts_of_unwatched,
    unwatched_slos,
)
from datahub_dagster.defs.names import asset_key
from datahub_dagster.defs.run_watch import RunMemory, RunWatch
from datahub_dagster.defs.tick_watch import alerts_of_ticks, newest_ticks
from datahub_dagster.domain.alert import Alert, Stage
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract import Contract, DbtFreshness, FreshnessSlo
from datahub_dagster.domain.monitor import Heartbeat, MonitorMemory
from datahub_dagster.errors import StorageError
from datahub_dagster.ports import Auditor, AuditRequest, Clock
from datahub_dagster.wiring import SystemClock
from tests.builders import NOW, book, consumer, contract
from tests.defs.dagster_hub import DagsterHub, shown
from tests.hubs import SetClock, hub_at, orders, put_delivery

ORDERS, REFUNDS = contract(), contract("payments.refunds")
SLO = FreshnessSlo(due=time(12))
DBT = DbtFreshness(error_after=timedelta(days=1))
MAX_AGE = timedelta(minutes=5)


class BrokenAuditor(Auditor):
    """Its engine is down."""

    def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
        raise StorageError("the disk is full", subject="payments.orders", next_step="make room")


class Watched:
    """A hub whose sensor `hub_alerts` ticks."""

    def __init__(self, root: Path, *contracts: Contract, teams: tuple[str, ...] = ()) -> None:
        self.there = DagsterHub(root=root, book=book(*(contracts or (ORDERS,))), teams=teams)
        self.there.use(clock=SystemClock())
        self.cursor: str | None = None

    def deliver(self, name: str, ids: list) -> None:
        put_delivery(self.there.hub, ORDERS, name, {"part-0.parquet": orders(ids)})

    def tick(self) -> list[tuple[str, str]]:
        """What one tick raises of Dagster's own: the alert's key and stage."""
        self.cursor = self.there.sensor("hub_alerts", self.cursor).cursor
        return [(alert.key, alert.stage.value) for alert in self.raised()]

    def raised(self) -> list[Alert]:
        alerts = self.there.hub.alerts.raised()
        self.there.hub.alerts.settle(alerts)
        return [each for each in alerts if each.key.startswith(("run-", "sensor-", "freshness-", "monitor-"))]


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_run_that_failed_is_told_once_with_its_error_and_team_and_that_its_job_works_again(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path)
    there = watched.there
    assert watched.tick() == []
    watched.deliver("a", [1])
    sound = there.hub.auditor
    there.use(auditor=BrokenAuditor())
    failed = there.materialize(ORDERS, job="release_payments")
    assert not failed.success
    watched.cursor = there.sensor("hub_alerts", watched.cursor).cursor
    (alert,) = watched.raised()

    assert (alert.key, alert.stage, alert.team) == ("run-failed/release_payments", Stage.OPEN, "payments")
    assert alert.facts["run_id"] == failed.dagster_run.run_id
    assert alert.facts["error"] == "delivery a: payments.orders: the disk is full"
    assert watched.tick() == [], "the same run is not told twice"

    there.use(auditor=sound)
    assert there.materialize(ORDERS, job="release_payments").success
    assert watched.tick() == [("run-failed/release_payments", "over")]
    assert watched.tick() == []


@pytest.mark.slow
def test_what_a_rejected_delivery_or_a_failing_test_fails_is_told_by_their_own_alerts(tmp_path: Path) -> None:
    watched = Watched(tmp_path, replace(ORDERS, tests=ORDERS.tests[:1], fingerprint="one test"))
    there = watched.there
    watched.deliver("bad", [None])
    assert not there.materialize(ORDERS, job="release_payments").success
    watched.deliver("good", [1, 1])
    there.materialize(ORDERS, job="release_payments", deliveries=["good"])
    there.change(ORDERS)
    there.reload()
    assert not there.run("checks").success

    assert watched.tick() == []


@pytest.mark.slow
def test_a_run_that_somebody_launched_by_hand_has_no_end_to_wait_for(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.deliver("a", [1])
    watched.there.use(auditor=BrokenAuditor())
    watched.there.materialize(ORDERS)
    watched.there.run("rollback", "roll_back", dataset="payments.orders", generation=7, reason="?")

    assert set(watched.tick()) == {
        ("run-failed/a run of payments.orders", "happened"),
        ("run-failed/rollback", "open"),
    }


@pytest.mark.slow
def test_a_run_that_dagster_tries_again_is_not_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    job = watched.there.defs.resolve_job_def("release_payments")
    watched.tick()
    retried = watched.there.instance.create_run_for_job(job, tags={"dagster/will_retry": "true"})
    died = watched.there.instance.create_run_for_job(job, tags={"hub/team": "payments"})
    for run in (retried, died):
        watched.there.instance.report_run_failed(run, "the machine is gone")
    watched.cursor = watched.there.sensor("hub_alerts", watched.cursor).cursor
    (alert,) = watched.raised()

    assert (alert.facts["run_id"], alert.facts["error"]) == (died.run_id, "the machine is gone")


@pytest.mark.slow
def test_a_run_of_one_of_several_locations_is_told_with_its_name_and_a_link(tmp_path: Path) -> None:
    there = DagsterHub(root=tmp_path, book=book(ORDERS))
    failed = there.run("rollback", "roll_back", dataset="payments.orders", generation=7, reason="?")
    watch = RunWatch(
        instance=there.instance,
        location="here",
        suffix=" (here)",
        teams={},
        dagster_url="http://dagster.example/",
    )
    (alert,), memory = watch.look(RunMemory(), SystemClock().now())

    assert alert.key == "run-failed/rollback (here)"
    assert alert.facts["url"] == f"http://dagster.example/runs/{failed.dagster_run.run_id}"
    assert watch.look(memory, SystemClock().now())[0] == []


# ── Sensors and schedules ────────────────────────────────────────────────────────────────────────────────────────────


def tick(status: TickStatus, minute: int = 0, name: str = "inbox", **more: Any) -> InstigatorTick:
    kind = more.pop("kind", InstigatorType.SENSOR)
    error = (
        SerializableErrorInfo("the queue is gone\n", [], "QueueError")
        if status is TickStatus.FAILURE
        else None
    )
    at = (NOW + timedelta(minutes=minute)).timestamp()
    data = TickData("origin", name, kind, status, at, error=error, end_timestamp=at, **more)
    return InstigatorTick(minute, data)


def of_sensor(*newest_first: InstigatorTick) -> dict[str, Any]:
    return {"inbox": (InstigatorType.SENSOR, newest_first)}


OK, FAILED = TickStatus.SKIPPED, TickStatus.FAILURE


def test_a_sensor_that_fails_twice_in_a_row_is_told_until_it_works_again() -> None:
    once, failing = alerts_of_ticks(of_sensor(tick(FAILED, 1), tick(OK)), (), NOW)
    assert (once, failing) == ([], ())

    (alert,), failing = alerts_of_ticks(of_sensor(tick(FAILED, 2), tick(FAILED, 1)), (), NOW)
    assert (alert.key, alert.stage, alert.team) == ("sensor-failed/inbox", Stage.OPEN, "")
    assert alert.facts == {"sensor": "inbox", "error": "the queue is gone"}
    assert alert.at == NOW + timedelta(minutes=2)

    assert alerts_of_ticks(of_sensor(tick(FAILED, 3), tick(FAILED, 2)), failing, NOW) == ([], ("inbox",))
    (over,), failing = alerts_of_ticks(of_sensor(tick(OK, 4), tick(FAILED, 3)), failing, NOW)
    assert (over.key, over.stage, failing) == ("sensor-failed/inbox", Stage.OVER, ())


def test_a_schedule_is_told_at_its_first_failure_and_one_that_is_switched_off_is_over() -> None:
    nightly = tick(FAILED, name="nightly_checks", kind=InstigatorType.SCHEDULE)
    (alert,), failing = alerts_of_ticks(
        {"nightly_checks": (InstigatorType.SCHEDULE, [nightly])}, (), NOW, " (a)"
    )
    (over,), _ = alerts_of_ticks({}, failing, NOW, " (a)")

    assert alert.key == over.key == "sensor-failed/nightly_checks (a)"
    assert (over.stage, over.at) == (Stage.OVER, NOW)


@pytest.mark.slow
def test_only_the_newest_ticks_of_what_runs_here_are_asked_for(tmp_path: Path) -> None:
    def origin(location: str) -> RemoteInstigatorOrigin:
        target = LoadableTargetOrigin(module_name="m")
        code = ManagedGrpcPythonEnvCodeLocationOrigin(loadable_target_origin=target, location_name=location)
        return RemoteInstigatorOrigin(RemoteRepositoryOrigin(code, "__repository__"), "inbox")

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for location, status in (("here", OK), ("there", FAILED)):
            state = InstigatorState(
                origin(location), InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE
            )
            instance.add_instigator_state(state)
            for minute in range(5):
                data = tick(status, minute).tick_data
                instance.create_tick(data._replace(selector_id=state.selector_id))
            instance.create_tick(
                tick(TickStatus.STARTED, 6).tick_data._replace(selector_id=state.selector_id)
            )
        kind, found = newest_ticks(instance, "here")["inbox"]

    assert kind is InstigatorType.SENSOR
    assert [(each.status, each.timestamp) for each in found] == [
        (OK, (NOW + timedelta(minutes=minute)).timestamp()) for minute in (4, 3)
    ]


# ── Freshness ────────────────────────────────────────────────────────────────────────────────────────────────────────

STATES = FreshnessState


def change(
    before: FreshnessState, now: FreshnessState, minute: int = 0, of: Contract = ORDERS
) -> FreshnessStateChange:
    return FreshnessStateChange(
        key=asset_key(of.name),
        previous_state=before,
        new_state=now,
        state_change_timestamp=(NOW + timedelta(minutes=minute)).timestamp(),
    )


def test_freshness_is_told_where_only_dagster_judges_it() -> None:
    plain = replace(ORDERS, dbt_freshness=DBT)
    reader = consumer(slos={"payments.orders": SLO})

    assert promises_dbt_freshness_alone(shown(plain), plain)
    assert not promises_dbt_freshness_alone(shown(plain, consumers=(reader,)), plain)
    assert not promises_dbt_freshness_alone(shown(), replace(plain, freshness_slos=(SLO,)))
    assert not promises_dbt_freshness_alone(shown(), ORDERS)


def test_of_several_changes_the_last_one_is_told() -> None:
    known = {asset_key(ORDERS.name): ORDERS}

    def told(*changes: FreshnessStateChange) -> list[tuple[Stage, float, Any]]:
        return [(each.stage, each.level, each.facts["now"]) for each in alerts_of_freshness(changes, known)]

    fails = change(STATES.WARN, STATES.FAIL, 2)
    assert told(change(STATES.PASS, STATES.WARN, 1), fails) == [(Stage.OPEN, 2.0, "FAIL")]
    assert told(fails, change(STATES.FAIL, STATES.PASS, 3)) == [(Stage.OVER, 0.0, "PASS")]
    assert told(change(STATES.UNKNOWN, STATES.NOT_APPLICABLE)) == []
    assert told(change(STATES.PASS, STATES.FAIL, of=REFUNDS)) == []


@pytest.mark.slow
def test_changes_of_freshness_are_read_from_dagster_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path, replace(ORDERS, dbt_freshness=DBT), replace(REFUNDS, freshness_slos=(SLO,)))
    for of in (ORDERS, REFUNDS):
        watched.there.instance.report_runless_asset_event(change(STATES.PASS, STATES.FAIL, of=of))

    assert watched.tick() == [("freshness-changed/payments.orders", "open")]
    assert watched.tick() == []


# ── Silent monitors ──────────────────────────────────────────────────────────────────────────────────────────────────


def beat(scope: str, at: datetime, *datasets: str) -> Heartbeat:
    slos = dict.fromkeys(datasets, ("freshness", "quality"))
    return Heartbeat(scope=scope, number=1, at=at, seconds=0.1, looked=1, slos=slos)


def test_a_monitor_that_is_silent_is_told_until_it_is_back(tmp_path: Path) -> None:
    hub = hub_at(tmp_path, ORDERS, REFUNDS)
    for each in (
        beat("mine", NOW, "payments.refunds"),
        beat("theirs", NOW - timedelta(hours=1), "payments.orders"),
    ):
        hub.monitor_log.save_heartbeat(each, MonitorMemory())

    (alert,), told = alerts_of_monitors(hub, "mine", (), MAX_AGE, NOW)
    assert (alert.key, alert.stage) == ("monitor-silent/theirs", Stage.OPEN)
    assert alert.facts == {"since": (NOW - timedelta(hours=1)).isoformat(), "slos": 2}
    assert alerts_of_monitors(hub, "mine", told, MAX_AGE, NOW) == ([], ("theirs",))
    assert alerts_of_monitors(hub, "theirs", (), MAX_AGE, NOW) == ([], ()), "it knows that it is alive"

    hub.monitor_log.save_heartbeat(beat("theirs", NOW, "payments.orders"), MonitorMemory())
    (over,), told = alerts_of_monitors(hub, "mine", told, MAX_AGE, NOW)
    assert (over.key, over.stage, told) == ("monitor-silent/theirs", Stage.OVER, ())


def test_a_scope_that_another_one_took_over_is_missed_by_nobody(tmp_path: Path) -> None:
    hub = hub_at(tmp_path, ORDERS)
    old = NOW - timedelta(days=30)
    for each in (
        beat("all", NOW, "payments.orders"),
        beat("before", old, "payments.orders", "payments.gone"),
    ):
        hub.monitor_log.save_heartbeat(each, MonitorMemory())

    assert alerts_of_monitors(hub, "all", (), MAX_AGE, NOW) == ([], ())


def test_slos_that_no_monitor_ever_evaluated_are_found_and_not_those_of_a_scope_that_is_told(
    tmp_path: Path,
) -> None:
    markets = replace(contract("markets.rates"), team="markets", freshness_slos=(SLO,))
    promised = [replace(each, freshness_slos=(SLO,)) for each in (ORDERS, REFUNDS)]
    hub = hub_at(tmp_path, markets, *promised, clock=SetClock(NOW))
    assert set(unwatched_slos(hub, (), MAX_AGE)) == {"markets", "payments"}

    for each in (
        beat("mine", NOW, "payments.orders"),
        beat("theirs", NOW - timedelta(hours=1), "payments.refunds"),
    ):
        hub.monitor_log.save_heartbeat(each, MonitorMemory())
    assert unwatched_slos(hub, ("theirs",), MAX_AGE) == {"markets": {"markets.rates": 1}}


def test_a_team_that_no_location_shows_is_told_once_until_its_slos_are_evaluated() -> None:
    memory = UnwatchedMemory()

    def told(minute: int, **teams: dict[str, int]) -> list[Alert]:
        nonlocal memory
        alerts, memory = alerts_of_unwatched(teams, memory, MAX_AGE, NOW + timedelta(minutes=minute))
        return alerts

    markets, weather = {"markets.rates": 2, "markets.fx": 1}, {"weather.rain": 1}
    assert [told(minute, markets=markets) for minute in range(6)] == [[]] * 6, "it may be starting"
    (alert,) = told(6, markets=markets)
    assert (alert.key, alert.stage, alert.team) == ("monitor-silent/nobody", Stage.OPEN, "")
    assert alert.facts == {
        "since": NOW.isoformat(),
        "slos": 3,
        "teams": ["markets"],
        "datasets": ["markets.rates", "markets.fx"],
    }

    assert [told(minute, markets=markets, weather=weather) for minute in range(7, 13)] == [[]] * 6
    (worse,) = told(13, markets=markets, weather=weather)
    assert (worse.facts["teams"], worse.level > alert.level) == (["markets", "weather"], True)
    assert told(14, weather=weather) == []
    (over,) = told(15)
    assert (over.key, over.stage) == (alert.key, Stage.OVER)
    assert told(16) == []


def test_after_a_pause_of_the_daemon_slos_are_not_at_once_told_as_evaluated_by_nobody() -> None:
    teams = {"payments": {"payments.orders": 1}}
    _, memory = alerts_of_unwatched(teams, UnwatchedMemory(), MAX_AGE, NOW)

    assert alerts_of_unwatched(teams, memory, MAX_AGE, NOW + timedelta(hours=1))[0] == []


@pytest.mark.slow
def test_only_the_location_that_does_the_shared_work_asks_for_all_teams(tmp_path: Path) -> None:
    class Later(Clock):
        minutes = 0

        def now(self) -> datetime:
            return SystemClock().now() + timedelta(minutes=self.minutes)

    def told(root: Path, *teams: str) -> list[tuple[str, str]]:
        watched = Watched(root, replace(ORDERS, freshness_slos=(SLO,)), teams=teams)
        clock = Later()
        watched.there.use(clock=clock)
        ticks = []
        for clock.minutes in (0, 4, 8):
            ticks += watched.tick()
        return ticks

    assert told(tmp_path / "all") == [("monitor-silent/nobody", "open")]
    assert told(tmp_path / "one", "payments") == []


@pytest.mark.slow
def test_what_can_not_be_asked_keeps_nothing_else_from_being_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    there = watched.there
    watched.deliver("a", [1])
    there.use(auditor=BrokenAuditor())
    there.materialize(ORDERS, job="release_payments")

    class Unreadable(JsonMonitorLog):
        def heartbeats(self) -> Sequence[Heartbeat]:
            raise StorageError("no answer")

    there.use(monitor_log=Unreadable(there.hub.storage))
    assert watched.tick() == [("run-failed/release_payments", "open")]
