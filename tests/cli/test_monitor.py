"""`datahub monitor`: as cron runs it, and as outside watchers ask it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest
from prometheus_client.parser import text_string_to_metric_families

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from datahub_dagster.cli.monitor_server import open_server
from datahub_dagster.domain.contract import FreshnessSlo
from datahub_dagster.domain.monitor import MAX_AGE
from datahub_dagster.ports import Hub
from tests.builders import book, consumer, contract
from tests.hubs import SteppingClock, hub_at

ORDERS = contract(freshness_slos=(FreshnessSlo(due=time(18, 30), calendar="daily"),))
REFUNDS = contract("payments.refunds", freshness_slos=(FreshnessSlo(max_age=timedelta(days=2)),))
UNPROMISED = contract("payments.notes")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    given = book(ORDERS, REFUNDS, UNPROMISED, consumers=(consumer(),))
    return hub_at(tmp_path / "hub", book=given, clock=SteppingClock(NOON))


@pytest.fixture
def call(hub: Hub, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command; exit code, and the document it printed, or the text."""

    def call(*arguments: str, later: timedelta = timedelta(0), as_json: bool = True) -> tuple[int, Any]:
        session = Session()
        session.hub = hub
        hub.clock.at += later  # pyright: ignore[reportAttributeAccessIssue]
        code = run([*arguments, *(("--output", "json") if as_json else ())], session)
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if as_json else printed.out + printed.err

    return call


def test_a_tick_says_what_was_missed_and_tells_people(call: Call) -> None:
    assert call("monitor")[0] == 0
    code, late = call("monitor", later=timedelta(hours=7))
    assert code == 0, "a missed SLO is no failure of the monitor"
    assert [(each["dataset"], each["result"]["verdict"]) for each in late["evaluations"]] == [
        ("payments.orders", "missed")
    ]
    assert "slo-missed/payments.orders/freshness/2026-11-20" in [each["key"] for each in late["alerts"]]
    assert any("desk@example.com" in each["route"]["channel"] for each in late["messages"])
    text = call("monitor", later=timedelta(days=1), as_json=False)[1]
    assert "payments.orders freshness: Sat 2026-11-21 missed by 30 min" in text
    assert "affected: Morning report" in text


def test_the_check_fails_until_somebody_looks_at_every_slo_and_names_the_others(call: Call, hub: Hub) -> None:
    code, before = call("monitor", "--check")
    assert code == 1
    assert before["silent"] == {"payments.orders": ["freshness"], "payments.refunds": ["freshness"]}
    pipeline.monitor(hub, [ORDERS], scope="sensor", confirmed=0)
    code, half = call("monitor", "--check")
    assert (code, half["silent"]) == (1, {"payments.refunds": ["freshness"]})
    call("monitor")
    code, after = call("monitor", "--check")
    assert (code, after["healthy"], after["slos"]) == (0, True, 2)
    assert [each["scope"] for each in after["monitors"]] == ["command", "sensor"]
    code, text = call("monitor", "--check", later=timedelta(minutes=6), as_json=False)
    assert code == 1
    assert "nobody has looked at 2 SLOs in the last 5 min" in text
    assert call("monitor", "--check", "--max-age", "1h")[0] == 0


def test_a_sign_of_life_that_cant_be_read_is_none(call: Call, tmp_path: Path) -> None:
    call("monitor")
    (tmp_path / "hub" / "monitor" / "command" / "heartbeat.json").write_text("{")
    assert call("monitor", "--check")[0] == 1


def test_the_figures_can_be_read_by_prometheus(call: Call, tmp_path: Path) -> None:
    call("monitor")
    call("monitor", later=timedelta(hours=7))
    code, text = call("monitor", "--metrics", as_json=False)
    assert code == 0
    figures = {
        (sample.name, sample.labels.get("dataset", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert figures["datahub_monitor_slos", ""] == 2
    assert 1800 <= figures["datahub_slo_late_seconds", "payments.orders"] < 1900
    assert figures["datahub_slo_late_seconds", "payments.refunds"] == 0
    assert figures["datahub_slo_attainment_ratio", "payments.orders"] == 0
    assert figures["datahub_messages_pending", ""] >= 0
    assert (tmp_path / "hub" / "monitor" / "command" / "metrics.prom").read_text() == text


@pytest.mark.parametrize("wrong", [("--check", "--metrics"), ("--max-age", "soon"), ("--serve", "70000")])
def test_what_makes_no_sense_is_a_usage_error(call: Call, wrong: tuple[str, ...]) -> None:
    assert call("monitor", *wrong, as_json=False)[0] == 2


@contextmanager
def served(hub: Hub) -> Iterator[Callable[[str], tuple[int, str]]]:
    session = Session()
    session.hub = hub
    server = open_server(session, 0, MAX_AGE)
    Thread(target=server.serve_forever, daemon=True).start()
    opened = build_opener(ProxyHandler({}))

    def get(path: str) -> tuple[int, str]:
        try:
            with opened.open(f"http://127.0.0.1:{server.server_address[1]}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    try:
        yield get
    finally:
        server.shutdown()
        server.server_close()


def test_a_watcher_over_http_hears_that_the_monitor_went_silent(hub: Hub, call: Call) -> None:
    with served(hub) as get:
        assert get("/health")[0] == 503
        call("monitor")
        status, text = get("/health")
        assert (status, json.loads(text)["healthy"]) == (200, True)
        assert "datahub_monitor_last_tick_timestamp_seconds" in get("/metrics")[1]
        assert get("/else")[0] == 404
        hub.clock.at += timedelta(minutes=10)  # pyright: ignore[reportAttributeAccessIssue]
        assert get("/health")[0] == 503
