"""What every alert log does, over every storage."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.domain.alert import Alert, AlertKind, Baseline, Incident, Message, Stage, Told
from datahub_dagster.domain.contract import Language, QuietHours, Support
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import ConflictError
from datahub_dagster.ports import AlertLog, Storage

NOW = datetime(2026, 11, 30, 23, 58, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NIGHT = QuietHours(since=datetime.min.time(), until=datetime.min.time().replace(hour=7))
CHAT = Support(tool="slack", channel="#markets", language=Language.JAPANESE, quiet=NIGHT)

LOGS: dict[str, Callable[[Storage], AlertLog]] = {"json": JsonAlertLog}


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest, storage: Storage) -> AlertLog:
    return LOGS[request.param](storage)


def alert(key: str = "rejected/payments.orders", minutes: int = 0, **more: Any) -> Alert:
    values: dict[str, Any] = {
        "kind": AlertKind.REJECTED,
        "stage": Stage.OPEN,
        "team": "payments",
        "dataset": "payments.orders",
        "facts": {"why": "列がない", "checks": [{"check": "unique_id", "failures": 3}]},
        "to": ("desk@example.com",),
        "level": 3.0,
    }
    return Alert(key=key, at=NOW + minutes * MINUTE, **(values | more))


def incident(key: str = "rejected/payments.orders", minutes: int = 0, **more: Any) -> Incident:
    about = alert(key, minutes)
    return Incident(id=about.id[:8], key=key, opened_at=about.at, alert=about, **more)


def message(id: str = "m1", minutes: int = 0, **more: Any) -> Message:
    at = NOW + minutes * MINUTE
    values: dict[str, Any] = {
        "route": CHAT,
        "language": Language.JAPANESE,
        "subject": "却下されました",
        "text": "...",
        "team": "payments",
        "incidents": ("0f0f0f0f",),
        "told": (Told.NEW,),
        "created_at": at,
        "not_before": at,
    }
    return Message(id=id, **(values | more))


def baseline(check: str = "unique_id", **more: Any) -> Baseline:
    values: dict[str, Any] = {
        "dataset": "payments.orders",
        "level": 3.0,
        "until": NOW + 7 * DAY,
        "reason": "known",
        "actor": "ann",
        "accepted_at": NOW,
    }
    return Baseline(check=check, **(values | more))


def test_an_empty_log_has_nothing(log: AlertLog) -> None:
    assert (log.raised(), log.open_incidents(), log.pending(), log.baselines()) == ([], [], [], [])
    assert (log.incidents(NOW), log.messages(NOW), log.unreadable()) == ([], [], [])
    assert log.incident("rejected/payments.orders") is None
    assert log.open_keys(["rejected/payments.orders"]) == frozenset()
    log.settle([alert()])
    log.remove_baseline("payments.orders", "unique_id")


def test_alerts_wait_in_their_order_until_they_are_settled(log: AlertLog) -> None:
    later, first = alert(minutes=5), alert("slo-missed/a.b/noon, 正午/2026-11-20", minutes=1)
    for each in (later, first, first):
        log.raise_alert(each)
    assert log.raised() == [first, later]
    log.settle([first])
    assert log.raised() == [later]


def test_a_key_is_open_once_it_was_raised_and_until_it_is_over(log: AlertLog) -> None:
    keys = ["rejected/payments.orders", "warned/payments.orders"]
    log.raise_alert(alert())
    assert log.open_keys(keys) == {"rejected/payments.orders"}
    log.save_incident(incident())
    log.settle([alert()])
    assert log.open_keys(keys) == {"rejected/payments.orders"}
    log.save_incident(incident(closed_at=NOW + MINUTE))
    assert log.open_keys(keys) == frozenset()


def test_an_incident_is_kept_as_it_stands_now(log: AlertLog) -> None:
    opened = incident()
    log.save_incident(opened)
    assert log.open_incidents() == [opened]
    told = replace(opened, told_at=NOW, told_level=3.0, acknowledged_by="ann")
    log.save_incident(told)
    assert log.open_incidents() == [told]
    assert log.incident(opened.key) == told


def test_an_incident_that_is_over_is_history_and_the_last_of_its_key(log: AlertLog) -> None:
    first = incident(closed_at=NOW + MINUTE)
    log.save_incident(incident())
    log.save_incident(first)
    assert log.open_incidents() == []
    assert log.incident(first.key) == first
    again = incident(minutes=10)
    log.save_incident(again)
    assert log.incident(first.key) == again
    assert log.incidents(NOW) == [first, again]
    assert log.incidents(NOW + 2 * MINUTE) == [again], "the first was over by then; the other is open"


def test_history_goes_over_the_end_of_a_month(log: AlertLog) -> None:
    old, new = incident("a", closed_at=NOW), incident("b", closed_at=NOW + 5 * MINUTE)
    for each in (old, new):
        log.save_incident(each)
    assert log.incidents(NOW - DAY) == [old, new]
    assert log.incidents(NOW + MINUTE) == [new]


def test_a_message_waits_until_it_is_sent(log: AlertLog) -> None:
    log.add_message(message("b", 1))
    log.add_message(message("a", 2))
    log.add_message(message("b", 1, subject="decided anew"))
    assert [each.id for each in log.pending()] == ["b", "a"]
    assert log.pending()[0].subject == "却下されました"
    refused = message("b", 1, attempts=1, error="no answer", not_before=NOW + DAY)
    log.save_message(refused)
    assert log.pending()[0] == refused
    sent = replace(refused, sent_at=NOW + DAY, error="")
    log.save_message(sent)
    log.add_message(message("b", 1))
    assert [each.id for each in log.pending()] == ["a"]
    assert log.messages(NOW) == [sent, message("a", 2)]
    assert log.messages(NOW + 2 * MINUTE) == [message("a", 2)]


def test_what_is_accepted_of_a_check_is_what_was_said_last(log: AlertLog) -> None:
    log.save_baseline(baseline())
    log.save_baseline(baseline("not_null_id"))
    log.save_baseline(baseline(level=5.0))
    assert log.baselines() == [baseline("not_null_id"), baseline(level=5.0)]
    log.remove_baseline("payments.orders", "not_null_id")
    assert log.baselines() == [baseline(level=5.0)]


def test_one_at_a_time_deals_with_alerts(log: AlertLog, storage: Storage) -> None:
    with log.telling(NOW) as mine:
        with JsonAlertLog(storage).telling(NOW + MINUTE) as others:
            assert (mine, others) == (True, False)
        with JsonAlertLog(storage).telling(NOW + MINUTE) as others:
            assert not others, "who is refused takes nobody's claim away"
    with log.telling(NOW + MINUTE) as mine:
        assert mine


def test_a_claim_that_a_crash_left_behind_ends_after_minutes(log: AlertLog, storage: Storage) -> None:
    killed = JsonAlertLog(storage).telling(NOW)
    assert killed.__enter__()
    with log.telling(NOW + 4 * MINUTE) as mine:
        assert not mine
    with log.telling(NOW + 5 * MINUTE) as mine:
        assert mine
        killed.__exit__(None, None, None)  # it was only slow, and takes nothing but its own claim away
        with JsonAlertLog(storage).telling(NOW + 5 * MINUTE) as others:
            assert not others


def test_a_claim_is_kept_for_as_long_as_it_is_renewed(log: AlertLog, storage: Storage) -> None:
    with log.telling(NOW) as mine:
        assert mine
        for minutes in (3, 6, 9):
            log.still_telling(NOW + minutes * MINUTE)
        with JsonAlertLog(storage).telling(NOW + 10 * MINUTE) as others:
            assert not others
        with JsonAlertLog(storage).telling(NOW + 15 * MINUTE) as others:
            assert others
            with pytest.raises(ConflictError, match="taken over"):
                log.still_telling(NOW + 15 * MINUTE)
    assert storage.list_names(Location("alerts/telling")) == []


def test_a_claim_that_cannot_be_read_is_none(log: AlertLog, storage: Storage) -> None:
    storage.create(Location("alerts/telling/7.json"), b"torn")
    with log.telling(NOW) as mine:
        assert mine
    assert storage.list_names(Location("alerts/telling")) == []


def test_what_cannot_be_read_hides_nothing_else_and_is_named(log: AlertLog, storage: Storage) -> None:
    log.raise_alert(alert())
    log.save_incident(incident("a"))
    log.add_message(message())
    log.save_baseline(baseline())
    broken = {
        Location("alerts/raised/2026-11-30T23-58-00.000000Z.0f.0f.json"): b"",
        Location("alerts/open/0f.json"): b'{"id": "0f", "ke',
        Location("alerts/pending/0f.json"): b"[]",
        Location("alerts/baselines/0f.json"): b"\xff\xfe",
    }
    for place, content in broken.items():
        storage.create(place, content)
    found = (log.raised(), log.open_incidents(), log.pending(), log.baselines())
    assert [len(each) for each in found] == [1, 1, 1, 1]
    assert log.unreadable() == [storage.uri(place) for place in broken]
    for place, content in broken.items():
        assert storage.read(place) == content, "nothing writes over it"


def test_what_another_process_changed_is_seen(log: AlertLog, storage: Storage) -> None:
    other = JsonAlertLog(storage)
    for level in (1.0, 2.0):
        other.save_incident(replace(incident(), told_level=level))
        other.save_baseline(baseline(level=level))
        assert log.open_incidents()[0].told_level == level
        assert log.baselines()[0].level == level
    other.save_incident(incident(closed_at=NOW))
    assert log.open_incidents() == []
