"""The sensor that evaluates SLOs: what the checks say after each tick, and what keeps it from nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.adapters.monitor_log import JsonMonitorLog
from datahub_dagster.defs.monitor_sensor import scope_of
from datahub_dagster.domain.alert import Alert
from datahub_dagster.domain.contract import Contract, FreshnessSlo, QualitySlo
from datahub_dagster.domain.monitor import MonitorMemory
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import StorageError
from datahub_dagster.settings import Settings
from tests.builders import book, contract
from tests.defs.dagster_hub import DagsterHub, text
from tests.hubs import SteppingClock, orders, put_delivery

SLO = FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo")
ORDERS = contract(freshness_slos=(SLO,), quality_slo=QualitySlo())
PRICES = contract("equities.prices", freshness_slos=(SLO,))
MONDAY = datetime(2036, 11, 17, tzinfo=UTC)  # later than any file that a test writes


class Day:
    """A hub whose sensor `slo_monitor` ticks at given times of a Monday and after."""

    def __init__(self, root: Path, *contracts: Contract, teams: tuple[str, ...] = ()) -> None:
        self.there = DagsterHub(root=root, book=book(*(contracts or (ORDERS,))), teams=teams)
        self.cursor: str | None = None

    def at(self, hour: int, minute: int = 0, day: int = 0) -> datetime:
        """The clock stands at this time of Tokyo."""
        at = MONDAY.replace(day=17 + day, hour=hour - 9, minute=minute)
        self.there.use(clock=SteppingClock(at=at))
        return at

    def release(self, name: str, ids: list, of: Contract = ORDERS) -> None:
        put_delivery(self.there.hub, of, name, {"part-0.parquet": orders(ids)})
        pipeline.release(self.there.hub, of, name, actor="cli")

    def tick(self) -> dict[str, dg.AssetCheckEvaluation]:
        """What the checks are told, the last answer of each."""
        result = self.there.sensor("slo_monitor", self.cursor)
        assert not result.run_requests
        self.cursor = result.cursor
        told = [event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)]
        return {f"{each.asset_key.to_user_string()}:{each.check_name}": each for each in told}


FRESHNESS = "payments/orders:slo_freshness"


def test_each_code_location_has_a_scope_of_its_own() -> None:
    assert scope_of(Settings()) == "all"
    assert scope_of(Settings(teams=("b", "a"))) == scope_of(Settings(teams=("a", "b"))) == "teams-a-b"
    odd = [
        ("a b",),
        ("a_b",),
        ("a", "b"),
        tuple(f"team_{n}" for n in range(40)),
        tuple(f"team_{n}" for n in range(41)),
    ]
    assert len({scope_of(Settings(teams=teams)) for teams in odd}) == len(odd)
    assert all(len(scope_of(Settings(teams=teams))) < 80 for teams in odd)


@pytest.mark.slow
def test_a_late_monday_is_shown_as_missing_and_then_as_late(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.at(10)
    day.release("friday", [1])
    day.at(18, 29)
    day.tick()
    day.at(18, 31, day=1)
    missing = day.tick()[FRESHNESS]
    day.at(19, 5, day=1)
    day.release("tuesday", [1, 2])
    day.at(19, 6, day=1)
    late = day.tick()[FRESHNESS]

    assert (missing.passed, missing.severity, missing.blocking) == (False, dg.AssetCheckSeverity.ERROR, False)
    assert (missing.description or "").startswith("Tue 2036-11-18: missing, due 2036-11-18 18:30 JST")
    assert text(missing.metadata, "verdict") == "missed"
    assert late.passed
    assert (late.description or "").startswith("Tue 2036-11-18: 35 min")
    assert 35 <= text(late.metadata, "late (minutes)") < 36
    assert text(late.metadata, "budget left (%)") < 0


@pytest.mark.slow
def test_what_was_told_is_not_told_again_and_what_was_not_stored_is(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.at(10)
    day.release("a", [1])
    day.at(18, 31)
    before = day.cursor
    told = day.tick()
    assert {FRESHNESS, "payments/orders:slo_quality"} <= told.keys()
    assert all(each.passed for each in told.values())

    day.at(18, 32)
    assert day.tick() == {}
    day.cursor = before
    day.at(18, 33)
    assert day.tick().keys() <= told.keys()


@pytest.mark.slow
def test_a_dataset_that_can_not_be_read_is_a_warning_and_stops_no_other(tmp_path: Path) -> None:
    day = Day(tmp_path, ORDERS, PRICES)
    day.at(10)
    day.release("a", [1])
    day.release("b", [1], of=PRICES)
    log = Path(day.there.hub.storage.engine_path(Location("log/equities/prices")))
    for each in log.rglob("*.json"):
        if "promise" not in str(each):
            each.write_text("{ torn")
    day.there.forget()
    day.at(18, 31)
    told = day.tick()

    assert told[FRESHNESS].passed
    broken = told["equities/prices:slo_freshness"]
    assert (broken.passed, broken.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "nobody can say" in (broken.description or "")


@pytest.mark.slow
def test_a_location_evaluates_its_own_teams_as_their_contracts_are_now(tmp_path: Path) -> None:
    day = Day(tmp_path, ORDERS, PRICES, teams=("payments",))
    day.at(10)
    day.release("a", [1])
    renamed = replace(ORDERS, freshness_slos=(replace(SLO, due=time(9, 30)),))
    day.there.change(renamed, PRICES)
    day.tick()
    (heartbeat,) = day.there.hub.monitor_log.heartbeats()

    assert heartbeat.scope == "teams-payments"
    assert heartbeat.slos == {"payments.orders": ("freshness", "quality")}


@pytest.mark.slow
def test_neither_telling_nor_evaluating_keeps_the_other_from_its_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day(tmp_path)
    day.at(10)
    day.release("a", [1])
    day.at(18, 31)
    hub = day.there.hub
    asked: list[str] = []

    class Unreadable(JsonAlertLog):
        def raised(self) -> Sequence[Alert]:
            asked.append("raised")
            raise RuntimeError("nobody foresaw it")

    day.there.use(alerts=Unreadable(hub.storage))
    assert day.tick()[FRESHNESS].passed

    class Lost(JsonMonitorLog):
        def memory(self, scope: str) -> MonitorMemory:
            raise StorageError("no answer")

    day.there.use(monitor_log=Lost(hub.storage))
    asked.clear()
    with pytest.raises(StorageError):
        day.tick()
    assert asked == ["raised"]
