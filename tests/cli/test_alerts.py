"""`datahub alerts`, `ack` and `accept`, as a person or a program would call them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.contract import FreshnessSlo, Support
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import ChannelError
from datahub_dagster.ports import Hub
from tests.builders import NOW as TODAY
from tests.builders import contract
from tests.hubs import SteppingClock, hub_at, orders, put_delivery
from tests.pipeline.test_alerts import Plain, Postbox

NOW = TODAY.replace(year=2036)  # later than any file that a test writes
CHAT = Support(tool="slack", channel="#payments")
ORDERS = contract(support=(CHAT,), owners=(), freshness_slos=(FreshnessSlo(due=NOW.time()),))
UNIQUE = "source_unique_payments_orders_id"

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def post() -> Postbox:
    return Postbox()


@pytest.fixture
def hub(tmp_path: Path, post: Postbox) -> Hub:
    return hub_at(tmp_path / "hub", ORDERS, channels=post, texts=Plain(), clock=SteppingClock(NOW))


@pytest.fixture
def text(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; exit code and what it printed, stderr included."""

    def call(*arguments: str) -> tuple[int, str]:
        session = Session(root=str(tmp_path / "hub"))
        session.hub = hub
        code = run(arguments, session)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


@pytest.fixture
def program(text: Run) -> Run:
    """Run a command for its JSON; exit code and the document."""

    def call(*arguments: str) -> tuple[int, Any]:
        code, printed = text(*arguments, "--output", "json", "--quiet")
        return code, json.loads(printed)

    return call


@pytest.fixture
def rejected(hub: Hub, text: Run) -> str:
    """A delivery is rejected by the command line; the id of the incident."""
    put_delivery(hub, ORDERS, "bad", {"part-0.parquet": orders([1, 1])})
    assert text("release", "payments.orders", "--no-docs")[0] == 1
    (incident,) = hub.alerts.open_incidents()
    return incident.id


def test_where_nothing_is_wrong_it_says_so(text: Run, program: Run) -> None:
    assert text("alerts") == (0, "nothing is wrong that the hub knows of\n")
    assert program("alerts") == (
        0,
        {"incidents": [], "messages": [], "accepted": [], "raised": 0, "unreadable": []},
    )


def test_a_rejection_on_the_command_line_is_told_when_the_command_ends(rejected: str, post: Postbox) -> None:
    assert post.said() == [("#payments", "new", "rejected/payments.orders")]


def test_each_command_that_ends_something_tells_of_it(
    hub: Hub, rejected: str, text: Run, post: Postbox, tmp_path: Path
) -> None:
    given = tmp_path / "mended"
    put_delivery(hub, ORDERS, "first", {"part-0.parquet": orders([1])}).rename(given)
    post.said()
    text("deliver", "payments.orders", str(given), "--release", "--name", "mended")
    assert ("#payments", "over", "rejected/payments.orders") in post.said()
    put_delivery(hub, ORDERS, "second", {"part-0.parquet": orders([2])})
    text("release", "payments.orders", "--delivery", "second", "--no-docs")
    text("rollback", "payments.orders", "--to", "1", "--reason", "wrong")
    assert ("#payments", "new", "rolled-back/payments.orders/3") in post.said()
    assert text("check", "payments.orders")[0] == 0
    assert hub.alerts.raised() == []


def test_open_incidents_are_shown_with_who_is_told(rejected: str, text: Run, program: Run) -> None:
    code, shown = text("alerts")
    assert code == 0
    for each in (rejected, "slack #payments", "datahub ack ID"):
        assert each in shown
    (incident,) = program("alerts")[1]["incidents"]
    assert incident["id"] == rejected
    assert incident["key"] == "rejected/payments.orders"
    assert incident["told_to"] == ["slack #payments"]
    assert incident["facts"]["checks"] == [{"check": UNIQUE, "failures": 1}]
    assert incident["acknowledged_by"] is None


def test_an_acknowledged_incident_says_by_whom(rejected: str, text: Run, program: Run) -> None:
    code, said = text("ack", rejected[:4], "--reason", "the source is asked")
    assert (code, rejected in said) == (0, True)
    (incident,) = program("alerts")[1]["incidents"]
    assert incident["acknowledged_by"]
    assert incident["acknowledged_reason"] == "the source is asked"
    assert "the source is asked" in text("alerts")[1]


