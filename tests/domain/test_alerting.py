"""What people are told, and when: one table of incidents over time, no storage and no channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from datahub_dagster.domain.alert import (
    Alert,
    Alerting,
    AlertKind,
    Baseline,
    Incident,
    Message,
    Stage,
    Told,
)
from datahub_dagster.domain.alert_routes import quiet_hours_at
from datahub_dagster.domain.alerting import Decision, Situation, Telling, decide
from datahub_dagster.domain.contract import Contract, Language, QuietHours, Support
from tests.builders import contract

MONDAY = datetime(2026, 11, 23, 9, 31, tzinfo=UTC)  # 18:31 in Tokyo
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHAT = Support(tool="slack", channel="#payments")
NIGHT = QuietHours(since=time(22), until=time(7), timezone="Asia/Tokyo")
PLATFORM = Support(tool="pagerduty", channel="platform")
ALERTING = Alerting(platform=(PLATFORM,))
ORDERS = contract(support=(CHAT,), owners=())
NEW, WORSE, REMINDER, OVER = Told.NEW, Told.WORSE, Told.REMINDER, Told.OVER


def alert(
    kind: AlertKind = AlertKind.CHECKS_FAILED,
    stage: Stage = Stage.OPEN,
    at: datetime = MONDAY,
    *,
    dataset: str = "payments.orders",
    team: str = "payments",
    key: str = "",
    level: float = 0.0,
    to: tuple[str, ...] = (),
    **facts: Any,
) -> Alert:
    key = key or f"{kind.value}/{dataset}"
    return Alert(
        kind=kind, key=key, stage=stage, team=team, at=at, dataset=dataset, level=level, facts=facts, to=to
    )


def failing(at: datetime = MONDAY, **checks: int) -> Alert:
    """Checks on published data that fail, each with how many rows."""
    named = [{"check": name, "failures": count} for name, count in checks.items()]
    return alert(at=at, level=float(sum(checks.values())), checks=named)


def missed(at: datetime = MONDAY, stage: Stage = Stage.OPEN, late: float = 60.0, **more: Any) -> Alert:
    key = "slo-missed/payments.orders/freshness/2026-11-23"
    facts = {"slo": "freshness", "business_date": "2026-11-23", "late_seconds": late}
    return alert(AlertKind.SLO_MISSED, stage, at, key=key, level=late, **facts, **more)


@dataclass
class Room:
    """Keeps what was decided, as the alert log does, and shows what people hear."""

    contracts: tuple[Contract, ...] = (ORDERS,)
    alerting: Alerting = ALERTING
    baselines: list[Baseline] = field(default_factory=list[Baseline])
    incidents: dict[str, Incident] = field(default_factory=dict[str, Incident])
    by_id: dict[str, Incident] = field(default_factory=dict[str, Incident])
    held: dict[str, Message] = field(default_factory=dict[str, Message])

    def decide(self, now: datetime, *alerts: Alert) -> Decision:
        held = [message for message in self.held.values() if message.not_before > now]
        contracts = {str(each.name): each for each in self.contracts}
        situation = Situation(
            newest=self.incidents,
            contracts=contracts,
            baselines=self.baselines,
            held=held,
            told_of=self.by_id,
        )
        return decide(alerts, situation, self.alerting, now)

    def tell(self, now: datetime, *alerts: Alert) -> Mapping[str, list[tuple[Told, str]]]:
        """By channel, what it is told of which incident."""
        decision = self.decide(now, *alerts)
        for incident in decision.incidents:
            self.incidents[incident.key] = self.by_id[incident.id] = incident
        for telling in decision.tellings:
            if telling.is_held:
                self.held[telling.id] = as_message(telling, now)
        return {telling.route.channel: said(telling) for telling in decision.tellings}

    def accept(self, check: str, level: float, until: datetime) -> None:
        self.baselines.append(
            Baseline(
                dataset="payments.orders",
                check=check,
                level=level,
                until=until,
                reason="known",
                actor="ann",
                accepted_at=MONDAY,
            )
        )

    def acknowledge(self, key: str) -> None:
        self.incidents[key] = replace(self.incidents[key], acknowledged_by="ann")


def said(telling: Telling) -> list[tuple[Told, str]]:
    return [(item.told, item.incident.key) for item in telling.digest.items]


def as_message(telling: Telling, now: datetime) -> Message:
    return Message(
        id=telling.id,
        route=telling.route,
        language=telling.digest.language,
        subject="",
        text="",
        team=telling.digest.team,
        incidents=tuple(item.incident.id for item in telling.digest.items),
        told=tuple(item.told for item in telling.digest.items),
        created_at=now,
        not_before=telling.not_before,
    )


@pytest.fixture
def room() -> Room:
    return Room()


CHECKS = "checks-failed/payments.orders"
MISSED = "slo-missed/payments.orders/freshness/2026-11-23"


def test_an_incident_is_told_when_it_opens_once_and_when_it_is_over(room: Room) -> None:
    assert room.tell(MONDAY, failing(unique_id=3)) == {"#payments": [(NEW, CHECKS)]}
    assert room.tell(MONDAY + MINUTE, failing(MONDAY + MINUTE, unique_id=3)) == {}
    assert room.tell(MONDAY + 2 * MINUTE) == {}
    over = alert(stage=Stage.OVER, at=MONDAY + HOUR)
    assert room.tell(MONDAY + HOUR, over) == {"#payments": [(OVER, CHECKS)]}
    assert room.tell(MONDAY + HOUR, over) == {}
    again = failing(MONDAY + 2 * HOUR, unique_id=3)
    assert room.tell(MONDAY + 2 * HOUR, again) == {"#payments": [(NEW, CHECKS)]}


def test_what_is_over_and_was_never_open_is_nothing(room: Room) -> None:
    assert room.tell(MONDAY, alert(stage=Stage.OVER)) == {}
    assert room.tell(MONDAY, missed(stage=Stage.OVER, late=0.0)) == {}


def test_more_failures_are_told_and_fewer_are_not(room: Room) -> None:
    room.tell(MONDAY, failing(unique_id=3))
    assert room.tell(MONDAY + HOUR, failing(MONDAY + HOUR, unique_id=2)) == {}
    assert room.tell(MONDAY + 2 * HOUR, failing(MONDAY + 2 * HOUR, unique_id=3)) == {}
    told = room.tell(MONDAY + 3 * HOUR, failing(MONDAY + 3 * HOUR, unique_id=4))
    assert told == {"#payments": [(WORSE, CHECKS)]}


def test_another_delivery_that_is_rejected_is_told_and_the_same_once_more_is_not(room: Room) -> None:
    def rejected(minutes: int, delivery: str) -> Alert:
        return alert(
            AlertKind.REJECTED, at=MONDAY + minutes * MINUTE, level=5.0, delivery=delivery, checks=[]
        )

    assert room.tell(MONDAY, rejected(0, "monday"))["#payments"][0][0] is NEW
    assert room.tell(MONDAY + 5 * MINUTE, rejected(5, "monday")) == {}
    assert room.tell(MONDAY + 9 * MINUTE, rejected(9, "tuesday"))["#payments"][0][0] is WORSE


def test_a_late_monday_is_told_at_18_31_and_when_it_came_and_not_every_minute(room: Room) -> None:
    assert room.tell(MONDAY, missed()) == {"#payments": [(NEW, MISSED)]}
    for minutes in range(1, 34):
        at = MONDAY + minutes * MINUTE
        assert room.tell(at, missed(at, late=60.0 * minutes)) == {}, "lateness grows by itself"
    came = missed(MONDAY + 34 * MINUTE, Stage.OVER, late=2100.0)
    assert room.tell(MONDAY + 34 * MINUTE, came) == {"#payments": [(OVER, MISSED)]}


def test_what_came_late_while_nobody_looked_is_told_once(room: Room) -> None:
    came = missed(stage=Stage.OVER, late=2100.0)
    assert room.tell(MONDAY, came) == {"#payments": [(OVER, MISSED)]}
    assert room.tell(MONDAY + MINUTE, came) == {}
    late_monitor = missed(MONDAY + 2 * MINUTE)
    assert room.tell(MONDAY + 2 * MINUTE, late_monitor) == {}, (
        "it looked before the release, and spoke after it"
    )


def test_what_opened_and_ended_between_two_looks_is_told_as_over(room: Room) -> None:
    ended = alert(stage=Stage.OVER, at=MONDAY + MINUTE)
    assert room.tell(MONDAY + 2 * MINUTE, ended, failing(unique_id=1)) == {"#payments": [(OVER, CHECKS)]}


def test_two_incidents_of_one_key_between_two_looks_are_both_told(room: Room) -> None:
    alerts = (
        failing(unique_id=1),
        alert(stage=Stage.OVER, at=MONDAY + MINUTE),
        failing(MONDAY + 2 * MINUTE, unique_id=1),
    )
    assert room.tell(MONDAY + 3 * MINUTE, *alerts) == {"#payments": [(NEW, CHECKS), (OVER, CHECKS)]}
    assert room.incidents[CHECKS].is_open


def test_dealing_with_the_same_alerts_again_tells_nothing_new(room: Room) -> None:
    alerts = (
        failing(unique_id=1),
        missed(),
        alert(AlertKind.ROLLED_BACK, Stage.HAPPENED, key="rolled-back/x/4"),
    )
    first = room.decide(MONDAY, *alerts)
    again = room.decide(MONDAY + MINUTE, *alerts)
    assert [telling.id for telling in first.tellings] == [telling.id for telling in again.tellings]
    room.tell(MONDAY, *alerts)
    assert room.decide(MONDAY + MINUTE, *alerts) == Decision()


def test_what_nobody_acknowledged_is_told_again_each_day(room: Room) -> None:
    room.tell(MONDAY, missed())
    assert room.tell(MONDAY + DAY - MINUTE) == {}
    assert room.tell(MONDAY + DAY) == {"#payments": [(REMINDER, MISSED)]}
    assert room.tell(MONDAY + DAY + HOUR) == {}
    room.acknowledge(MISSED)
    assert room.tell(MONDAY + 3 * DAY) == {}
    came = missed(MONDAY + 3 * DAY, Stage.OVER, late=3 * 86400.0)
    assert room.tell(MONDAY + 3 * DAY, came) == {"#payments": [(OVER, MISSED)]}


def test_an_acknowledged_incident_that_gets_worse_is_told(room: Room) -> None:
    room.tell(MONDAY, failing(unique_id=3))
    room.acknowledge(CHECKS)
    assert room.tell(MONDAY + HOUR, failing(MONDAY + HOUR, unique_id=9)) == {"#payments": [(WORSE, CHECKS)]}


def test_nobody_is_reminded_where_the_settings_say_so() -> None:
    room = Room(alerting=replace(ALERTING, remind_after=timedelta(0)))
    room.tell(MONDAY, missed())
    assert room.tell(MONDAY + 9 * DAY) == {}


# ── What is accepted as known ────────────────────────────────────────────────────────────────────────────────────────


def test_an_accepted_failure_is_silent_until_there_are_more_of_it(room: Room) -> None:
    room.accept("unique_id", 3, MONDAY + 7 * DAY)
    assert room.tell(MONDAY, failing(unique_id=3)) == {}
    assert room.incidents[CHECKS].is_open, "it is there to be looked at"
    assert room.tell(MONDAY + 2 * DAY) == {}, "nobody is reminded of it"
    assert room.tell(MONDAY + 3 * DAY, failing(MONDAY + 3 * DAY, unique_id=4)) == {
        "#payments": [(NEW, CHECKS)]
    }


def test_an_accepted_failure_that_is_over_is_silent_too(room: Room) -> None:
    room.accept("unique_id", 3, MONDAY + 7 * DAY)
    room.tell(MONDAY, failing(unique_id=3))
    assert room.tell(MONDAY + DAY, alert(stage=Stage.OVER, at=MONDAY + DAY)) == {}
    assert not room.incidents[CHECKS].is_open


def test_an_accepted_failure_is_told_when_its_acceptance_expires(room: Room) -> None:
    room.accept("unique_id", 3, MONDAY + 7 * DAY)
    room.tell(MONDAY, failing(unique_id=3))
    assert room.tell(MONDAY + 7 * DAY - MINUTE) == {}
    assert room.tell(MONDAY + 7 * DAY) == {"#payments": [(NEW, CHECKS)]}


def test_what_is_accepted_is_left_out_beside_what_is_not(room: Room) -> None:
    room.accept("unique_id", 3, MONDAY + 7 * DAY)
    decision = room.decide(MONDAY, failing(unique_id=3, not_null_id=2))
    (telling,) = decision.tellings
    told = telling.digest.items[0].incident.alert
    assert told.facts["checks"] == [{"check": "not_null_id", "failures": 2}]
    assert told.level == 2
    (kept,) = decision.incidents
    assert len(kept.alert.facts["checks"]) == 2, "what was noticed is kept whole"


def test_a_rejection_by_an_accepted_check_is_silent_and_one_without_any_is_not(room: Room) -> None:
    room.accept("unique_id", 3, MONDAY + 7 * DAY)
    checks = [{"check": "unique_id", "failures": 3}]
    assert room.tell(MONDAY, alert(AlertKind.REJECTED, level=3.0, delivery="a", checks=checks)) == {}
    unreadable = alert(AlertKind.REJECTED, at=MONDAY + HOUR, level=1.0, delivery="b", checks=[])
    assert room.tell(MONDAY + HOUR, unreadable) == {"#payments": [(NEW, "rejected/payments.orders")]}


def test_an_accepted_slo_is_silent_until_it_is_later_than_that(room: Room) -> None:
    room.accept("slo_freshness", 7200.0, MONDAY + 7 * DAY)
    assert room.tell(MONDAY, missed()) == {}
    assert room.tell(MONDAY + HOUR) == {}
    told = room.decide(MONDAY + 2 * HOUR)
    assert said(told.tellings[0]) == [(NEW, MISSED)]
    assert told.tellings[0].digest.items[0].incident.alert.facts["late_seconds"] == 7260.0
    at_risk = alert(AlertKind.SLO_AT_RISK, key="slo-at-risk/payments.orders/freshness/x", slo="freshness")
    assert room.tell(MONDAY, at_risk) == {}


def test_an_acceptance_of_another_dataset_does_not_count(room: Room) -> None:
    room.accept("unique_id", 3, MONDAY + 7 * DAY)
    other = replace(failing(unique_id=3), dataset="payments.refunds", key="checks-failed/payments.refunds")
    assert room.tell(MONDAY, other)


# ── Who is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"support": (CHAT,), "owners": ("ann@example.com",)}, {"#payments", "ann@example.com"}),
        (
            {
                "support": (CHAT, Support(tool="email", channel="list@example.com")),
                "owners": ("ann@example.com",),
            },
            {"#payments", "list@example.com"},
        ),
        ({"support": (), "owners": ("ann@example.com",)}, {"ann@example.com"}),
        ({"support": (), "owners": ()}, {"platform"}),
    ],
    ids=[
        "owners get mail beside a chat",
        "a mailing list stands for them",
        "owners alone",
        "nobody: the platform",
    ],
)
def test_the_contract_says_who_is_told(about: dict[str, Any], expected: set[str]) -> None:
    room = Room(contracts=(contract(**about),))
    assert room.tell(MONDAY, failing(unique_id=1)).keys() == expected


def test_consumers_are_told_of_their_datasets_alone_and_of_its_end() -> None:
    room = Room()
    told = room.tell(MONDAY, missed(to=("desk@example.com",)), failing(unique_id=1))
    assert told["desk@example.com"] == [(NEW, MISSED)]
    assert len(told["#payments"]) == 2
    came = missed(MONDAY + HOUR, Stage.OVER, late=3600.0)
    assert room.tell(MONDAY + HOUR, came)["desk@example.com"] == [(OVER, MISSED)]


def test_a_consumer_whom_it_hurts_later_is_told_then_and_nobody_else() -> None:
    room = Room()
    room.tell(MONDAY, missed(to=("desk@example.com",)))
    joined = missed(MONDAY + HOUR, to=("desk@example.com", "risk@example.com"))
    assert room.tell(MONDAY + HOUR, joined) == {"risk@example.com": [(NEW, MISSED)]}


def test_what_is_no_teams_goes_to_the_platform_and_what_is_a_teams_to_its_channels() -> None:
    room = Room()
    sensor = alert(AlertKind.SENSOR_FAILED, dataset="", team="", key="sensor-failed/inbox", sensor="inbox")
    run = alert(AlertKind.RUN_FAILED, dataset="", key="run-failed/release", job="release")
    gone = replace(failing(unique_id=1), dataset="elsewhere.gone", team="elsewhere")
    assert room.tell(MONDAY, sensor) == {"platform": [(NEW, "sensor-failed/inbox")]}
    assert room.tell(MONDAY, run) == {"#payments": [(NEW, "run-failed/release")]}
    assert room.tell(MONDAY, gone).keys() == {"platform"}


def test_incidents_of_a_team_are_one_message_and_those_of_two_teams_are_two() -> None:
    refunds = contract("payments.refunds", support=(CHAT,), owners=())
    prices = contract("equities.prices", team="markets", support=(CHAT,), owners=())
    room = Room(contracts=(ORDERS, refunds, prices))
    decision = room.decide(
        MONDAY,
        failing(unique_id=1),
        replace(failing(unique_id=1), dataset="payments.refunds", key="checks-failed/payments.refunds"),
        replace(
            failing(unique_id=1),
            dataset="equities.prices",
            team="markets",
            key="checks-failed/equities.prices",
        ),
    )
    assert sorted((each.digest.team, len(each.digest.items)) for each in decision.tellings) == [
        ("markets", 1),
        ("payments", 2),
    ]
    assert {digest.team for digest, _ in decision.summaries} == {"markets", "payments"}


def test_each_channel_has_its_language_and_the_rest_the_platforms() -> None:
    support = (replace(CHAT, language=Language.ENGLISH), Support(tool="teams", channel="orders"))
    room = Room(
        contracts=(contract(support=support, owners=()),), alerting=Alerting(language=Language.JAPANESE)
    )
    decision = room.decide(MONDAY, failing(unique_id=1))
    assert {each.route.channel: each.digest.language for each in decision.tellings} == {
        "#payments": Language.ENGLISH,
        "orders": Language.JAPANESE,
    }


def test_a_risk_that_has_become_a_miss_is_told_as_a_miss_alone(room: Room) -> None:
    key = "slo-at-risk/payments.orders/freshness/2026-11-23"
    near = alert(AlertKind.SLO_AT_RISK, at=MONDAY - HOUR, key=key, slo="freshness")
    assert room.tell(MONDAY - HOUR, near) == {"#payments": [(NEW, key)]}
    gone = alert(AlertKind.SLO_AT_RISK, Stage.OVER, key=key, slo="freshness")
    assert room.tell(MONDAY, gone, missed()) == {"#payments": [(NEW, MISSED)]}


# ── Quiet hours ──────────────────────────────────────────────────────────────────────────────────────────────────────

AT_NIGHT = datetime(2026, 11, 23, 14, tzinfo=UTC)  # 23:00 in Tokyo
MORNING = datetime(2026, 11, 23, 22, tzinfo=UTC)  # 07:00 the day after


@pytest.fixture
def asleep() -> Room:
    return Room(contracts=(contract(support=(replace(CHAT, quiet=NIGHT), PLATFORM), owners=()),))


def test_what_comes_up_in_quiet_hours_is_told_when_they_are_over(asleep: Room) -> None:
    decision = asleep.decide(AT_NIGHT, failing(AT_NIGHT, unique_id=1))
    at = {each.route.channel: each.not_before for each in decision.tellings}
    assert at == {"#payments": MORNING, "platform": AT_NIGHT}, "a channel without quiet hours hears at once"


def test_what_comes_up_and_goes_in_quiet_hours_is_one_message(asleep: Room) -> None:
    asleep.tell(AT_NIGHT, failing(AT_NIGHT, unique_id=1))
    assert asleep.tell(AT_NIGHT + HOUR, missed(AT_NIGHT + HOUR))["#payments"] == [
        (NEW, CHECKS),
        (NEW, MISSED),
    ]
    over = alert(stage=Stage.OVER, at=AT_NIGHT + 2 * HOUR)
    told = asleep.tell(AT_NIGHT + 2 * HOUR, over)
    assert told == {"#payments": [(NEW, MISSED), (OVER, CHECKS)], "platform": [(OVER, CHECKS)]}
    assert len(asleep.held) == 1, "it took the place of what was held before"


def test_what_got_worse_in_quiet_hours_is_still_new_in_the_morning(asleep: Room) -> None:
    asleep.tell(AT_NIGHT, failing(AT_NIGHT, unique_id=1))
    worse = failing(AT_NIGHT + HOUR, unique_id=9)
    assert asleep.tell(AT_NIGHT + HOUR, worse) == {
        "#payments": [(NEW, CHECKS)],
        "platform": [(WORSE, CHECKS)],
    }


def test_what_nobody_knows_any_more_is_never_taken_out_of_a_message(asleep: Room) -> None:
    asleep.tell(AT_NIGHT, failing(AT_NIGHT, unique_id=1))
    asleep.incidents.clear()
    asleep.by_id.clear()
    decision = asleep.decide(AT_NIGHT + HOUR, missed(AT_NIGHT + HOUR))
    (quiet,) = (each for each in decision.tellings if each.route.channel == "#payments")
    assert not quiet.is_held
    assert quiet.not_before == MORNING
    assert quiet.id not in asleep.held


def test_quiet_hours_in_the_next_night_are_another_message(asleep: Room) -> None:
    asleep.tell(AT_NIGHT, failing(AT_NIGHT, unique_id=1))
    asleep.tell(AT_NIGHT + DAY, missed(AT_NIGHT + DAY))
    assert len(asleep.held) == 2


@pytest.mark.parametrize(
    ("quiet", "at", "expected"),
    [
        (("22:00", "07:00", "Asia/Tokyo"), "2026-11-23T12:59", None),
        (("22:00", "07:00", "Asia/Tokyo"), "2026-11-23T13:00", "2026-11-23T22:00"),
        (("22:00", "07:00", "Asia/Tokyo"), "2026-11-23T21:59", "2026-11-23T22:00"),
        (("22:00", "07:00", "Asia/Tokyo"), "2026-11-23T22:00", None),
        (("12:00", "13:00", "UTC"), "2026-11-23T12:30", "2026-11-23T13:00"),
        (("12:00", "13:00", "UTC"), "2026-11-23T11:30", None),
        # New York: an hour less in the night to 8 March 2026, one more in the night to 1 November
        (("22:00", "07:00", "America/New_York"), "2026-03-08T10:30", "2026-03-08T11:00"),
        (("22:00", "07:00", "America/New_York"), "2026-11-01T11:30", "2026-11-01T12:00"),
        # an end that does not exist on that day (02:30 is skipped): as long as it would be on any other
        (("22:00", "02:30", "America/New_York"), "2026-03-08T07:15", "2026-03-08T07:30"),
        (("00:00", "00:00", "UTC"), "2026-11-23T12:00", "2026-11-24T00:00"),
    ],
)
def test_quiet_hours_are_local_times(quiet: tuple[str, str, str], at: str, expected: str | None) -> None:
    since, until, timezone = quiet
    hours = QuietHours(since=time.fromisoformat(since), until=time.fromisoformat(until), timezone=timezone)
    found = quiet_hours_at(hours, datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert (found and found[1].isoformat(timespec="minutes")[:16]) == expected


def test_an_alert_of_a_clock_that_is_ahead_swallows_nothing_that_comes_after_it(room: Room) -> None:
    room.tell(MONDAY, failing(MONDAY + 400 * DAY, not_null_id=1))
    assert room.tell(MONDAY + HOUR, failing(MONDAY + HOUR, not_null_id=5)) != {}
    over = replace(failing(MONDAY + 2 * HOUR, not_null_id=5), stage=Stage.OVER)
    room.tell(MONDAY + 2 * HOUR, over)
    assert not any(incident.is_open for incident in room.incidents.values())


def test_an_incident_that_a_wrong_clock_dated_is_reminded_of_and_ends(room: Room) -> None:
    room.tell(MONDAY + 400 * DAY, failing(MONDAY + 400 * DAY, not_null_id=1))
    assert room.tell(MONDAY) == {}
    assert room.tell(MONDAY + DAY) != {}
    room.tell(MONDAY + 2 * DAY, replace(failing(MONDAY + 2 * DAY, not_null_id=1), stage=Stage.OVER))
    assert not any(incident.is_open for incident in room.incidents.values())


def test_nobody_is_reminded_of_a_dataset_that_has_left_the_hub(room: Room) -> None:
    room.tell(MONDAY, failing(not_null_id=1))
    room.contracts = (contract("payments.refunds", support=(CHAT,)),)
    assert room.tell(MONDAY + DAY) == {}
    assert not any(incident.is_open for incident in room.incidents.values())


def test_of_a_feed_that_has_died_people_are_reminded_once_a_day_and_not_for_each_day(room: Room) -> None:
    for day in range(3):
        at = MONDAY + day * DAY
        key = f"slo-missed/payments.orders/freshness/2026-11-{23 + day}"
        assert room.tell(at, replace(missed(at), key=key)) == {"#payments": [(NEW, key)]}
    assert len(room.tell(MONDAY + 3 * DAY)["#payments"]) == 1
