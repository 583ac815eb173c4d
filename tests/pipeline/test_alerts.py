"""What people are told of releases, rejections, rollbacks and checks: through the pipeline, without dbt and without a network."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.alert import Alert, AlertKind, Baseline, Digest, Incident, Message, Stage
from datahub_dagster.domain.contract import Contract, FreshnessSlo, QualitySlo, Severity, Support
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import ChannelError, ConflictError, RefusedError, StorageError
from datahub_dagster.ports import AlertTexts, Channels, Hub
from datahub_dagster.steps import alerts
from tests.builders import NOW, book, by_day, column, consumer, contract, data_test
from tests.hubs import SteppingClock, hub_at, orders, put_delivery
from tests.places import Place

CHAT = Support(tool="slack", channel="#payments")
ORDERS = contract(support=(CHAT,), owners=())
DAY = timedelta(days=1)


@dataclass
class Postbox(Channels):
    """Takes messages, but for channels that refuse or that nobody configured."""

    taken: list[Message] = field(default_factory=list[Message])
    refuses: dict[str, Exception] = field(default_factory=dict[str, Exception])
    unknown: set[str] = field(default_factory=set[str])

    def has_target(self, route: Support) -> bool:
        return route.channel not in self.unknown

    def send(self, message: Message) -> None:
        if problem := self.refuses.get(message.route.channel):
            raise problem
        self.taken.append(message)

    def said(self) -> list[tuple[str, str, str]]:
        """Channel, reason and incident of everything that was sent since the last look."""
        found = [
            (message.route.channel, told, key)
            for message in self.taken
            for told, _, key in (line.partition(" ") for line in message.text.splitlines())
        ]
        self.taken.clear()
        return found


class Plain(AlertTexts):
    """A line for each incident: why it is told, and its key."""

    def render(self, digest: Digest) -> tuple[str, str]:
        return digest.team, "\n".join(f"{item.told} {item.incident.key}" for item in digest.items)


@pytest.fixture
def post() -> Postbox:
    return Postbox()


def plain_hub(root: Path, post: Postbox, *contracts: Contract, **ports: Any) -> Hub:
    return hub_at(root, *(contracts or (ORDERS,)), channels=post, texts=Plain(), **ports)


def release(hub: Hub, of: Contract, name: str, ids: Sequence[int | None], **columns: Any) -> None:
    put_delivery(hub, of, name, {"part-0.parquet": orders(ids, **columns)})
    pipeline.release(hub, of, name, actor="test")


def outbox(root: Path) -> list[dict[str, Any]]:
    lines = (line for path in sorted((root / "outbox").iterdir()) for line in path.read_bytes().splitlines())
    return [json.loads(line) for line in lines]


def later(hub: Hub, by: timedelta) -> None:
    assert isinstance(hub.clock, SteppingClock)
    hub.clock.at += by


def alert_of(key: str, hub: Hub, **more: Any) -> Alert:
    values: dict[str, Any] = {"team": "", "kind": AlertKind.SENSOR_FAILED, "stage": Stage.OPEN, "facts": {}}
    return Alert(key=key, at=hub.clock.now(), **(values | more))


def test_a_rejection_is_told_once_and_its_end_with_the_next_release(place: Place, post: Postbox) -> None:
    hub = place.hub(ORDERS, channels=post, texts=Plain())
    release(hub, ORDERS, "good", [1, 2])
    pipeline.tell(hub)
    assert post.said() == []
    release(hub, ORDERS, "bad", [1, 1])
    pipeline.tell(hub)
    pipeline.tell(hub)
    assert post.said() == [("#payments", "new", "rejected/payments.orders")]
    release(hub, ORDERS, "mended", [1, 3])
    pipeline.tell(hub)
    assert post.said() == [("#payments", "over", "rejected/payments.orders")]
    assert hub.alerts.raised() == []
    assert hub.alerts.pending() == []
    assert hub.alerts.open_incidents() == []


def test_a_release_is_told_to_be_over_though_nobody_told_of_its_rejection_yet(
    tmp_path: Path, post: Postbox
) -> None:
    hub = plain_hub(tmp_path, post)
    release(hub, ORDERS, "bad", [1, 1])
    release(hub, ORDERS, "good", [1])
    pipeline.tell(hub)
    assert post.said() == [("#payments", "over", "rejected/payments.orders")]


def test_a_rejection_names_the_checks_and_a_delivery_that_cannot_be_read_the_fault(
    tmp_path: Path, post: Postbox
) -> None:
    hub = plain_hub(tmp_path, post)
    release(hub, ORDERS, "doubled", [1, 1, None])
    (alert,) = hub.alerts.raised()
    assert alert.level == 2
    assert {each["check"]: each["failures"] for each in alert.facts["checks"]} == {
        "source_not_null_payments_orders_id": 1,
        "source_unique_payments_orders_id": 1,
    }
    assert (alert.facts["delivery"], alert.dataset, alert.team) == ("doubled", "payments.orders", "payments")
    pipeline.tell(hub)
    put_delivery(hub, ORDERS, "torn", {"part-0.parquet": b"this is no Parquet"})
    pipeline.release(hub, ORDERS, "torn", actor="test")
    (alert,) = hub.alerts.raised()
    assert alert.level == 1
    assert alert.facts["checks"] == []
    assert alert.facts["why"].startswith("not a readable Parquet file")


def test_warnings_are_told_when_they_begin_and_when_they_end(tmp_path: Path, post: Postbox) -> None:
    lenient = contract(support=(CHAT,), tests=(data_test("unique", "id", severity=Severity.WARN),))
    hub = plain_hub(tmp_path, post, lenient)
    release(hub, lenient, "a", [1, 1])
    (alert,) = hub.alerts.raised()
    assert (alert.kind, alert.level, alert.facts["warnings"]) == (AlertKind.WARNED, 1, [])
    pipeline.tell(hub)
    release(hub, lenient, "b", [2, 2])
    pipeline.tell(hub)
    release(hub, lenient, "c", [3])
    pipeline.tell(hub)
    chat = [each for each in post.said() if each[0] == "#payments"]
    assert [told for _, told, _ in chat] == ["new", "over"]


def test_checks_that_fail_on_published_data_are_told_and_their_end(tmp_path: Path, post: Postbox) -> None:
    lenient = contract(support=(CHAT,), owners=(), tests=(data_test("unique", "id", severity=Severity.WARN),))
    release(plain_hub(tmp_path, post, lenient), lenient, "a", [1, 1])
    hub = plain_hub(tmp_path, post)
    pipeline.tell(hub)
    post.said()
    for _ in range(2):
        pipeline.check(hub, [ORDERS])
        pipeline.tell(hub)
    assert post.said() == [("#payments", "new", "checks-failed/payments.orders")]
    release(hub, ORDERS, "b", [1])
    pipeline.check(hub, [ORDERS])
    pipeline.tell(hub)
    assert ("#payments", "over", "checks-failed/payments.orders") in post.said()


def test_a_rollback_is_told_to_owners_and_consumers(tmp_path: Path, post: Postbox) -> None:
    hub = plain_hub(tmp_path, post, book=book(ORDERS, consumers=(consumer(),)))
    release(hub, ORDERS, "a", [1])
    release(hub, ORDERS, "b", [2])
    pipeline.rollback(hub, ORDERS, 1, reason="b was wrong", actor="ann")
    pipeline.tell(hub)
    assert sorted(post.said()) == [
        ("#payments", "new", "rolled-back/payments.orders/3"),
        ("desk@example.com", "new", "rolled-back/payments.orders/3"),
    ]
    (line,) = outbox(tmp_path)
    assert (line["kind"], line["dataset"], line["to"]) == (
        "rolled-back",
        "payments.orders",
        ["desk@example.com"],
    )


def test_a_late_release_is_told_to_consumers_once(tmp_path: Path, post: Postbox) -> None:
    slo = FreshnessSlo(due=NOW.time(), grace=timedelta(minutes=5))
    daily = contract(
        "payments.daily",
        support=(CHAT,),
        owners=(),
        delivery=by_day(start=NOW.date()),
        columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
        tests=(data_test("not_null", "id", "payments.daily"),),
        freshness_slos=(slo,),
    )
    reader = consumer(reads=("payments.daily",))
    hub = plain_hub(
        tmp_path, post, book=book(daily, consumers=(reader,)), clock=SteppingClock(NOW - timedelta(hours=1))
    )
    put_delivery(hub, daily, "friday", {"day=2026-11-20/a.parquet": orders([1])})
    pipeline.release(hub, daily, "friday", actor="test")
    later(hub, DAY + timedelta(hours=2))
    put_delivery(hub, daily, "saturday", {"day=2026-11-21/a.parquet": orders([2])})
    pipeline.release(hub, daily, "saturday", actor="test")
    (alert,) = hub.alerts.raised()
    assert alert.key == "slo-missed/payments.daily/freshness/2026-11-21"
    assert alert.facts["due_at"] == "2026-11-21T12:00:00+00:00"
    assert 3300 < alert.facts["late_seconds"] < 3400
    pipeline.tell(hub)
    assert sorted(post.said()) == [
        ("#payments", "over", "slo-missed/payments.daily/freshness/2026-11-21"),
        ("desk@example.com", "over", "slo-missed/payments.daily/freshness/2026-11-21"),
    ]


# ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_channel_that_refuses_is_tried_again_ever_more_seldom(tmp_path: Path, post: Postbox) -> None:
    hub = plain_hub(tmp_path, post)
    post.refuses["#payments"] = ChannelError("it answered with HTTP status 503", subject="slack #payments")
    release(hub, ORDERS, "bad", [1, 1])
    waits: list[float] = []
    for attempt in range(1, 9):
        pipeline.tell(hub)
        (message,) = hub.alerts.pending()
        assert message.attempts == attempt
        assert message.error == "slack #payments: it answered with HTTP status 503"
        waits.append(round((message.not_before - hub.clock.now()).total_seconds() / 60))
        assert pipeline.tell(hub) == (), "not before its time"
        later(hub, message.not_before - hub.clock.now())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    post.refuses.clear()
    (sent,) = pipeline.tell(hub)
    assert (sent.error, sent.attempts, sent.kept) == ("", 8, False)
    assert post.said() == [("#payments", "new", "rejected/payments.orders")]
    assert hub.alerts.pending() == []


def test_a_message_is_given_up_after_three_days_and_not_before(tmp_path: Path, post: Postbox) -> None:
    hub = plain_hub(tmp_path, post)
    post.refuses["#payments"] = ChannelError("there was no answer")
    release(hub, ORDERS, "bad", [1, 1])
    begun = given_up_at = hub.clock.now()
    pipeline.tell(hub)
    while any("rejected" in each.text for each in hub.alerts.pending()):
        given_up_at = hub.clock.now()
        later(hub, hub.alerts.pending()[0].not_before - hub.clock.now())
        pipeline.tell(hub)
        for each in hub.alerts.pending():
            if "reminder" in each.text:  # of the same incident, a day later
                hub.alerts.save_message(replace(each, sent_at=begun))
    assert timedelta(days=3) < given_up_at - begun < timedelta(days=4)
    (message,) = [each for each in hub.alerts.messages(begun) if "new" in each.text]
    assert (message.kept, message.error) == (True, "there was no answer")


def test_a_channel_that_refuses_holds_up_no_other(tmp_path: Path, post: Postbox) -> None:
    two = contract(support=(CHAT, Support(tool="teams", channel="orders")), owners=())
    hub = plain_hub(tmp_path, post, two)
    post.refuses["#payments"] = ZeroDivisionError(
        "a fault of the library, with the secret https://hooks/T0KEN"
    )
    release(hub, two, "bad", [1, 1])
    pipeline.tell(hub)
    assert post.said() == [("orders", "new", "rejected/payments.orders")]
    assert [message.error for message in hub.alerts.pending()] == ["the channel failed (ZeroDivisionError)"]


def test_a_channel_that_the_settings_do_not_know_keeps_its_messages(tmp_path: Path, post: Postbox) -> None:
    post.unknown.add("#payments")
    hub = plain_hub(tmp_path, post)
    release(hub, ORDERS, "bad", [1, 1])
    (message,) = pipeline.tell(hub)
    assert message.kept
    assert message.sent_at is not None
    assert hub.alerts.pending() == []
    assert [line["kind"] for line in outbox(tmp_path)] == ["rejected"]


def test_a_slow_channel_does_not_hold_up_a_call_for_long(
    tmp_path: Path, post: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "LONGEST_CALL", 0.0)
    hub = plain_hub(tmp_path, post)
    release(hub, ORDERS, "bad", [1, 1])
    pipeline.tell(hub)
    assert post.said() == []
    assert len(hub.alerts.pending()) == 1, "it goes with the next call"


def test_what_cannot_be_put_into_words_is_said_badly(
    tmp_path: Path, post: Postbox, caplog: pytest.LogCaptureFixture
) -> None:
    class Speechless(AlertTexts):
        def render(self, digest: Digest) -> tuple[str, str]:
            raise KeyError("delivery")

    hub = hub_at(tmp_path, ORDERS, channels=post, texts=Speechless())
    release(hub, ORDERS, "bad", [1, 1])
    with caplog.at_level(logging.CRITICAL):
        pipeline.tell(hub)
    (message,) = post.taken
    assert "rejected/payments.orders" in message.text


def test_an_alert_that_cannot_be_read_stops_no_other(tmp_path: Path, post: Postbox) -> None:
    hub = plain_hub(tmp_path, post)
    hub.storage.create(Location("alerts/raised/2026-11-20T00-00-00.000000Z.0f.0f.json"), b"{")
    hub.storage.create(Location("alerts/open/0f.json"), b"{")
    release(hub, ORDERS, "bad", [1, 1])
    pipeline.tell(hub)
    assert post.said() == [("#payments", "new", "rejected/payments.orders")]
    assert len(hub.alerts.unreadable()) == 2


def test_telling_never_fails_and_what_failed_is_told_the_next_time(
    tmp_path: Path, post: Postbox, caplog: pytest.LogCaptureFixture
) -> None:
    hub = plain_hub(tmp_path, post)
    release(hub, ORDERS, "bad", [1, 1])

    class FullDisk(JsonAlertLog):
        def save_incident(self, incident: Incident) -> None:
            raise StorageError("no space left on device")

    full = replace(hub, alerts=FullDisk(hub.storage))
    for _ in range(2):
        assert pipeline.tell(full) == ()
    assert "no space left" in caplog.text
    assert post.said() == [("#payments", "new", "rejected/payments.orders")], "people first, and once"
    pipeline.tell(hub)
    assert post.said() == []
    assert [incident.key for incident in hub.alerts.open_incidents()] == ["rejected/payments.orders"]


class ManyAtOnce(LocalStorage):
    """A disk of which many calls may be made at once, as of an object store."""

    parallel = 8


def test_incidents_are_kept_side_by_side_and_those_of_a_key_in_their_order(
    tmp_path: Path, post: Postbox
) -> None:
    together = Barrier(4, timeout=10)

    class Waiting(JsonAlertLog):
        def save_incident(self, incident: Incident) -> None:
            if incident.key.startswith("run-failed"):
                together.wait()
            super().save_incident(incident)

    storage = ManyAtOnce(tmp_path)
    hub = plain_hub(tmp_path, post, storage=storage, alerts=Waiting(storage))
    hub.alerts.raise_alert(alert_of("sensor-failed/inbox", hub))
    pipeline.tell(hub)
    later(hub, DAY)
    hub.alerts.raise_alert(alert_of("sensor-failed/inbox", hub, stage=Stage.OVER))
    later(hub, DAY)
    hub.alerts.raise_alert(alert_of("sensor-failed/inbox", hub))
    for job in "abcd":
        hub.alerts.raise_alert(alert_of(f"run-failed/{job}", hub, kind=AlertKind.RUN_FAILED))
    pipeline.tell(hub)
    assert [incident.key for incident in hub.alerts.open_incidents()] == [
        "sensor-failed/inbox",
        *(f"run-failed/{job}" for job in "abcd"),
    ]


# ── Partitions that are refused ──────────────────────────────────────────────────────────────────────────────────────

DAYS = contract(
    "payments.days",
    support=(CHAT,),
    owners=(),
    delivery=by_day(start=date(2026, 11, 2)),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(data_test("unique", "id", "payments.days"),),
    freshness_slos=(FreshnessSlo(due=time(8), timezone="Asia/Tokyo"),),
)


def deliver(hub: Hub, name: str, *days: int, ids: Sequence[int] = (1,)) -> None:
    files = {f"day=2026-11-{day}/a.parquet": orders([100 * day + each for each in ids]) for day in days}
    put_delivery(hub, DAYS, name, files)
    later(hub, timedelta(minutes=20))
    pipeline.release(hub, DAYS, name, actor="test")
    pipeline.tell(hub)


def still_refused(hub: Hub) -> list[str] | None:
    """The partitions of which people know that they are refused; None = nothing is open."""
    found = [each for each in hub.alerts.open_incidents() if each.alert.kind is AlertKind.REJECTED]
    return found[0].alert.facts["partitions"] if found else None


def test_what_was_rejected_is_over_once_all_its_partitions_are_published(
    tmp_path: Path, post: Postbox
) -> None:
    hub = plain_hub(tmp_path, post, DAYS)
    deliver(hub, "wednesday", 18)
    post.said()
    deliver(hub, "thursday", 19, ids=(1, 1))
    deliver(hub, "friday", 20, ids=(1, 1))
    assert still_refused(hub) == ["2026-11-19", "2026-11-20"]
    deliver(hub, "saturday", 21)
    deliver(hub, "friday-again", 20)
    assert still_refused(hub) == ["2026-11-19"]
    told = [told for _, told, key in post.said() if key.startswith("rejected")]
    assert told == ["new", "worse"], "the 19th is still missing"
    deliver(hub, "thursday-again", 19)
    assert still_refused(hub) is None
    assert ("#payments", "over", "rejected/payments.days") in post.said()


def test_a_delivery_of_nobody_knows_which_partitions_is_over_with_any_release(
    tmp_path: Path, post: Postbox
) -> None:
    hub = plain_hub(tmp_path, post, DAYS)
    put_delivery(hub, DAYS, "torn", {"a.parquet": b"this is no Parquet"})
    pipeline.release(hub, DAYS, "torn", actor="test")
    pipeline.tell(hub)
    assert still_refused(hub) == []
    deliver(hub, "friday", 20)
    assert still_refused(hub) is None


def test_alerts_of_a_dataset_say_on_whose_clocks_people_are_told(tmp_path: Path, post: Postbox) -> None:
    hub = plain_hub(tmp_path, post, DAYS)
    deliver(hub, "thursday", 19, ids=(1, 1))
    (incident,) = hub.alerts.open_incidents()
    assert incident.alert.facts["timezone"] == "Asia/Tokyo"


# ── Quality ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_quality_that_is_accepted_is_told_again_only_if_its_budget_burns_faster(
    tmp_path: Path, post: Postbox
) -> None:
    audited = replace(ORDERS, quality_slo=QualitySlo(objective=0.9))
    hub = plain_hub(tmp_path, post, audited)
    with pytest.raises(RefusedError, match="nothing is wrong"):
        pipeline.accept(hub, audited, "slo_quality", until=hub.clock.now() + DAY, reason="known", actor="ann")
    release(hub, audited, "bad", [1, 1])

    def burns(level: float) -> list[tuple[str, str, str]]:
        later(hub, timedelta(hours=1))
        key, kind = "budget-burns/payments.orders/quality", AlertKind.BUDGET_BURNS
        hub.alerts.raise_alert(
            alert_of(key, hub, kind=kind, level=level, facts={"slo": "quality"}, dataset="payments.orders")
        )
        pipeline.tell(hub)
        return [each for each in post.said() if each[2] == key]

    accepted = pipeline.accept(
        hub, audited, "slo_quality", until=hub.clock.now() + DAY, reason="a new feed", actor="ann"
    )
    assert accepted.level == pytest.approx(10), "each delivery was rejected, and one in ten is allowed"
    assert burns(5.0) == []
    assert burns(10.0) == []
    assert burns(20.0) == [("#payments", "new", "budget-burns/payments.orders/quality")]
    assert burns(15.0) == []
    assert burns(40.0) == [("#payments", "worse", "budget-burns/payments.orders/quality")]


def test_somebody_else_at_it_is_left_to_it(
    tmp_path: Path, post: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datahub_dagster.steps.acknowledge.LONGEST_CALL", 0.0)
    hub = plain_hub(tmp_path, post)
    hub.alerts.raise_alert(alert_of("sensor-failed/inbox", hub))
    with hub.alerts.telling(hub.clock.now()):
        assert pipeline.tell(hub) == ()
        assert len(hub.alerts.raised()) == 1
        with pytest.raises(ConflictError, match="at this moment"):
            pipeline.acknowledge(hub, ["0f"], reason="on it", actor="ann")


def test_where_nothing_is_to_be_told_nothing_is_written(tmp_path: Path, post: Postbox) -> None:
    hub = plain_hub(tmp_path, post)
    release(hub, ORDERS, "bad", [1, 1])
    pipeline.tell(hub)
    hub.alerts.save_baseline(
        Baseline(
            dataset="x.y",
            check="c",
            level=1.0,
            until=hub.clock.now() + DAY,
            reason="known",
            actor="ann",
            accepted_at=hub.clock.now(),
        )
    )
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert pipeline.tell(hub) == ()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_thousand_incidents_of_a_team_are_one_message(tmp_path: Path, post: Postbox) -> None:
    contracts = [contract(f"payments.t{number:04}", support=(CHAT,), owners=()) for number in range(1000)]
    hub = plain_hub(tmp_path, post, *contracts)
    for each in contracts:
        hub.alerts.raise_alert(
            alert_of(
                f"checks-failed/{each.name}",
                hub,
                team="payments",
                dataset=str(each.name),
                kind=AlertKind.CHECKS_FAILED,
            )
        )
    pipeline.tell(hub)
    (message,) = post.taken
    assert len(message.incidents) == 1000