def test_an_id_that_is_none_or_several_is_refused_and_none_is_acknowledged(
    rejected: str, hub: Hub, text: Run
) -> None:
    for number in range(20):
        alert = Alert(
            kind=AlertKind.SENSOR_FAILED,
            key=f"sensor-failed/{number}",
            stage=Stage.OPEN,
            team="payments",
            at=hub.clock.now(),
        )
        hub.alerts.raise_alert(alert)
    pipeline.tell(hub)
    ids = [incident.id for incident in hub.alerts.open_incidents()]
    first = next(id[0] for id in ids if sum(each[0] == id[0] for each in ids) > 1)
    code, said = text("ack", rejected, first, "--reason", "on it")
    assert (code, "several open incidents begin so" in said) == (2, True)
    code, said = text("ack", rejected, "xyz", "--reason", "on it")
    assert (code, "there is no open incident of that id" in said) == (2, True)
    assert text("ack", rejected, "--reason", " ")[0] == 2
    assert not any(incident.acknowledged_by for incident in hub.alerts.open_incidents())


def test_a_message_that_is_refused_is_shown_with_the_reason(hub: Hub, post: Postbox, text: Run) -> None:
    post.refuses["#payments"] = ChannelError("it answered with HTTP status 503")
    put_delivery(hub, ORDERS, "bad", {"part-0.parquet": orders([1, 1])})
    text("release", "payments.orders", "--no-docs")
    shown = text("alerts")[1]
    assert "refused, 1 try: it answered with HTTP status 503" in shown


def test_what_is_over_and_what_was_sent_is_shown_on_demand(
    hub: Hub, rejected: str, text: Run, program: Run
) -> None:
    put_delivery(hub, ORDERS, "good", {"part-0.parquet": orders([1])})
    text("release", "payments.orders", "--no-docs")
    assert program("alerts")[1]["incidents"] == []
    (incident,) = program("alerts", "--all", "--since", "1h")[1]["incidents"]
    assert incident["closed_at"] is not None
    shown = text("alerts", "--all")[1]
    assert "over since" in shown
    assert "sent 2036-11-20" in shown


def test_what_cannot_be_read_is_named(hub: Hub, text: Run) -> None:
    hub.storage.create(Location("alerts/open/0f.json"), b"{")
    assert "alerts/open/0f.json" in text("alerts")[1]


def test_an_accepted_check_tells_nobody_until_more_fails(
    hub: Hub, rejected: str, text: Run, post: Postbox
) -> None:
    code, said = text(
        "accept", "payments.orders", UNIQUE, "--until", "2036-12-01", "--reason", "mended next week"
    )
    assert (code, "up to 1 failure, until 2036-12-01 00:00 UTC" in said) == (0, True)
    post.said()
    for name, ids in (("same", [2, 2]), ("worse", [3, 3, 4, 4])):
        put_delivery(hub, ORDERS, name, {"part-0.parquet": orders(ids)})
        text("release", "payments.orders", "--delivery", name, "--no-docs")
        assert bool(post.said()) is (name == "worse")
    shown = text("alerts")[1]
    assert "accepted as known" in shown
    assert "mended next week" in shown
    assert text("accept", "payments.orders", UNIQUE, "--remove")[0] == 0
    assert "accepted as known" not in text("alerts")[1]
    assert text("accept", "payments.orders", UNIQUE, "--remove")[0] == 2


def test_an_slo_that_is_missed_is_accepted_for_as_long_as_it_is_said(hub: Hub, program: Run) -> None:
    hub.alerts.raise_alert(
        Alert(
            kind=AlertKind.SLO_MISSED,
            key="slo-missed/payments.orders/freshness/2036-11-20",
            stage=Stage.OPEN,
            team="payments",
            dataset="payments.orders",
            at=NOW,
            facts={"slo": "freshness"},
        )
    )
    pipeline.tell(hub)
    code, value = program(
        "accept", "payments.orders", "slo_freshness", "--until", "2036-11-21", "--reason", "a holiday"
    )
    assert (code, value["accepted"]["level"]) == (0, 12 * 3600)


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("payments.orders", UNIQUE), 1, "nothing is wrong with it that could be accepted"),
        (("payments.orders", "unique_orders_id"), 2, f"the nearest: {UNIQUE}"),
        (("payments.order", UNIQUE), 2, "the nearest: payments.orders"),
        (("payments.orders", "slo_noon"), 2, "there is no check slo_noon"),
    ],
)
def test_what_cannot_be_accepted_says_why(
    text: Run, arguments: tuple[str, ...], code: int, expected: str
) -> None:
    found, said = text("accept", *arguments, "--until", "2036-12-01", "--reason", "known")
    assert found == code
    assert expected in said


def test_an_acceptance_needs_a_day_to_come_and_a_reason(rejected: str, text: Run) -> None:
    known = ("accept", "payments.orders", UNIQUE)
    assert "say until when" in text(*known, "--reason", "known")[1]
    assert "say until when" in text(*known, "--until", "2036-12-01", "--reason", "")[1]
    code, said = text(*known, "--until", "2036-11-01", "--reason", "known")
    assert (code, "has passed" in said) == (2, True)
